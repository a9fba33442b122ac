from __future__ import annotations

from types import SimpleNamespace

import pendulum
import pytest

from sessionize.airflow.run_hour import hour_of_run
from sessionize.model.errors import IntervalError
from sessionize.model.hours import Hour

MIDNIGHT = pendulum.datetime(2017, 2, 5)
ONE_O_CLOCK = MIDNIGHT.add(hours=1)


def context(start=MIDNIGHT, end=ONE_O_CLOCK, hour=None, run_type="scheduled", date=MIDNIGHT):
    run = SimpleNamespace(
        logical_date=date, data_interval_start=start, data_interval_end=end, run_type=run_type
    )
    return {"dag_run": run, "params": {"hour": hour}}


@pytest.mark.parametrize("run_type", ["scheduled", "backfill", "manual"])
def test_the_hour_is_that_of_the_date_and_its_interval(run_type: str):
    hour = hour_of_run(context(run_type=run_type))
    assert hour == Hour.parse("2017-02-05T00")
    assert hour.previous == Hour.parse("2017-02-04T23")


@pytest.mark.parametrize("run_type", ["backfill", "manual"])
def test_a_run_that_was_started_by_hand_is_for_the_hour_of_its_date(run_type: str, caplog):
    # `airflow dags test … 2017-02-05T01:00` makes a run whose interval is the hour before; a
    # backfill of 01 takes that run, and makes it one of its own.
    hour = hour_of_run(context(run_type=run_type, date=ONE_O_CLOCK))
    assert hour == Hour.parse("2017-02-05T01")
    assert "that of 2017-02-05T00, but its logical date says 2017-02-05T01" in caplog.text


def test_a_schedule_whose_dates_are_not_its_intervals_is_refused():
    with pytest.raises(IntervalError, match="do not agree"):
        hour_of_run(context(date=ONE_O_CLOCK))


def test_a_date_within_an_hour_names_none():
    with pytest.raises(IntervalError, match=r"do not agree.*\"hour\": \"2017-02-05T00\""):
        hour_of_run(context(run_type="manual", date=ONE_O_CLOCK.add(minutes=23)))


@pytest.mark.parametrize("date", [None, ONE_O_CLOCK.add(minutes=23), MIDNIGHT.subtract(hours=1)])
def test_a_manual_run_can_name_its_hour(date):
    run = context(start=None, end=None, hour="2017-02-04T23", run_type="manual", date=date)
    assert hour_of_run(run) == Hour.parse("2017-02-04T23")


@pytest.mark.parametrize("run_type", ["scheduled", "backfill", "manual"])
def test_it_cannot_name_another_hour_than_its_date(run_type: str):
    with pytest.raises(IntervalError, match="without a logical date"):
        hour_of_run(context(hour="2017-02-04T23", run_type=run_type))


@pytest.mark.parametrize("run_type", ["scheduled", "backfill"])
def test_no_other_run_can(run_type: str):
    with pytest.raises(IntervalError, match="manual runs only"):
        hour_of_run(context(hour="2017-02-04T23", run_type=run_type, date=None))


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
