"""The engine `local`: as a process, and as a run of the DAG in a real Airflow."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from sessionize.airflow.bulk.dag import build_bulk
from sessionize.airflow.bulk.local import LocalBulkOperator
from sessionize.config import load_config
from sessionize.lake.storage import LocalStorage
from sessionize.model.errors import SparkError
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline
from tests.airflow.conftest import write_pipeline
from tests.pipeline import scenario

REPOSITORY = Path(__file__).parents[3]


def program(folder: Path, script: str) -> str:
    """A stand-in for Python."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def operator(python: str) -> LocalBulkOperator:
    arguments = ["--config", "nitro.toml", "--from", "2017-02-04T22"]
    return LocalBulkOperator(task_id="bulk", arguments=arguments, master="local[2]", python=python)


def test_it_runs_the_command_with_its_options(tmp_path: Path):
    operator(program(tmp_path, f'echo "$@" > {tmp_path}/given')).execute({})  # type: ignore[typeddict-item]
    assert (tmp_path / "given").read_text() == (
        "-m sessionize bulk --master local[2] --config nitro.toml --from 2017-02-04T22\n"
    )


def test_its_last_line_is_the_fault(tmp_path: Path):
    python = program(tmp_path, "echo first; echo 'sessionize: no Java. Install it' >&2; exit 1")
    with pytest.raises(SparkError, match=r"exit code 1: sessionize: no Java. Install it\. Do what"):
        operator(python).execute({})  # type: ignore[typeddict-item]


def test_what_ends_the_task_ends_the_process(tmp_path: Path, monkeypatch):
    """As Airflow does when the time of a task is over: it raises in the middle of it."""
    task = operator(program(tmp_path, "echo begun; exec sleep 1000"))

    def over(*_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(task.log, "info", over)
    with pytest.raises(TimeoutError):
        task.execute({})  # type: ignore[typeddict-item]
    assert task._process is not None
    assert task._process.returncode == -15


def spark_python() -> str | None:
    """A Python that has PySpark, if Java is there too."""
    python = REPOSITORY / ".venv-spark/bin/python"
    has_java = "JAVA_HOME" in os.environ or shutil.which("java")
    return str(python) if python.exists() and has_java else None


def run_dag(file: Path, params: dict[str, Any]) -> dict[str, str]:
    """Run the DAG as `airflow dags test` does; return the states of its tasks."""
    dag = build_bulk(file)
    assert dag is not None
    run = dag.test(run_conf=params)
    return {ti.task_id: str(ti.state) for ti in run.get_task_instances()}


HOURS = {"from": str(scenario.START), "to": str(scenario.HOURS[-1].next)}


@pytest.mark.slow
def test_a_run_of_the_dag_hands_the_hours_on(pipelines: Path, tmp_path: Path, airflow: None):
    python = program(tmp_path, f'echo "$@" > {tmp_path}/given')
    settings = f'[bulk]\nengine = "local"\npython = "{python}"\n'
    file = write_pipeline(pipelines, "nitro", settings)
    states = run_dag(file, HOURS | {"resume": True})
    assert states == {"check": "success", "bulk": "success"}
    assert (tmp_path / "given").read_text().split()[-7:] == [
        *("--config", str(file), "--from", HOURS["from"], "--to", HOURS["to"], "--resume")
    ]


@pytest.mark.slow
@pytest.mark.skipif(
    spark_python() is None, reason="no .venv-spark here (`make test-spark`), or no Java"
)
def test_a_run_of_the_dag_leaves_what_hourly_runs_leave(
    pipelines: Path, tmp_path: Path, airflow: None, monkeypatch
):
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    settings = f'[bulk]\nengine = "local"\nmaster = "local[2]"\npython = "{spark_python()}"\n'
    file = write_pipeline(pipelines, "nitro", settings)
    scenario.land_all(LocalStorage(tmp_path / "raw"))
    assert run_dag(file, HOURS) == {"check": "success", "bulk": "success"}
    lake = LocalStorage(tmp_path / "lake")
    in_bulk = scenario.content(lake)
    for key in in_bulk:
        lake.delete(key)
    for hour in scenario.HOURS:
        run_hour(Pipeline.open(load_config(file)), hour)
    assert scenario.content(lake) == in_bulk
