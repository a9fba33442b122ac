from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import delete

from sessionize.airflow.page import runs
from sessionize.airflow.page.parameters import Range
from sessionize.model.hours import Hour

DAG = "sessionize_runs"
HOUR = Hour.parse("2017-02-04T22")
DAY = Range(HOUR, Hour.parse("2017-02-05T22"))


def run(**changes: Any) -> SimpleNamespace:
    blank = {"conf": {}, "logical_date": None, "data_interval_start": None}
    return SimpleNamespace(**blank | changes)


@pytest.mark.parametrize(
    ("given", "hour"),
    [
        (run(logical_date=HOUR.start), HOUR),
        (run(data_interval_start=HOUR.start), HOUR),
        # An hour that was started by hand with a date has the hour before as its interval.
        (run(logical_date=HOUR.start, data_interval_start=HOUR.previous.start), HOUR),
        (run(conf={"hour": "2017-02-04T22"}), HOUR),
        (run(conf={"hour": None}, logical_date=HOUR.start), HOUR),
        (run(conf=None, logical_date=HOUR.start), HOUR),
        (run(conf={"hour": "tomorrow"}), None),
        (run(conf={"hour": ["x"]}), None),
        (run(logical_date=HOUR.start + timedelta(minutes=5)), None),
        (run(), None),
    ],
)
def test_a_run_is_for_the_hour_that_its_tasks_take(given: SimpleNamespace, hour: Hour | None):
    assert runs.hour_of(given) == hour


@pytest.fixture
def rows(metadata: None) -> Any:
    """Put runs, and tasks of them, into Airflow's database."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    def put(run_id: str, state: str, started: datetime | None = None, **more: Any) -> None:
        with create_session() as session:
            found = DagRun(dag_id=DAG, run_id=run_id, run_type=more.pop("run_type", "scheduled"))
            found.state = state
            found.start_date = started
            for name, value in more.items():
                setattr(found, name, value)
            session.add(found)

    yield put
    with create_session() as session:
        session.execute(delete(DagRun).where(DagRun.dag_id == DAG))


def test_each_hour_has_the_run_that_counts(rows: Any):
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    rows("scheduled__2017-02-04T23:00:00+00:00", "failed", early, logical_date=HOUR.start)
    rows("manual__a+b", "success", late, run_type="manual", conf={"hour": str(HOUR)})
    rows("queued", "queued", logical_date=HOUR.next.start)
    rows("outside", "success", early, logical_date=DAY.end.start)
    rows("nonsense", "success", late, run_type="manual", conf={"hour": "nonsense"})
    found = runs.runs_between(DAG, DAY)
    assert [(run.hour, run.run_id, run.state) for run in found] == [
        (HOUR, "manual__a+b", "success"),
        (HOUR.next, "queued", "queued"),
    ]


def test_names_of_runs_are_quoted_in_links(rows: Any):
    rows("manual__a+b", "success", logical_date=HOUR.start)
    (found,) = runs.runs_between(DAG, DAY)
    assert found.path == f"dags/{DAG}/runs/manual__a%2Bb"


def test_a_run_without_tasks_has_none(rows: Any):
    rows("bare", "running", logical_date=HOUR.start)
    assert runs.tasks_of(DAG, "bare") == []
    assert runs.stage_times(DAG, runs.runs_between(DAG, DAY)) == []
