"""A run that was started by hand does the hour that was asked for, and so does its backfill."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from sessionize.airflow.pipelines import FOLDER_VARIABLE
from sessionize.config import load_config
from sessionize.lake.storage import LocalStorage
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline
from tests.pipeline.scenario import HOURS, land_all

REPOSITORY = Path(__file__).resolve().parents[2]
FIRST, SECOND = HOURS[:2]
_SHOW_RETRIES = """
from datetime import UTC, datetime
from airflow.utils.session import create_session
from sessionize.airflow.backfill.metadata import read_retries
with create_session() as session:
    for retry in read_retries("sessionize_nitro", [datetime(2017, 2, 4, 23, tzinfo=UTC)], session):
        print(retry.task_id, f"{retry.at:%H:%M:%S}")
"""


@pytest.mark.slow
def test_dags_test_does_the_hour_of_its_date_and_leaves_no_other_to_the_backfill(
    pipelines: Path, tmp_path: Path
):
    land_all(LocalStorage(tmp_path / "raw"))
    pipeline = Pipeline.open(load_config(pipelines / "nitro.toml"))
    run_hour(pipeline, FIRST)
    home = tmp_path / "airflow"
    env = os.environ | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        FOLDER_VARIABLE: str(pipelines),
    }

    def airflow(*arguments: str) -> str:
        command = [sys.executable, "-m", "airflow", *arguments]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def interval() -> tuple[str, str]:
        with sqlite3.connect(home / "airflow.db") as database:
            rows = database.execute("select data_interval_start, data_interval_end from dag_run")
            ((start, end),) = rows.fetchall()
        return start[:16], end[:16]

    airflow("db", "migrate")
    airflow("dags", "test", "sessionize_nitro", f"{SECOND}:00")
    assert pipeline.lake.done_hours() == [FIRST, SECOND]
    assert interval() == ("2017-02-04 22:00", "2017-02-04 23:00")

    dates = ("-s", f"{SECOND}:00", "-e", f"{SECOND}:00")
    said = airflow("dags", "backfill", "sessionize_nitro", *dates, "--unpause", "--no-wait")
    assert f"{SECOND}:00Z was started by hand, over {FIRST}:00Z to {SECOND}:00Z" in said
    assert interval() == ("2017-02-04 23:00", "2017-02-05 00:00")

    # The command says when a task is tried again: as its policy has decided, or, where it was not
    # asked, as the DAG says.
    with sqlite3.connect(home / "airflow.db") as database:
        for task_id, delay in (("claim", 240), ("publish", None)):
            database.execute(
                "update task_instance set state = 'up_for_retry', try_number = 9,"
                " end_date = '2017-02-05 00:10:00.000000', retry_delay_override = ?"
                " where task_id = ?",
                (delay, task_id),
            )
    show = [sys.executable, "-c", _SHOW_RETRIES]
    done = subprocess.run(show, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-2:] == ["publish 00:11:00", "claim 00:14:00"]
