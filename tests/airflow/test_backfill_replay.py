"""The dates of a backfill, from the plan of a replay, as the command takes them."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from sessionize.airflow.backfill import command, replay
from sessionize.airflow.backfill.plan import Create, Reprocess
from sessionize.airflow.pipelines import FOLDER_VARIABLE
from sessionize.config import load_config
from sessionize.lake.storage import LocalStorage
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline
from tests.airflow import test_backfill_command as of_command
from tests.airflow.test_backfill_command import Airflow, airflow, parse  # noqa: F401
from tests.pipeline import scenario

HOURS = scenario.HOURS
DATES = tuple(hour.start for hour in HOURS)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lake is a folder: Airflow's connection is not needed, and not there."""
    monkeypatch.setattr(replay, "credentials_of", lambda _: None)
    monkeypatch.setattr(of_command, "DATES", DATES)


@pytest.fixture
def raw(pipelines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStorage:
    """A pipeline of which three of four hours have been run; its raw objects."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(pipelines))
    raw = LocalStorage(tmp_path / "raw")
    scenario.land_all(raw)
    pipeline = Pipeline.open(load_config(pipelines / "nitro.toml"))
    for hour in HOURS[:3]:
        run_hour(pipeline, hour)
    return raw


def backfill(first: datetime, last: datetime, *options: str, dag: str = "sessionize_nitro"):  # type: ignore[no-untyped-def]
    arguments = ("-s", first.isoformat(), "-e", last.isoformat(), "--replay", *options)
    parsed = parse(*arguments)
    parsed.dag_id = dag
    with pytest.raises(SystemExit) as stop:
        command.dags_backfill.__wrapped__.__wrapped__(parsed)
    return stop.value.code


def test_hours_that_would_come_out_as_they_are_are_nothing_to_do(raw, airflow, capsys):  # noqa: F811
    airflow.before = dict.fromkeys(DATES[:3], "success")
    assert backfill(DATES[0], DATES[2]) == 0
    assert airflow.done == []
    said = capsys.readouterr().out
    assert "left alone: run again, it would come out as it is" in said
    assert "--replay --reset-dagruns" in said


def test_what_stands_on_an_hour_that_is_run_again_is_run_too(raw, airflow):  # noqa: F811
    airflow.before = dict.fromkeys(DATES[:3], "success")
    scenario.land(raw, HOURS[1], "late", [scenario.event("f6", "23:50:00")])
    assert backfill(DATES[0], DATES[1], "--yes") == 0
    assert airflow.done[0][0] == Create(DATES[1], DATES[2], Reprocess.COMPLETED)


def test_all_hours_that_were_asked_for_are_run_if_they_are_to_be(raw, airflow):  # noqa: F811
    airflow.before = dict.fromkeys(DATES[:3], "success")
    assert backfill(DATES[1], DATES[1], "--reset-dagruns", "--yes") == 0
    assert airflow.done[0][0] == Create(DATES[1], DATES[2], Reprocess.COMPLETED)


def test_a_dry_run_shows_the_plan_and_creates_nothing(raw, airflow, capsys):  # noqa: F811
    assert backfill(DATES[0], DATES[3], "--dry-run") == 0
    assert airflow.done == []
    said = capsys.readouterr().out
    assert f"{HOURS[3]}: run: it never has been" in said
    assert f"to run: {HOURS[3]}:00Z" in said


def test_an_hour_that_cannot_be_run_is_refused(raw, airflow, capsys):  # noqa: F811
    raw.delete(f"{HOURS[1].landing_prefix}stream-1-b-1")
    assert backfill(DATES[1], DATES[1], "--reset-dagruns", "--yes") == 1
    assert airflow.done == []
    assert f"{HOURS[1]} cannot be run again" in capsys.readouterr().err


def test_a_dag_of_no_pipeline_has_no_replay(raw, airflow, capsys):  # noqa: F811
    assert backfill(DATES[0], DATES[1], dag="another") == 1
    assert "leave --replay out" in capsys.readouterr().err


def test_a_range_without_dates_is_refused_before_anything_is_planned(raw, airflow):  # noqa: F811
    early = DATES[0] - timedelta(days=9)
    assert backfill(early, early) == 1
