from __future__ import annotations

from types import SimpleNamespace

import pendulum
import pytest

from sessionize.airflow.run_hour import hour_of_run
from sessionize.model.errors import IntervalError
from sessionize.model.hours import Hour

MIDNIGHT = pendulum.datetime(2017, 2, 5)
ONE_O_CLOCK = MIDNIGHT.add(hours=1)


def context(start=MIDNIGHT, end=ONE_O_CLOCK, hour=None, run_type="scheduled"):
    run = SimpleNamespace(data_interval_start=start, data_interval_end=end, run_type=run_type)
    return {"dag_run": run, "params": {"hour": hour}}


@pytest.mark.parametrize("run_type", ["scheduled", "backfill", "manual"])
def test_the_hour_is_that_of_the_data_interval(run_type: str):
    hour = hour_of_run(context(run_type=run_type))
    assert hour == Hour.parse("2017-02-05T00")
    assert hour.previous == Hour.parse("2017-02-04T23")


def test_a_manual_run_can_name_its_hour():
    run = context(start=None, end=None, hour="2017-02-04T23", run_type="manual")
    assert hour_of_run(run) == Hour.parse("2017-02-04T23")


@pytest.mark.parametrize("run_type", ["scheduled", "backfill"])
def test_no_other_run_can(run_type: str):
    with pytest.raises(IntervalError, match="manual runs only"):
        hour_of_run(context(hour="2017-02-04T23", run_type=run_type))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (None, None),
        (MIDNIGHT, MIDNIGHT),
        (MIDNIGHT, MIDNIGHT.add(days=1)),
        (MIDNIGHT.add(minutes=30), MIDNIGHT.add(minutes=90)),
    ],
)
def test_an_interval_that_is_not_one_hour_is_refused(start, end):
    with pytest.raises(IntervalError):
        hour_of_run(context(start, end))
