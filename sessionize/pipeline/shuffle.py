"""Events between *enrich* and *sessionize*: they come by batch, and are needed by machine.

Each is kept once, from where it can be had both ways: the events of a shard, for its sessions, and
the events of a batch in landed order, to be published.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sessionize.lake.staging import Room, Staging
from sessionize.model.tables import in_one_piece

if TYPE_CHECKING:
    import pandas as pd

#: The place of an event in its piece, beside the event's columns, in a store.
_ROW = pa.field("_row", pa.int32())

Add = Callable[["pd.DataFrame"], None]


class Shuffle(Protocol):
    """The enriched events of a run."""

    def adding(self, batch: int) -> contextlib.AbstractContextManager[Add]:
        """Add the events of a batch, frame by frame, in landed order."""

    def of_shard(self, shard: int) -> Iterator[pa.Table]:
        """Yield the events of one shard's machines, in landed order."""

    def of_batch(self, batch: int) -> Iterator[pa.Table]:
        """Yield the events of one batch, in landed order."""


class StoredShuffle:
    """Events divided among shards as they come, each part in a table of its own.

    Parameters
    ----------
    staging : Staging
    schema : Schema
        The events' between stages.
    batches, shards : int
    """

    def __init__(self, staging: Staging, schema: pa.Schema, batches: int, shards: int) -> None:
        self._staging = staging
        self._schema = schema
        self._batches = range(batches)
        self._shards = range(shards)

    @contextlib.contextmanager
    def adding(self, batch: int) -> Iterator[Add]:
        """Add the events of a batch, frame by frame, in landed order."""
        from sessionize.model.frames import to_table

        schema = self._schema.append(_ROW)
        with contextlib.ExitStack() as stack:
            writers = [
                stack.enter_context(self._staging.writing(_name(batch, shard), schema))
                for shard in self._shards
            ]

            def add(events: pd.DataFrame) -> None:
                table = to_table(events, self._schema)
                for writer, rows in zip(writers, rows_of_shards(table, len(writers)), strict=True):
                    part = table.take(pa.array(rows)).append_column(_ROW, pa.array(rows))
                    # One batch, even an empty one: those of all shards belong together.
                    writer.write_batch(in_one_batch(part))

            yield add

    def of_shard(self, shard: int) -> Iterator[pa.Table]:
        """Yield the events of one shard's machines, in landed order."""
        for batch in self._batches:
            for piece in self._staging.read_batches(_name(batch, shard)):
                yield piece.drop_columns([_ROW.name])

    def of_batch(self, batch: int) -> Iterator[pa.Table]:
        """Yield the events of one batch, in landed order."""
        parts = [self._staging.read_batches(_name(batch, shard)) for shard in self._shards]
        for pieces in zip(*parts, strict=True):
            table = pa.concat_tables(pieces)
            order = np.argsort(table.column(_ROW.name).to_numpy())
            yield _in_order(table.drop_columns([_ROW.name]), order)


class MemoryShuffle:
    """Events as they come; a shard's are picked out when they are asked for.

    Parameters
    ----------
    schema : Schema
        The events' between stages.
    batches, shards : int
    room : Room
        What events are held in. Where it is full, adding to them raises `NoRoomError`.
    """

    def __init__(self, schema: pa.Schema, batches: int, shards: int, room: Room) -> None:
        self._schema = schema
        self._shards = shards
        self._room = room
        self._pieces: list[list[tuple[pa.Table, list[npt.NDArray[np.int32]]]]] = [
            [] for _ in range(batches)
        ]

    @contextlib.contextmanager
    def adding(self, batch: int) -> Iterator[Add]:
        """Add the events of a batch, frame by frame, in landed order."""
        from sessionize.model.frames import to_table

        def add(events: pd.DataFrame) -> None:
            table = to_table(events, self._schema)
            rows = rows_of_shards(table, self._shards)
            self._room.take(table.nbytes + sum(part.nbytes for part in rows))
            self._pieces[batch].append((table, rows))

        yield add

    def of_shard(self, shard: int) -> Iterator[pa.Table]:
        """Yield the events of one shard's machines, in landed order."""
        for table, rows in itertools.chain.from_iterable(self._pieces):
            yield table if self._shards == 1 else table.take(pa.array(rows[shard]))

    def of_batch(self, batch: int) -> Iterator[pa.Table]:
        """Yield the events of one batch, in landed order."""
        for table, _ in self._pieces[batch]:
            yield table


def _name(batch: int, shard: int) -> str:
    return f"events-{batch:05}-{shard:03}"


def rows_of_shards(events: pa.Table, shards: int) -> list[npt.NDArray[np.int32]]:
    """Return the rows of each shard, rising."""
    from sessionize.sessions.machines import shard_of

    if shards == 1:
        return [np.arange(len(events), dtype=np.int32)]
    ids = events.column("machine_id").combine_chunks()
    # Of few bits, for which a stable sort counts.
    shard = shard_of(ids, shards).astype(np.min_scalar_type(shards - 1))
    order = np.argsort(shard, kind="stable").astype(np.int32)
    ends = np.searchsorted(shard[order], np.arange(1, shards))
    return np.split(order, ends)


def _in_order(table: pa.Table, order: npt.NDArray[np.int64]) -> pa.Table:
    columns = [in_one_piece(column).take(pa.array(order)) for column in table.columns]
    return pa.table(columns, schema=table.schema)


def in_one_batch(part: pa.Table) -> pa.RecordBatch:
    """Put a part of a table in one piece, with dictionaries of its own."""
    columns = [_with_own_dictionary(column.combine_chunks()) for column in part.columns]
    return pa.record_batch(columns, schema=part.schema)


def _with_own_dictionary(column: pa.Array) -> pa.Array:
    """Leave out the values of other rows, where they are many: a part is stored with its own."""
    if not pa.types.is_dictionary(column.type) or len(column.dictionary) <= len(column):
        return column
    own = column.indices.dictionary_encode()
    return pa.DictionaryArray.from_arrays(own.indices, column.dictionary.take(own.dictionary))
