"""What a request may ask for: hours, ranges and ids, checked before anything is read.

What does not pass is answered with 422 and never reaches the store.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, NoReturn

from fastapi import HTTPException, Path, Query

from sessionize.model.errors import IntervalError
from sessionize.model.hours import Hour
from sessionize.model.reasons import Reason

#: Some fourteen months: what a calendar of hours can still show.
LONGEST_RANGE = timedelta(hours=10_240)
_HOUR = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}", re.ASCII)

#: An id is compared with values, never made part of a key. Any text may be one: it stands in the
#: query, for a path cannot hold every text.
Identifier = Annotated[str, Query(min_length=1, max_length=1024)]


def refuse(fault: str, remedy: str) -> NoReturn:
    """Answer 422 with the fault and its remedy."""
    raise HTTPException(422, {"fault": fault, "remedy": remedy})


def not_found(fault: str, remedy: str) -> NoReturn:
    """Answer 404 with the fault and its remedy."""
    raise HTTPException(404, {"fault": fault, "remedy": remedy})


def _parse(text: str) -> Hour:
    try:
        # Of the texts that `Hour` reads only the one that the page writes.
        if not _HOUR.fullmatch(text):
            raise IntervalError(
                f"{text[:40]!r} is not an hour", "Write it as 2017-02-04T23, in UTC."
            )
        hour = Hour.parse(text)
    except IntervalError as error:
        refuse(error.fault, error.remedy)
    # The hours before and after it must be ones, too.
    if not 1970 <= hour.start.year < 2200:
        refuse(f"{hour} is far from any event", "Take an hour of this century.")
    return hour


def hour_of_path(hour: Annotated[str, Path(max_length=64)]) -> Hour:
    """Read the hour in the path."""
    return _parse(hour)


@dataclass(frozen=True)
class Range:
    """The hours in ``[first, end)``."""

    first: Hour
    end: Hour


def range_of_query(
    first: Annotated[str, Query(max_length=64)], end: Annotated[str, Query(max_length=64)]
) -> Range:
    """Read ``first`` and ``end`` of the query, half-open."""
    hours = Range(_parse(first), _parse(end))
    if hours.end <= hours.first:
        refuse(f"the range ends at {hours.end}, not after {hours.first}", "Let it end later.")
    if hours.end.start - hours.first.start > LONGEST_RANGE:
        refuse(
            f"the range from {hours.first} to {hours.end} is longer than "
            f"{LONGEST_RANGE // timedelta(hours=1):,} hours",
            "Ask for fewer hours at once.",
        )
    return hours


def optional_range(
    first: Annotated[str | None, Query(max_length=64)] = None,
    end: Annotated[str | None, Query(max_length=64)] = None,
) -> Range | None:
    """Read the range of the query as `range_of_query`, if there is one."""
    if first is None and end is None:
        return None
    return range_of_query(first or "", end or "")


def reason_of_query(reason: Annotated[str | None, Query(max_length=64)] = None) -> str | None:
    """Read the optional reason for quarantine; it must be one that there is."""
    if reason and reason not in {known.value for known in Reason}:
        refuse(f"{reason!r} is no reason for quarantine", "Take one of those that the page lists.")
    return reason or None
