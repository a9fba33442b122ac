"""The raw objects that have landed, hour by hour."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import TypeVar

from sessionize.lake.storage import S3Storage, Storage, StoredObject, side_by_side
from sessionize.model.hours import Hour, hours_between
from sessionize.model.landing_prefix import LandingPrefix

#: Up to so many objects one listing over all days takes no more requests than one a day.
_FEW = 4000

_Result = TypeVar("_Result")


def for_each_hour(
    raw: Storage,
    prefix: LandingPrefix,
    first: Hour,
    last: Hour,
    look: Callable[[Hour, list[StoredObject]], _Result],
    landed: int | None,
) -> Iterator[_Result]:
    """Call ``look`` with the objects of each hour from ``first`` to ``last`` that has any.

    Days are listed side by side; of each, one hour's objects are in memory at a time. Results come
    in the order of the hours.

    Parameters
    ----------
    raw : Storage
        The raw prefix.
    prefix : LandingPrefix
        Where below it an hour's objects land.
    first, last : Hour
        Both are included.
    look : callable
        Called from several threads.
    landed : int or None
        About how many objects there are, if that is known. Few are listed in one go.

    Raises
    ------
    StorageError
        If the raw prefix cannot be listed.
    """
    if prefix.is_in_order and isinstance(raw, S3Storage) and landed is not None and landed <= _FEW:
        objects = _between(raw, prefix.of(first), prefix.of(last))
        yield from (look(*hour) for hour in _by_hour(objects, prefix, first, last))
        return

    def under(folder: str) -> list[_Result]:
        return [look(*hour) for hour in _by_hour(raw.list(folder), prefix, first, last)]

    folders = (
        [prefix.of_day(day) for day in _days(first, last)]
        if prefix.is_in_order
        else [prefix.of(hour) for hour in hours_between(first, last.next)]
    )
    for results in side_by_side(raw, under, folders):
        yield from results


def _by_hour(
    objects: Iterator[StoredObject], prefix: LandingPrefix, first: Hour, last: Hour
) -> Iterator[tuple[Hour, list[StoredObject]]]:
    """Put together what lies under one hour; in the order of keys it stands together."""
    landed = ((hour, entry) for entry in objects if (hour := prefix.hour_of(entry.key)) is not None)
    for hour, entries in itertools.groupby(landed, lambda pair: pair[0]):
        if first <= hour <= last:
            yield hour, [entry for _, entry in entries]


def _between(raw: S3Storage, begin: str, end: str) -> Iterator[StoredObject]:
    """List the objects under a range of hours in one go."""
    # The next page may hold years of what landed later: none of it is asked for.
    alike = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(begin, end, strict=False))
    common = "".join(letter for letter, _ in alike)
    return itertools.takewhile(
        lambda entry: entry.key[: len(end)] <= end, raw.list(common, after=begin)
    )


def _days(first: Hour, last: Hour) -> Iterator[date]:
    day = first.start.date()
    while day <= last.start.date():
        yield day
        day += timedelta(days=1)
