from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import TaskDeferred

from sessionize.airflow.delivery import DeliveryOperator
from sessionize.model.errors import IntervalError

from .conftest import write_pipeline


def context(end: datetime, conf: dict | None = None):
    start = end - timedelta(hours=1)
    run = SimpleNamespace(
        logical_date=start,
        data_interval_start=start,
        data_interval_end=end,
        run_type="scheduled",
        conf=conf,
    )
    return {"dag_run": run, "params": {"hour": None}}


def operator(pipelines: Path, wait: timedelta, more: str = "") -> DeliveryOperator:
    file = str(write_pipeline(pipelines, "nitro", more))
    return DeliveryOperator(task_id="wait", pipeline_file=file, wait=wait)


def this_hour() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


def test_an_hour_long_past_does_not_wait(pipelines: Path):
    waits = operator(pipelines, timedelta(minutes=15))
    waits.execute(context(datetime(2017, 2, 4, 23, tzinfo=UTC)))


def test_an_hour_that_has_just_ended_waits_in_the_triggerer(pipelines: Path):
    end = this_hour()
    with pytest.raises(TaskDeferred) as deferred:
        operator(pipelines, timedelta(hours=2)).execute(context(end))
    assert deferred.value.trigger.moment == end + timedelta(hours=2)


def test_an_hour_that_has_begun_is_waited_for_and_a_future_one_refused(pipelines: Path, caplog):
    waits = operator(pipelines, timedelta(0))
    end = this_hour() + timedelta(hours=1)
    with pytest.raises(TaskDeferred):
        waits.execute(context(end))
    with pytest.raises(IntervalError, match=r"in the future: it is .* in UTC"):
        waits.execute(context(end + timedelta(days=7)))
    assert "REMEDY  Give an hour that has begun, in UTC." in caplog.messages


@pytest.mark.parametrize("end", ["2017-02-04T22:00", "2017-02-05T00:00"])
def test_an_hour_that_is_never_scheduled_is_refused(pipelines: Path, end: str):
    waits = operator(pipelines, timedelta(0), "end = 2017-02-04T23:00:00Z")
    waits.execute(context(datetime(2017, 2, 4, 23, tzinfo=UTC)))
    with pytest.raises(IntervalError, match=r"before the first hour|not lie before the end"):
        waits.execute(context(datetime.fromisoformat(f"{end}+00:00")))


def test_a_run_that_was_woken_by_a_later_hour_does_not_wait(pipelines: Path):
    end = this_hour()
    waits = operator(pipelines, timedelta(hours=2))
    waits.execute(context(end, {"landed": f"{end:%Y-%m-%dT%H}"}))
    its_own, before = (f"{end - timedelta(hours=n):%Y-%m-%dT%H}" for n in (1, 2))
    for conf in (None, {}, {"landed": its_own}, {"landed": before}):
        with pytest.raises(TaskDeferred):
            waits.execute(context(end, conf))


def test_an_hour_that_has_not_ended_waits_whatever_has_landed(pipelines: Path):
    end = this_hour() + timedelta(hours=1)
    with pytest.raises(TaskDeferred):
        operator(pipelines, timedelta(0)).execute(context(end, {"landed": f"{end:%Y-%m-%dT%H}"}))
