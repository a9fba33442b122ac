"""The calendar of hours: how each stands, and what its ledger says."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from sessionize.config import PipelineConfig
from sessionize.model.errors import ForeignFileError, NewerFormatError
from sessionize.model.hours import Hour, hours_between
from sessionize.observe.catalog import Catalog, Snapshot
from sessionize.observe.plain import instant
from sessionize.observe.ranges import hour_range, one_hour
from sessionize.observe.rows import CatalogRow, worst_first
from sessionize.observe.views import (
    MOST_OBJECTS,
    BrokenChain,
    CalendarHour,
    CalendarView,
    HourRow,
    HoursView,
    HourView,
)
from sessionize.pipeline.status import HourState, Judged

_WAITING, _READING, _DAMAGED = "waiting", "reading", "damaged"


def hours(
    catalog: Catalog,
    first: Hour | str | None = None,
    end: Hour | str | None = None,
    now: datetime | None = None,
) -> HoursView:
    """Return the hours ``[first, end)``; costs no request.

    Parameters
    ----------
    catalog : Catalog
        As it was refreshed last.
    first, end : Hour or str, optional
        By default the week up to the newest published hour.
    now : datetime, optional
        Hours that are not over by then, or are not scheduled, are left out unless published.
        Default: the clock's.

    Raises
    ------
    IntervalError
        If the range is none, or too long.
    """
    snapshot, config = catalog.snapshot, catalog.config
    first, end = hour_range(catalog, first, end)
    rows = [_row(snapshot, hour) for hour in _shown(snapshot, config, first, end, now)]
    return HoursView(
        first=str(first),
        end=str(end),
        hours=rows,
        by_state=dict(Counter(row.state for row in rows)),
        settings_now=config.fingerprint(),
        progress=snapshot.progress,
    )


def calendar(
    catalog: Catalog,
    first: Hour | str | None = None,
    end: Hour | str | None = None,
    now: datetime | None = None,
) -> CalendarView:
    """Return how the hours ``[first, end)`` stand, and no more: see `hours`."""
    snapshot, config = catalog.snapshot, catalog.config
    first, end = hour_range(catalog, first, end)
    cells, broken = [], []
    for hour in _shown(snapshot, config, first, end, now):
        judged, row = snapshot.judged(hour), snapshot.rows.get(hour)
        cells.append(CalendarHour(str(hour), _state(judged, row)))
        if judged.chain_broken and row is not None:
            before = snapshot.rows.get(hour.previous)
            left = before.state_fingerprint if before else None
            broken.append(BrokenChain(str(hour), row.previous_state, left))
    return CalendarView(str(first), str(end), cells, broken, snapshot.progress)


def hour(catalog: Catalog, hour: Hour | str) -> HourView:
    """Return one hour with its objects and files; costs a read.

    Raises
    ------
    IntervalError
        If it is not an hour of the pipeline.
    StorageError
        If the lake cannot be read.
    """
    hour = one_hour(catalog, hour)
    row = _row(catalog.snapshot, hour)
    try:
        ledger = catalog.lake.ledger(hour)
    except (ForeignFileError, NewerFormatError):
        ledger = None  # the row says so
    if ledger is None:
        return HourView(row, ledger_url=catalog.lake.ledger_url(hour))
    claimed = worst_first(ledger.claimed)
    return HourView(
        row=row,
        watermark=ledger.watermark,
        claimed=claimed[:MOST_OBJECTS],
        claimed_left_out=len(claimed[MOST_OBJECTS:]),
        published=ledger.published,
        state=ledger.state,
        ledger_url=catalog.lake.ledger_url(hour),
    )


def _shown(
    snapshot: Snapshot, config: PipelineConfig, first: Hour, end: Hour, now: datetime | None
) -> list[Hour]:
    """Return the hours that are published, or should be by ``now``."""
    now = now or datetime.now(UTC)
    over = end if config.end is None else min(end, config.end)
    return [
        hour
        for hour in hours_between(first, end)
        if hour in snapshot.ledgers or (hour < over and hour.end <= now)
    ]


def _state(judged: Judged, row: CatalogRow | None) -> str:
    if judged.state is HourState.MISSING:
        return _WAITING if judged.is_blocked else judged.state.value
    if row is None:
        return _READING
    return judged.state.value if row.problem is None else _DAMAGED


def _row(snapshot: Snapshot, hour: Hour) -> HourRow:
    judged, row = snapshot.judged(hour), snapshot.rows.get(hour)
    state = _state(judged, row)
    if judged.state is HourState.MISSING:
        return HourRow(str(hour), state)
    published_at = snapshot.published_at(hour)
    written = None if published_at is None else instant(published_at)
    lag = None if published_at is None else (published_at - hour.end).total_seconds()
    if row is None or row.problem is not None:
        problem = None if row is None else row.problem
        return HourRow(str(hour), state, problem, published_at=written, lag_s=lag)
    return HourRow(
        hour=str(hour),
        state=state,
        previous_state=row.previous_state,
        state_fingerprint=row.state_fingerprint,
        chain_broken=judged.chain_broken,
        published_at=written,
        lag_s=lag,
        settings=row.settings,
        counts=row.counts,
        quarantined_by_reason=row.quarantined_by_reason,
        closed_by_reason=row.closed_by_reason,
        objects=row.objects,
        bytes_landed=row.bytes_landed,
        bytes_published={name: file.bytes for name, file in row.published.items()},
    )
