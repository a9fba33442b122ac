"""The first stage: batches of objects → events, by shard; and what their hour publishes of them."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from sessionize.bulk.rows import Pieces, Row, of_record
from sessionize.bulk.stretch import Stretch
from sessionize.pipeline import stages
from sessionize.pipeline.shuffle import rows_of_shards

#: Names of rows: the first of each shard, its events, and the counts of a batch's objects.
BEGIN, LANDED, COUNTS = "begin", "landed", "counts"
#: Events wait until they take so many bytes, and are then divided among the shards.
_TOGETHER = 64 << 20


def read(units: Iterable[int], stretch: Stretch) -> Iterator[Row]:
    """Yield what the stages after this one need.

    Parameters
    ----------
    units : iterable of int
        The first numbers stand for the shards, each of which has a row whatever lands; the others
        for ``stretch.batches``.
    stretch : Stretch
        What they are numbers of.

    Raises
    ------
    ClaimChangedError
        If another attempt has claimed an hour anew.
    ObjectGoneError
        If a claimed object is gone or has been replaced.
    """
    for unit in units:
        if unit < stretch.shards:
            yield of_record(stretch.shard_keys[unit], -1, unit, BEGIN, None)
        else:
            # What only the hour needs travels with a shard, and any will do.
            key = stretch.shard_keys[unit % stretch.shards]
            yield from _read_batch(stretch, key, *stretch.batches[unit - stretch.shards])


def _read_batch(stretch: Stretch, key: int, place: int, batch: int) -> Iterator[Row]:
    from sessionize.events.enrich import enrich
    from sessionize.model.frames import to_table

    outbox, landed = _Outbox(key, place, batch), _Landed(stretch, place, batch)
    work = stretch.pipeline().work(stretch.hours[place], stretch.claims[place])
    work = dataclasses.replace(work, staging=outbox)
    schema = work.config.schemas.between_stages(work.config.schemas.events)
    for frame in stages.validated(work, batch):
        events = to_table(enrich(frame, work.config), schema)
        outbox.add("events", events)
        yield from outbox.taken()
        yield from landed.add(events)
    yield from landed.rest()
    yield from outbox.taken()


class _Landed:
    """The events of a batch, which wait for one another before they are divided among shards."""

    def __init__(self, stretch: Stretch, place: int, batch: int) -> None:
        self._stretch = stretch
        self._place = place
        self._batch = batch
        self._waiting: list[pa.Table] = []
        self._pieces = Pieces()

    def add(self, events: pa.Table) -> Iterator[Row]:
        """Add events; yield those that have waited long enough."""
        self._waiting.append(events)
        if sum(table.nbytes for table in self._waiting) >= _TOGETHER:
            yield from self.rest()

    def rest(self) -> Iterator[Row]:
        """Yield the events that wait."""
        if not self._waiting:
            return
        events = pa.concat_tables(self._waiting).unify_dictionaries().combine_chunks()
        self._waiting = []
        for shard, rows in enumerate(rows_of_shards(events, self._stretch.shards)):
            part = events if self._stretch.shards == 1 else events.take(pa.array(rows))
            key = self._stretch.shard_keys[shard]
            yield from self._pieces.of(key, self._place, self._batch, LANDED, part)


class _Outbox:
    """What the functions of an hour's run set aside: a `Staging` whose content is sent on."""

    def __init__(self, key: int, hour: int, batch: int) -> None:
        self._place = (key, hour, batch)
        self._rows: list[Row] = []
        self._pieces = Pieces()

    def add(self, name: str, table: pa.Table) -> None:
        """Set a piece of a table aside."""
        self._rows += self._pieces.of(*self._place, name, table)

    def taken(self) -> list[Row]:
        """Return what has been set aside since the last time."""
        rows, self._rows = self._rows, []
        return rows

    @contextlib.contextmanager
    def writing(self, name: str, schema: pa.Schema) -> Iterator[_Table]:
        """Take a table piece by piece."""
        yield _Table(self, _without_batch(name))

    def read_batches(self, name: str) -> Iterator[pa.Table]:
        """Nothing is read again here."""
        raise NotImplementedError(name)

    def write_record(self, name: str, record: Any) -> None:
        """Take a small record."""
        self._rows.append(of_record(*self._place, _without_batch(name), record))

    def read_record(self, name: str) -> Any:
        """Nothing is read again here."""
        raise NotImplementedError(name)


class _Table:
    """A table of the outbox."""

    def __init__(self, outbox: _Outbox, name: str) -> None:
        self._outbox = outbox
        self._name = name

    def write_table(self, table: pa.Table) -> None:
        """Add rows."""
        self._outbox.add(self._name, table)

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Add a piece."""
        self.write_table(pa.Table.from_batches([batch]))


def _without_batch(name: str) -> str:
    """Return what `stages` calls a result of a batch, but for the batch's number."""
    return name.rpartition("-")[0]
