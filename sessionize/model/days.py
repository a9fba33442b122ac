"""The day, in UTC: its text, its partition, its hours. A day is a plain ``date``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from sessionize.model.errors import IntervalError
from sessionize.model.hours import Hour, hours_between

ONE_DAY = timedelta(days=1)


def parse_day(text: str) -> date:
    """Read ``2017-02-04``.

    Raises
    ------
    IntervalError
        If the text is not a day.
    """
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text.strip(), re.ASCII):
            raise ValueError
        return date.fromisoformat(text.strip())
    except ValueError:
        raise IntervalError(
            f"{text!r} is not a day", "Write it in UTC as YYYY-MM-DD: 2017-02-04."
        ) from None


def day_of(hour: Hour) -> date:
    """Return the day that an hour lies in."""
    return hour.start.date()


def day_partition(day: date) -> str:
    """Return the Hive partition: ``dt=2017-02-04``."""
    return f"dt={day:%Y-%m-%d}"


def first_hour(day: date) -> Hour:
    """Return the hour that begins at midnight."""
    return Hour(datetime.combine(day, time(), UTC))


def hours_of(day: date) -> list[Hour]:
    """Return the day's 24 hours, in order."""
    return list(hours_between(first_hour(day), first_hour(day + ONE_DAY)))


def days_between(first: date, end: date) -> Iterator[date]:
    """Yield the days of the half-open range ``[first, end)``, in order."""
    day = first
    while day < end:
        yield day
        day += ONE_DAY
