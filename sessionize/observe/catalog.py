"""What the ledgers say, one compact row an hour: in memory, and in a cache file for each lake.

A row is kept as long as the objects that it was told from, the hour's ledger and its claim, have
the versions that a listing shows: so an hour that is run again is read again, and no other.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sessionize.config import PipelineConfig
from sessionize.lake.claim_records import claims_listed
from sessionize.lake.layout import Lake
from sessionize.lake.storage import ABSENT, StoredObject, side_by_side
from sessionize.lake.storage.side_by_side import concurrency_of
from sessionize.model.hours import Hour
from sessionize.observe.kept import KeptRows
from sessionize.observe.lengths import KeptLengths
from sessionize.observe.rows import CatalogRow, read_row
from sessionize.observe.views import Progress
from sessionize.pipeline.status import HourState, Judged, Link, judge

#: How many hours are read between two looks at the clock, for each request made side by side.
_AHEAD = 8


@dataclass(frozen=True)
class Snapshot:
    """The lake as one listing has shown it, as far as its records have been read since.

    Attributes
    ----------
    start : Hour
        The pipeline's first hour.
    ledgers, claims : dict of Hour to StoredObject
        As listed.
    marks : dict of Hour to set of str
    rows : dict of Hour to CatalogRow
        What has been read, of the versions that are listed.
    """

    start: Hour
    ledgers: Mapping[Hour, StoredObject] = field(default_factory=dict)
    claims: Mapping[Hour, StoredObject] = field(default_factory=dict)
    marks: Mapping[Hour, set[str]] = field(default_factory=dict)
    rows: Mapping[Hour, CatalogRow] = field(default_factory=dict)

    @property
    def progress(self) -> Progress:
        """How many of the listed hours have been read."""
        return Progress(len(self.rows), len(self.ledgers))

    def is_right(self, hour: Hour, row: CatalogRow) -> bool:
        """Tell whether a row was told from the objects that are listed."""
        ledger, claim = self.ledgers.get(hour), self.claims.get(hour)
        return (
            ledger is not None
            and ledger.version == row.version
            and (claim.version if claim else ABSENT) == row.claim_version
        )

    def with_rows(self, found: Mapping[Hour, CatalogRow | None]) -> Snapshot:
        """Return it with what has been read; where that is None, the ledger is gone."""
        gone = {hour for hour, row in found.items() if row is None}
        ledgers = self.ledgers
        if gone:
            ledgers = {hour: it for hour, it in ledgers.items() if hour not in gone}
        read = {hour: row for hour, row in found.items() if row is not None}
        return replace(self, ledgers=ledgers, rows={**self.rows, **read})

    def published_at(self, hour: Hour) -> datetime | None:
        """Return when the hour's ledger was written."""
        entry = self.ledgers.get(hour)
        if entry is None or entry.modified is None:
            return None
        return datetime.fromtimestamp(entry.modified, UTC)

    def judged(self, hour: Hour) -> Judged:
        """Return how an hour stands among all that there are."""
        judged = self._judged.get(hour)
        # Beyond the hours that there are, each waits for the one before it.
        return judged or Judged(hour, HourState.MISSING, is_blocked=hour > self.start)

    def published(self, first: Hour, end: Hour) -> Iterator[tuple[Hour, CatalogRow]]:
        """Yield the rows of the hours in ``[first, end)`` whose ledger has been read, in order."""
        for hour in self._in_order:
            if hour >= end:
                return
            if hour >= first and self.rows[hour].problem is None:
                yield hour, self.rows[hour]

    @functools.cached_property
    def _in_order(self) -> list[Hour]:
        return sorted(self.rows)

    @functools.cached_property
    def _judged(self) -> dict[Hour, Judged]:
        first = max(min(self.ledgers, default=self.start), self.start)
        # One more: the hour that can be run next.
        end = max(max(self.ledgers, default=first).next, first).next
        found = judge(self._link, self.marks, self.start, first, end)
        return {judged.hour: judged for judged in found}

    def _link(self, hour: Hour) -> Link | None:
        if hour not in self.ledgers:
            return None
        row = self.rows.get(hour)
        if row is None or row.problem is not None:
            return Link(None, None)
        return Link(row.previous_state, row.state_fingerprint, row.has_unread)


