from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sessionize.airflow.bulk import check
from sessionize.airflow.bulk.check import check_idle, range_of
from sessionize.config import load_config
from sessionize.model.errors import IntervalError, RequestError
from sessionize.model.hours import Hour
from tests.airflow.conftest import write_pipeline

NOW = datetime(2017, 2, 5, 3, 30, tzinfo=UTC)


class Instance:
    """What a task asks Airflow."""

    def __init__(self, *, is_paused: bool, at_work: int = 0) -> None:
        self._paused, self._at_work = is_paused, at_work
        self.asked: list[str] = []

    def get_dag(self, dag_id: str) -> Any:
        self.asked.append(dag_id)
        return SimpleNamespace(is_paused=self._paused)

    def get_ti_count(self, dag_id: str, states: list[str]) -> int:
        self.asked.append(dag_id)
        return self._at_work if "running" in states else 0


def hours(pipelines: Path, first: str, end: str) -> tuple[Hour, Hour]:
    config = load_config(write_pipeline(pipelines, "nitro", "end = 2017-02-05T12:00:00Z\n"))
    return range_of({"from": first, "to": end}, config, NOW)


def test_the_hours_are_half_open_and_the_last_has_begun(pipelines: Path):
    first, end = hours(pipelines, "2017-02-04T22", "2017-02-05T04")
    assert (str(first), str(end)) == ("2017-02-04T22", "2017-02-05T04")


@pytest.mark.parametrize(
    ("first", "end", "says"),
    [
        ("2017-02-04T23", "2017-02-04T23", "`to`, 2017-02-04T23, is not after `from`"),
        ("2017-02-04T23", "2017-02-04T22", "Give the first hour, and the one after the last"),
        ("2017-02-04T21", "2017-02-04T23", "it has those from 2017-02-04T22 to 2017-02-05T12"),
        ("2017-02-04T22", "2017-02-05T13", "or mend `start` or `end` in its file"),
        ("2017-02-04T22", "2017-02-05T05", "2017-02-05T04 lies in the future"),
    ],
)
def test_hours_that_cannot_be_run(pipelines: Path, first: str, end: str, says: str):
    with pytest.raises(IntervalError, match=says):
        hours(pipelines, first, end)


def test_an_hourly_dag_that_is_paused_and_idle_is_no_hindrance():
    instance = Instance(is_paused=True)
    check_idle(instance, "sessionize_nitro")  # type: ignore[arg-type]
    assert {*instance.asked} == {"sessionize_nitro"}


def test_an_hourly_dag_that_is_not_paused_could_run_the_same_hours():
    with pytest.raises(RequestError, match=r"airflow dags pause sessionize_nitro\), and clear"):
        check_idle(Instance(is_paused=False), "sessionize_nitro")  # type: ignore[arg-type]


def test_tasks_that_are_still_at_work_are_waited_for():
    with pytest.raises(RequestError, match=r"2 of its tasks are still at work\. Wait until"):
        check_idle(Instance(is_paused=True, at_work=2), "sessionize_nitro")  # type: ignore[arg-type]


@pytest.mark.parametrize(("resume", "more"), [(False, []), (True, ["--resume"])])
def test_it_gives_the_options_of_the_command(pipelines: Path, monkeypatch, resume, more):
    params = {"from": "2017-02-04T22", "to": "2017-02-05T00", "resume": resume}
    context = {"params": params, "ti": Instance(is_paused=True)}
    monkeypatch.setattr(check, "get_current_context", lambda: context)
    options = check.check.function(str(pipelines / "nitro.toml"), "nitro.toml")
    assert options == [
        *("--config", "nitro.toml", "--from", "2017-02-04T22", "--to", "2017-02-05T00"),
        *more,
    ]
