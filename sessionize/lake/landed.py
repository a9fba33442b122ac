"""The raw objects that have landed, hour by hour."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import TypeVar

from sessionize.lake.storage import S3Storage, Storage, StoredObject, side_by_side
from sessionize.model.errors import IntervalError
from sessionize.model.hours import Hour

#: Up to so many objects one listing over all days takes no more requests than one a day.
_FEW = 4000
_FOLDER = re.compile(r"(\d{4})/(\d{2})/(\d{2})/(\d{2})", re.ASCII)

_Result = TypeVar("_Result")


def hour_of(key: str) -> Hour | None:
    """Return the hour under which an object landed; None if the key is not that of an object."""
    folder, _, name = key.rpartition("/")
    # A name that begins with a dot is a leftover of some tool, never Firehose's.
    return None if not name or name.startswith(".") else _hour_of_folder(folder)


@functools.lru_cache(1024)  # objects come by the thousand from one folder
def _hour_of_folder(folder: str) -> Hour | None:
    match = _FOLDER.fullmatch(folder)
    try:
        return Hour.parse(f"{match[1]}-{match[2]}-{match[3]}T{match[4]}") if match else None
    except IntervalError:
        return None


def for_each_hour(
    raw: Storage,
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
    if isinstance(raw, S3Storage) and landed is not None and landed <= _FEW:
        yield from (look(*hour) for hour in _by_hour(_between(raw, first, last), first, last))
        return

    def of_day(day: date) -> list[_Result]:
        return [look(*hour) for hour in _by_hour(raw.list(f"{day:%Y/%m/%d/}"), first, last)]

    for results in side_by_side(raw, of_day, _days(first, last)):
        yield from results


def _by_hour(
    objects: Iterator[StoredObject], first: Hour, last: Hour
) -> Iterator[tuple[Hour, list[StoredObject]]]:
    """Put together what lies under one hour; in the order of keys it stands together."""
    landed = ((hour, entry) for entry in objects if (hour := hour_of(entry.key)) is not None)
    for hour, entries in itertools.groupby(landed, lambda pair: pair[0]):
        if first <= hour <= last:
            yield hour, [entry for _, entry in entries]


def _between(raw: S3Storage, first: Hour, last: Hour) -> Iterator[StoredObject]:
    """List the objects under a range of hours in one go."""
    begin, end = first.landing_prefix, last.landing_prefix
    # The next page may hold years of what landed later: none of it is asked for.
    alike = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(begin, end, strict=False))
    prefix = "".join(letter for letter, _ in alike)
    return itertools.takewhile(
        lambda entry: entry.key[: len(end)] <= end, raw.list(prefix, after=begin)
    )


def _days(first: Hour, last: Hour) -> Iterator[date]:
    day = first.start.date()
    while day <= last.start.date():
        yield day
        day += timedelta(days=1)
