from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import delete, insert

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


def test_what_has_not_succeeded_is_told_unless_another_run_has(rows: Any):
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    assert runs.unfinished_between(DAG, DAY) == []
    rows("mended", "failed", early, logical_date=HOUR.start)
    rows("manual__mends", "success", late, run_type="manual", conf={"hour": str(HOUR)})
    rows("done", "success", early, logical_date=HOUR.next.start)
    rows("failed", "failed", early, logical_date=HOUR.next.next.start)
    rows("outside", "failed", early, logical_date=DAY.end.start)
    assert [run.run_id for run in runs.unfinished_between(DAG, DAY)] == ["failed"]


def test_names_of_runs_are_quoted_in_links(rows: Any):
    rows("manual__a+b", "success", logical_date=HOUR.start)
    (found,) = runs.runs_between(DAG, DAY)
    assert found.path == f"dags/{DAG}/runs/manual__a%2Bb"


def test_a_run_without_tasks_has_none(rows: Any):
    rows("bare", "running", logical_date=HOUR.start)
    assert runs.tasks_of(DAG, "bare") == []
    assert runs.stage_times(DAG, runs.runs_between(DAG, DAY)) == []


def test_a_stage_takes_from_its_first_start_to_its_last_end(rows: Any):
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    rows("whole", "success", logical_date=HOUR.start)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    ended = {("validate", 0): 20, ("validate", 1): 50, ("publish", -1): 7, ("claim", -1): None}
    with create_session() as session:
        for (task_id, index), seconds in ended.items():
            session.execute(
                insert(TaskInstance).values(
                    id=uuid4(),
                    dag_id=DAG,
                    run_id="whole",
                    task_id=task_id,
                    map_index=index,
                    state="success" if seconds else "running",
                    start_date=at + timedelta(seconds=max(index, 0)),
                    end_date=at + timedelta(seconds=seconds) if seconds else None,
                    **{"pool": "default_pool", "pool_slots": 1, "queue": "default"},
                )
            )
    found = runs.stage_times(DAG, runs.runs_between(DAG, DAY))
    assert [(time.hour, time.task_id, time.elapsed_s) for time in found] == [
        (HOUR, "publish", 7.0),
        (HOUR, "validate", 50.0),
    ]


def test_a_days_stages_are_the_mean_of_its_hours():
    later = Hour.parse("2017-02-05T01")
    times = [
        runs.StageTime(hour, "publish", seconds)
        for hour, seconds in ((HOUR, 2.0), (HOUR.next, 4.0), (later, 9.0))
    ]
    assert [(it.begin, it.elapsed_s) for it in runs.mean_times(times, "day")] == [
        ("2017-02-04", 3.0),
        ("2017-02-05", 9.0),
    ]
    assert len(runs.mean_times(times, "hour")) == len(times)
