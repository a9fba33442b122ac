"""The second stage: one shard's machines, hour after hour, with the state in memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING

import pyarrow as pa

from sessionize.bulk.reading import LANDED
from sessionize.bulk.rows import Pieces, Row, of_record
from sessionize.bulk.stretch import Stretch
from sessionize.lake.state_store import load_state
from sessionize.model.hours import Hour
from sessionize.pipeline.partitions import tables_of

if TYPE_CHECKING:
    from sessionize.sessions.hour import SessionizedHour

#: The name of the row that says how many duplicates a shard had in an hour.
DUPLICATES = "duplicates"
#: A shard's events of an hour that take more bytes than this are settled in parts,
_TOGETHER = 256 << 20
#: but not in more than so many: one machine is not divided.
_MOST_PARTS = 64


def walk(rows: Iterable[Row], stretch: Stretch) -> Iterator[Row]:
    """Settle the events of whole shards, and send on what the hours publish.

    Memory holds the shard's state, and what has landed for it in one hour, compressed; of that, one
    part at a time is unpacked.

    Parameters
    ----------
    rows : iterable of Row
        Those of one or more shards, all of each, in the order of `rows.ORDER`.
    stretch : Stretch
        What the rows are of.

    Raises
    ------
    MissingStateError
        If a file of the state to begin with is gone, or damaged.
    """
    for _, of_key in itertools.groupby(rows, attrgetter("key")):
        # The first row of a shard is there for its number.
        number = next(of_key).number
        yield from _Shard(stretch, number).walk(of_key)  # noqa: B031


class _Shard:
    """A shard on its way through the hours."""

    def __init__(self, stretch: Stretch, number: int) -> None:
        self._stretch = stretch
        self._number = number
        self._schemas = stretch.config.schemas
        self._state = load_state(
            stretch.pipeline().lake, stretch.previous, self._schemas.state, number, stretch.shards
        )

    def walk(self, rows: Iterator[Row]) -> Iterator[Row]:
        """Yield what the hours publish of the shard, and what only passes through."""
        by_hour = itertools.groupby(rows, attrgetter("hour"))
        place, of_hour = next(by_hour, (-1, iter(())))
        for number, hour in enumerate(self._stretch.hours):
            key = self._stretch.hour_keys[number]
            landed: list[Row] = []
            if place == number:
                for row in of_hour:
                    if row.name == LANDED:
                        landed.append(row)
                    else:
                        yield replace(row, key=key)
                place, of_hour = next(by_hour, (-1, iter(())))
            # An hour in which nothing lands passes too: it closes sessions.
            yield from self._run(key, number, hour, landed)

    def _run(self, key: int, number: int, hour: Hour, landed: list[Row]) -> Iterator[Row]:
        """Settle an hour, and carry the state on."""
        after: dict[str, list[pa.Table]] = {name: [] for name in self._schemas.state}
        pieces, duplicates = Pieces(), 0
        for run in self._settled(hour, landed):
            duplicates += run.duplicates
            for name, table in tables_of(run, self._schemas).tables.items():
                yield from pieces.of(key, number, self._number, name, table)
                if name.startswith("state/"):
                    after[name.removeprefix("state/")].append(table)
        yield of_record(key, number, self._number, DUPLICATES, duplicates)
        # As a run reads them: their dictionaries would grow from hour to hour.
        self._state = {
            name: pa.concat_tables(table.cast(self._schemas.state[name]) for table in tables)
            for name, tables in after.items()
        }

    def _settled(self, hour: Hour, landed: list[Row]) -> Iterator[SessionizedHour]:
        """Settle the events of an hour; if they are many, in parts, in the order of machines."""
        from sessionize.model.frames import to_frame
        from sessionize.sessions.hour import sessionize
        from sessionize.sessions.machines import of_shard
        from sessionize.sessions.state import State

        config, schemas, state = self._stretch.config, self._schemas, self._state
        nothing = schemas.between_stages(schemas.events).empty_table()
        parts = -(-sum(row.size for row in landed) // _TOGETHER)
        parts = min(max(1, parts), _MOST_PARTS)
        for part in range(self._number * parts, (self._number + 1) * parts):

            def of_part(table: pa.Table, part: int = part) -> pa.Table:
                return table if parts == 1 else of_shard(table, part, self._stretch.shards * parts)

            pieces = [of_part(row.table()) for row in landed]
            events = to_frame(pa.concat_tables([nothing, *pieces]))
            before = State.of_tables({name: of_part(table) for name, table in state.items()})
            yield sessionize(before, events, hour, config.session, schemas.session_columns)
