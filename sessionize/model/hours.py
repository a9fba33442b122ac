"""The hour: the unit of work, of landing and of publication."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import total_ordering

from sessionize.model.errors import IntervalError

_ONE_HOUR = timedelta(hours=1)
_TEXT = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2})(?::00(?::00)?)?(?:Z|\+00:00)?", re.ASCII)


@total_ordering
class Hour:
    """One clock hour in UTC, named by its start; a value, immutable and ordered.

    Parameters
    ----------
    start : datetime
        Aware, aligned to the hour.

    Raises
    ------
    IntervalError
        If ``start`` has no time zone or is not the start of an hour.
    """

    __slots__ = ("_start",)

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise IntervalError(
                f"{start.isoformat()} has no time zone", "Give the hour in UTC, ending in Z."
            )
        if type(start) is not datetime or start.tzinfo is not UTC:
            # A plain datetime, whatever subclass comes in: not all of them do sums in UTC.
            start = datetime.fromisoformat(start.isoformat()).astimezone(UTC)
        if start.minute or start.second or start.microsecond:
            raise IntervalError(
                f"{start.isoformat()} is not the start of an hour",
                "A run covers exactly one clock hour, such as 2017-02-04T23.",
            )
        self._start = start

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hour) and self._start == other._start

    def __lt__(self, other: Hour) -> bool:
        return self._start < other._start

    def __hash__(self) -> int:
        return hash(self._start)

    def __repr__(self) -> str:
        return f"Hour({self})"

    @property
    def start(self) -> datetime:
        """The first instant of the hour, aware, in UTC."""
        return self._start

    @classmethod
    def parse(cls, text: str) -> Hour:
        """Read ``2017-02-04T23`` (minutes, seconds and ``Z`` may follow).

        Raises
        ------
        IntervalError
            If the text is not an aligned hour.
        """
        match = _TEXT.fullmatch(text.strip())
        try:
            if match is None:
                raise ValueError
            start = datetime.fromisoformat(f"{match[1]}T{match[2]}:00:00+00:00")
        except ValueError:
            raise IntervalError(
                f"{text!r} is not an hour", "Write it in UTC as YYYY-MM-DDTHH: 2017-02-04T23."
            ) from None
        return cls(start)

    @classmethod
    def containing(cls, instant: datetime) -> Hour:
        """Return the hour in which an aware instant lies."""
        return cls(instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0))

    @classmethod
    def of_interval(cls, start: datetime | None, end: datetime | None) -> Hour:
        """Take the hour from a data interval.

        Raises
        ------
        IntervalError
            Unless the interval is exactly one aligned hour.
        """
        if start is None or end is None or end - start != _ONE_HOUR:
            raise IntervalError(
                f"the run's data interval is {start} to {end}, which is not one hour",
                "Start the run with the param `hour` (2017-02-04T23), or backfill the hour.",
            )
        return cls(start)

    @property
    def end(self) -> datetime:
        """The first instant after the hour."""
        return self.start + _ONE_HOUR

    @property
    def previous(self) -> Hour:
        """The hour before."""
        return Hour(self.start - _ONE_HOUR)

    @property
    def next(self) -> Hour:
        """The hour after."""
        return Hour(self.end)

    @property
    def partition(self) -> str:
        """The Hive partition: ``dt=2017-02-04/hour=23``."""
        return f"{self.start:dt=%Y-%m-%d/hour=%H}"

    @property
    def landing_prefix(self) -> str:
        """The folder that Firehose delivers the hour into: ``2017/02/04/23/``."""
        return f"{self.start:%Y/%m/%d/%H/}"

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%dT%H}"


def hours_between(first: Hour, end: Hour) -> Iterator[Hour]:
    """Yield the hours of the half-open range ``[first, end)``, in order."""
    hour = first
    while hour < end:
        yield hour
        hour = hour.next


@functools.lru_cache(1 << 16)  # listings of years name the same hours again and again
def hour_of_partition(partition: str) -> Hour | None:
    """Read ``dt=2017-02-04/hour=23``; None if the text is not a partition."""
    match = re.fullmatch(r"dt=(\d{4}-\d{2}-\d{2})/hour=(\d{2})", partition, re.ASCII)
    try:
        return Hour.parse(f"{match[1]}T{match[2]}") if match else None
    except IntervalError:
        return None
