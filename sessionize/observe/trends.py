"""Figures over time: from the ledgers, and the lengths of sessions from one column of theirs."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sessionize.lake.ledger import Counts
from sessionize.lake.storage import side_by_side
from sessionize.model.errors import RequestError
from sessionize.model.hours import Hour
from sessionize.observe.catalog import Catalog, Snapshot
from sessionize.observe.files import of_dataset
from sessionize.observe.lengths import BOUNDS, KeptLengths, LengthCounts
from sessionize.observe.partial import LakeFile, Reader
from sessionize.observe.ranges import MOST_HOURS, hour_range
from sessionize.observe.rows import CatalogRow
from sessionize.observe.views import Lengths, TrendBucket, TrendsView

#: Decades, where a day is a bucket.
_MOST_HOURS_BY_DAY = 20 * MOST_HOURS
_MOST_FILES = 1000


def trends(
    catalog: Catalog,
    first: Hour | str | None = None,
    end: Hour | str | None = None,
    by: Literal["hour", "day"] | str = "hour",
    read_files: int = 100,
) -> TrendsView:
    """Return the figures of the hours ``[first, end)``, an hour or a day (UTC) to a bucket.

    Parameters
    ----------
    catalog : Catalog
        As it was refreshed last.
    first, end : Hour or str, optional
        By default the week up to the newest published hour.
    by : "hour" or "day"
        How long a bucket is.
    read_files : int
        The most files of sessions that are read for their lengths now, the newest first; 0: none.
        What has been read is kept, so asking again goes on.

    Raises
    ------
    IntervalError, RequestError
        If the range, or ``by``, is none that can be had.
    StorageError
        If the lake cannot be read.
    """
    if by not in ("hour", "day"):
        raise RequestError(f"trends by {by[:50]!r} are not to be had", 'Ask for "hour" or "day".')
    most = MOST_HOURS if by == "hour" else _MOST_HOURS_BY_DAY
    first, end = hour_range(catalog, first, end, most)
    snapshot = catalog.snapshot
    hours = [_HourFigures(hour, row) for hour, row in snapshot.published(first, end)]
    _add_lengths(catalog, hours, max(0, min(read_files, _MOST_FILES)))
    buckets = [
        _bucket(snapshot, begin, list(within), catalog.lengths)
        for begin, within in itertools.groupby(hours, lambda it: _begin(it.hour, by))
    ]
    with_sessions = [it for it in hours if it.file.rows]
    read = sum(it.lengths is not None for it in with_sessions)
    lost = sum(it.lengths is None and catalog.lengths.is_lost(it.file) for it in with_sessions)
    return TrendsView(
        first=str(first),
        end=str(end),
        by=by,
        buckets=buckets,
        length_bounds_s=list(BOUNDS),
        lengths=_added(hours),
        lengths_read=read,
        lengths_waiting=len(with_sessions) - read - lost,
        progress=snapshot.progress,
        lengths_lost=lost,
    )


@dataclass
class _HourFigures:
    """A published hour; the lengths of its sessions, once they are known."""

    hour: Hour
    row: CatalogRow
    lengths: LengthCounts | None = None
    file: LakeFile = field(init=False)

    def __post_init__(self) -> None:
        self.file = of_dataset("sessions", self.hour, self.row)


def _add_lengths(catalog: Catalog, hours: Sequence[_HourFigures], most: int) -> None:
    kept, waiting = catalog.lengths, []
    for it in hours:
        if it.file.rows:
            it.lengths = kept.get(it.file)
            if it.lengths is None and not kept.is_lost(it.file):
                waiting.append(it)
    reader = Reader(catalog.lake.storage)
    chosen = waiting[::-1][:most]
    found = side_by_side(catalog.lake.storage, lambda it: kept.read(reader, it.file), chosen)
    for it, lengths in zip(chosen, found, strict=True):
        it.lengths = lengths


def _begin(hour: Hour, by: str) -> str:
    return str(hour) if by == "hour" else hour.start.date().isoformat()


def _bucket(
    snapshot: Snapshot, begin: str, hours: Sequence[_HourFigures], kept: KeptLengths
) -> TrendBucket:
    rows = [it.row for it in hours]
    total = _total(row.counts for row in rows if row.counts is not None)
    last = rows[-1].counts
    closed: Counter[str] = Counter()
    for row in rows:
        closed.update(row.closed_by_reason)
    published = ((it.hour, snapshot.published_at(it.hour)) for it in hours)
    lags = [(at - hour.end).total_seconds() for hour, at in published if at is not None]
    if len(hours) == 1 and hours[0].lengths is not None:
        lengths = kept.summary(hours[0].file, hours[0].lengths)
    else:
        lengths = _added(hours)
    return TrendBucket(
        begin=begin,
        hours=len(hours),
        records=total["records_read"],
        valid=total["valid"],
        quarantined=total["quarantined"],
        late=total["late"],
        duplicates=total["duplicates"],
        settled=total["settled"],
        sessions_closed=total["sessions_closed"],
        closed_by_reason=dict(closed),
        sessions_open=last.sessions_open if last else 0,
        share_quarantined=_share(total["quarantined"], total["records_read"]),
        share_late=_share(total["late"], total["valid"]),
        share_duplicates=_share(total["duplicates"], total["valid"]),
        objects=sum(row.objects for row in rows),
        bytes_landed=sum(row.bytes_landed for row in rows),
        bytes_published=sum(file.bytes for row in rows for file in row.published.values()),
        lag_max_s=max(lags, default=None),
        lengths=lengths,
    )


_SUMMED = ("records_read", "valid", "quarantined", "late", "duplicates", "settled")


def _total(counts: Iterable[Counts]) -> dict[str, int]:
    names = (*_SUMMED, "sessions_closed")
    total = dict.fromkeys(names, 0)
    for count in counts:
        for name in names:
            total[name] += getattr(count, name)
    return total


def _added(hours: Iterable[_HourFigures]) -> Lengths:
    known = [it.lengths for it in hours if it.lengths is not None]
    return LengthCounts.added(known).summary() if known else _NO_LENGTHS


_NO_LENGTHS = Lengths(0, None, None, [0] * len(BOUNDS))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
