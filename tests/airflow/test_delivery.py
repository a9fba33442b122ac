from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import TaskDeferred

from sessionize.airflow.delivery import DeliveryOperator


def context(end: datetime):
    start = end - timedelta(hours=1)
    run = SimpleNamespace(
        logical_date=start,
        data_interval_start=start,
        data_interval_end=end,
        run_type="scheduled",
    )
    return {"dag_run": run, "params": {"hour": None}}


def test_an_hour_long_past_does_not_wait():
    operator = DeliveryOperator(task_id="wait", wait=timedelta(minutes=15))
    operator.execute(context(datetime(2017, 2, 4, 23, tzinfo=UTC)))


def test_an_hour_that_has_just_ended_waits_in_the_triggerer():
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    operator = DeliveryOperator(task_id="wait", wait=timedelta(hours=2))
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(context(end))
    assert deferred.value.trigger.moment == end + timedelta(hours=2)
