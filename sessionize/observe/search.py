"""A search through the files of a range of hours, one dataset after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sessionize.lake.storage import side_by_side
from sessionize.model.hours import Hour, hours_between
from sessionize.observe.catalog import Catalog
from sessionize.observe.files import of_dataset, of_pending
from sessionize.observe.partial import LakeFile, Reader
from sessionize.observe.ranges import hour_range
from sessionize.observe.rows import CatalogRow
from sessionize.observe.timeline import Row
from sessionize.observe.views import MOST_EVENTS

if TYPE_CHECKING:
    import pyarrow as pa

#: What finds the rows with a value in a file: see `observe.scan`.
Look = Callable[[Reader, LakeFile, str], "pa.Table | None"]


@dataclass
class Search:
    """The published hours of a range, and what reads their files."""

    catalog: Catalog
    first: Hour
    end: Hour
    hours: list[tuple[Hour, CatalogRow]]
    reader: Reader

    @classmethod
    def over(cls, catalog: Catalog, first: Hour | str, end: Hour | str, limit: int) -> Search:
        """Begin a search over the hours ``[first, end)``, at most ``limit`` of them.

        Raises
        ------
        IntervalError
            If the range is none, or too long.
        """
        since, until = hour_range(catalog, first, end, limit)
        listed = [hour for hour in hours_between(since, until) if hour in catalog.snapshot.ledgers]
        rows = zip(listed, side_by_side(catalog.lake.storage, catalog.row, listed), strict=True)
        published = [(hour, row) for hour, row in rows if row is not None and row.problem is None]
        return cls(catalog, since, until, published, Reader(catalog.lake.storage))

    @property
    def missing_hours(self) -> int:
        """How many hours of the range are not published, or cannot be read."""
        return sum(1 for _ in hours_between(self.first, self.end)) - len(self.hours)

    @property
    def before_gaps(self) -> list[tuple[Hour, CatalogRow]]:
        """The hours whose next one is not published: what they leave open, nobody goes on with."""
        published = {hour for hour, _ in self.hours}
        return [(hour, row) for hour, row in self.hours if hour.next not in published]

    def rows(
        self,
        dataset: str,
        look: Look,
        value: str,
        hours: Sequence[tuple[Hour, CatalogRow]] | None = None,
    ) -> tuple[list[tuple[Hour, Row]], int]:
        """Return the rows of a dataset that a look finds, and how many more there are."""
        tables = self.tables(dataset, look, value, self.hours if hours is None else hours)
        return bounded(tables)

    def tables(
        self, dataset: str, look: Look, value: str, hours: Iterable[tuple[Hour, CatalogRow]]
    ) -> list[tuple[Hour, pa.Table]]:
        """Return what a look finds in each hour's file of a dataset."""
        files = [(hour, of_dataset(dataset, hour, row)) for hour, row in hours]
        return self._look([it for it in files if it[1].rows], look, value)

    def pending_after(self, look: Look, value: str) -> tuple[list[tuple[Hour, Row]], int]:
        """Return which events wait in the state that the last published hour has left."""
        return bounded(self._pending(self.hours[-1:], look, value))

    def pending_before(self, look: Look, value: str) -> list[tuple[Hour, Row]]:
        """Return which events wait in the state that the hour before the range has left."""
        hour = self.first.previous
        row = self.catalog.row(hour)
        hours = [(hour, row)] if row is not None and row.problem is None else []
        return bounded(self._pending(hours, look, value))[0]

    def _pending(
        self, hours: Iterable[tuple[Hour, CatalogRow]], look: Look, value: str
    ) -> list[tuple[Hour, pa.Table]]:
        files = []
        for hour, row in hours:
            file = (
                of_pending(self.catalog.lake, hour)
                if row.counts and row.counts.pending_after
                else None
            )
            if file is not None:
                files.append((hour, file))
        return self._look(files, look, value)

    def _look(
        self, files: Sequence[tuple[Hour, LakeFile]], look: Look, value: str
    ) -> list[tuple[Hour, pa.Table]]:
        found = side_by_side(
            self.catalog.lake.storage, lambda it: look(self.reader, it[1], value), files
        )
        hours = (hour for hour, _ in files)
        return [(hour, it) for hour, it in zip(hours, found, strict=True) if it is not None]


def bounded(tables: Sequence[tuple[Hour, pa.Table]]) -> tuple[list[tuple[Hour, Row]], int]:
    """Return the first rows, at most `MOST_EVENTS`, and how many more there are."""
    rows: list[tuple[Hour, Row]] = []
    for hour, table in tables:
        rows += [(hour, row) for row in table.slice(0, MOST_EVENTS - len(rows)).to_pylist()]
    return rows, sum(len(table) for _, table in tables) - len(rows)
