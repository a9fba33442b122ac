"""Which hour a DAG run is for."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sessionize.airflow.instants import plain
from sessionize.model.errors import IntervalError
from sessionize.model.hours import Hour

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.sdk import Context

log = logging.getLogger(__name__)


def hour_of_run(context: Context) -> Hour:
    """Tell the hour of a run: that of its logical date, or the param ``hour`` of a manual run.

    A backfill finds runs by their logical date and believes that each has done the hour which
    begins there: so no run may do another one. A run of the schedule has its date and its data
    interval from there and they agree; one that was started by hand with a date (``airflow dags
    test``, the API) got as its interval some hour before, and that is not meant.

    Raises
    ------
    IntervalError
        If the run does not stand for exactly one hour.
    """
    run = context["dag_run"]
    text = context["params"].get("hour")
    date = plain(run.logical_date) if run.logical_date else None
    if text is not None:
        return _hour_of_param(text, date, run.run_type)
    start, end = run.data_interval_start, run.data_interval_end
    interval = Hour.of_interval(start and plain(start), end and plain(end))
    if date is None:
        return interval
    hour = _hour_of_date(date)
    if hour is None or (hour != interval and run.run_type == "scheduled"):
        raise IntervalError(
            f"the run's logical date is {date.isoformat()}, its data interval that of {interval}: "
            "they do not agree on an hour",
            'Trigger the hour by its name, without a logical date (--conf \'{"hour": '
            f'"{interval}"}}\'), or backfill it.',
        )
    if hour != interval:
        log.warning(
            "The run was started by hand: its data interval is that of %s, but its logical date "
            "says %s, and that is run",
            interval,
            hour,
        )
    return hour


def check_begun(hour: Hour, now: datetime) -> None:
    """Make sure that an hour is not one of the future.

    Raises
    ------
    IntervalError
        If it begins after ``now``.
    """
    if hour.start > now:
        raise IntervalError(
            f"{hour} lies in the future: it is {now:%Y-%m-%dT%H:%M} in UTC",
            "Give an hour that has begun, in UTC.",
        )


def _hour_of_param(text: str, date: datetime | None, run_type: str) -> Hour:
    hour = Hour.parse(text)
    of_date = _hour_of_date(date) if date else None
    if of_date is not None and of_date != hour:
        raise IntervalError(
            f"the param `hour` says {hour}, but the run's logical date is that of {of_date}, and a "
            "backfill would take the run for it",
            "Trigger the DAG again with the param and without a logical date.",
        )
    if of_date is None and run_type != "manual":
        raise IntervalError(
            f"the param `hour` ({text}) is given to a {run_type} run, which has its own hour",
            "Give `hour` to manual runs only; a backfill takes its hours from its dates.",
        )
    return hour


def _hour_of_date(date: datetime) -> Hour | None:
    return Hour(date) if not (date.minute or date.second or date.microsecond) else None