class Catalog:
    """The ledgers of a lake as they were at the last `refresh`; several threads may use it.

    Parameters
    ----------
    lake : Lake
        It is only read.
    config : PipelineConfig
        The pipeline's settings.
    cache : Path, optional
        A folder for cache files, which may be removed at any time; None: nothing outlives the
        process.

    Attributes
    ----------
    snapshot : Snapshot
        What is known now. A view is made of one snapshot.
    lengths : KeptLengths
        How long sessions took, of the files that have been asked for it.
    """

    def __init__(self, lake: Lake, config: PipelineConfig, cache: Path | None = None) -> None:
        self.lake = lake
        self.config = config
        self.cache = cache
        self.snapshot = Snapshot(config.start)
        self.lengths = KeptLengths(cache, lake.storage.url)
        self._kept = None if cache is None else KeptRows(cache, config.name, lake.storage.url)
        self._is_loaded = False
        self._refreshing = threading.Lock()

    @property
    def progress(self) -> Progress:
        """How many of the listed hours have been read."""
        return self.snapshot.progress

    def refresh(self, budget_s: float | None = None) -> Progress:
        """List the ledgers, and read those that have changed, the newest first.

        Costs three listings, whatever the budget (on S3 a request for each thousand hours, one
        after the other), and a read of each ledger, and of each claim, that has another version
        than before. Who must not wait calls it in a thread: views are made of what is known.

        Parameters
        ----------
        budget_s : float, optional
            Begin no more reads after so many seconds (a few are made in any case); the next call
            goes on. Where another thread refreshes, wait no longer for it. None: read all.

        Raises
        ------
        StorageError
            If the lake cannot be listed or read.
        """
        deadline = None if budget_s is None else time.monotonic() + budget_s
        if not self._refreshing.acquire(timeout=-1 if budget_s is None else max(budget_s, 0)):
            return self.progress
        try:
            before = self._rows_before()
            self._look(before)
            self._is_loaded = True
            try:
                self._read_changed(before, deadline)
            finally:
                if self._kept is not None and self.snapshot.rows != before:
                    self._kept.save(self.snapshot.rows)
        finally:
            self._refreshing.release()
        return self.progress

    def row(self, hour: Hour) -> CatalogRow | None:
        """Return the row of an hour, which is read now if it has not been; None: not published."""
        snapshot = self.snapshot
        row, ledger = snapshot.rows.get(hour), snapshot.ledgers.get(hour)
        if row is None and ledger is not None:
            row = read_row(self.lake, hour, ledger, snapshot.claims.get(hour))
        return row

    def _rows_before(self) -> Mapping[Hour, CatalogRow]:
        if self._is_loaded or self._kept is None:
            return self.snapshot.rows
        return self._kept.load()

    def _look(self, before: Mapping[Hour, CatalogRow]) -> None:
        """List what there is, and keep the rows that are still right."""
        lake = self.lake
        looks: tuple[Callable[[], Any], ...] = (
            lake.ledger_objects,
            lambda: claims_listed(lake),
            lake.marks,
        )
        ledgers, claims, marks = side_by_side(lake.storage, lambda look: look(), looks)
        listed = Snapshot(self.config.start, ledgers, claims, marks)
        rows = {hour: row for hour, row in before.items() if listed.is_right(hour, row)}
        self.snapshot = replace(listed, rows=rows)

    def _read_changed(self, before: Mapping[Hour, CatalogRow], deadline: float | None) -> None:
        """Read the hours that are not known as they are listed."""
        snapshot = self.snapshot

        def read(hour: Hour) -> CatalogRow | None:
            known = before.get(hour)
            return read_row(
                self.lake, hour, snapshot.ledgers[hour], snapshot.claims.get(hour), known
            )

        waiting = sorted(snapshot.ledgers.keys() - snapshot.rows.keys(), reverse=True)
        ahead = _AHEAD * concurrency_of(self.lake.storage)
        for begin in range(0, len(waiting), ahead):
            if begin and deadline is not None and time.monotonic() >= deadline:
                return
            hours = waiting[begin : begin + ahead]
            found = zip(hours, side_by_side(self.lake.storage, read, hours), strict=True)
            self.snapshot = self.snapshot.with_rows(dict(found))
