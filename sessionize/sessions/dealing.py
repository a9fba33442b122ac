"""Events dealt out to shards, and put back in landed order, piece by piece."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from sessionize.model.schemas import ENCODED_EVENTS, HANDS
from sessionize.sessions.shards import shard_of
from sessionize.sessions.tables import Rows


def deal(events: pa.Table, shards: int) -> tuple[pa.Table, list[pa.Table]]:
    """Divide events among the shards of their machines.

    Parameters
    ----------
    events : Table
        ``schemas.ENCODED_EVENTS``.
    shards : int
        At most 256.

    Returns
    -------
    hands : Table
        ``schemas.HANDS``: the shard of each event.
    parts : list of Table
        The events of each shard, in their order.
    """
    if shards == 1:
        return HANDS.empty_table(), [events]
    shard = shard_of(events.column("machine_id").combine_chunks(), shards).astype(np.uint8)
    order = np.argsort(shard, kind="stable")
    ends = np.searchsorted(shard[order], np.arange(shards + 1))
    rows = Rows(events)
    sorted_events = rows.take(rows.places()[order], ENCODED_EVENTS)
    parts = [
        _with_own_dictionaries(sorted_events.slice(a, b - a))
        for a, b in itertools.pairwise(ends.tolist())
    ]
    return pa.table([shard], schema=HANDS), parts


def gather(hands: Iterable[pa.Table], parts: list[Iterator[pa.Table]]) -> Iterator[pa.Table]:
    """Put events that have been dealt out back in their order.

    Memory holds a piece of the hands and, of each shard, a piece or two.

    Parameters
    ----------
    hands : iterable of Table
        What `deal` has returned, piece by piece.
    parts : list of iterators of Table
        The events of each shard, in pieces of any size.
    """
    if len(parts) == 1:
        yield from parts[0]
        return
    packs = [_Pack(tables) for tables in parts]
    for piece in hands:
        shard = piece.column("shard").to_numpy()
        counts = np.bincount(shard, minlength=len(packs)).tolist()
        rows = Rows(*(pack.draw(count) for pack, count in zip(packs, counts, strict=True)))
        places = np.empty(len(piece), np.int64)
        places[np.argsort(shard, kind="stable")] = rows.places()
        yield rows.take(places, ENCODED_EVENTS)


class _Pack:
    """Tables, from which rows are drawn one after the other."""

    def __init__(self, tables: Iterator[pa.Table]) -> None:
        self._tables = tables
        self._rest = ENCODED_EVENTS.empty_table()

    def draw(self, count: int) -> pa.Table:
        while len(self._rest) < count:
            self._rest = pa.concat_tables([self._rest, next(self._tables)])
        drawn, self._rest = self._rest.slice(0, count), self._rest.slice(count)
        return drawn


def _with_own_dictionaries(events: pa.Table) -> pa.Table:
    """Leave out the values of other rows, where they are many: a shard is written with its own."""
    for number, column in enumerate(events.columns):
        if pa.types.is_dictionary(column.type):
            chunks = [_with_own_dictionary(chunk) for chunk in column.chunks]
            column = pa.chunked_array(chunks, column.type)
            events = events.set_column(number, events.schema.field(number), column)
    return events


def _with_own_dictionary(encoded: pa.DictionaryArray) -> pa.DictionaryArray:
    if len(encoded.dictionary) <= len(encoded):
        return encoded
    own = encoded.indices.dictionary_encode()
    return pa.DictionaryArray.from_arrays(own.indices, encoded.dictionary.take(own.dictionary))
