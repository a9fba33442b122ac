"""What Spark carries from stage to stage: pieces of tables, which it moves and sorts unread.

A piece is an Arrow stream in one cell, with the types and dictionaries that the stages know; its
other cells say where it belongs. So no column is converted on its way through the JVM.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.ipc

from sessionize.pipeline.shuffle import in_one_batch

_SCHEMA = pa.schema(
    {
        "key": pa.int64(),
        "hour": pa.int32(),
        "number": pa.int32(),
        "piece": pa.int32(),
        "name": pa.string(),
        "size": pa.int64(),
        "payload": pa.binary(),
    }
)
#: The columns in Spark's words, and what rows are sorted by once those of a key are together.
COLUMNS = "key long, hour int, number int, piece int, name string, size long, payload binary"
ORDER = ("key", "hour", "number", "piece")

#: The most bytes of a table in one cell, but for a single row that has more; and how many cells
#: make an Arrow batch. A worker holds a few batches at a time.
PIECE = 8 << 20
BATCH_ROWS = 8

_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


@dataclass(frozen=True, slots=True)
class Row:
    """A piece of something on its way.

    Attributes
    ----------
    key : int
        Those of one key come to one task.
    hour : int
        Which of the stretch's hours; -1 comes before them.
    number : int
        The batch or shard that it is of.
    piece : int
        Its place among the pieces of the same name, hour and number.
    name : str
        What it is of: a dataset, ``state/…``, or a word of the stages.
    size : int
        The bytes of the table in memory; 0 of anything else.
    payload : bytes
    """

    key: int
    hour: int
    number: int
    piece: int
    name: str
    size: int
    payload: bytes

    def table(self) -> pa.Table:
        """Return the piece of a table."""
        return pa.ipc.open_stream(pa.py_buffer(self.payload)).read_all()

    def record(self) -> Any:
        """Return the small record."""
        return json.loads(self.payload)


def of_table(
    key: int, hour: int, number: int, name: str, table: pa.Table, piece: int = 0
) -> Iterator[Row]:
    """Yield a table in rows, numbered from ``piece``; none where it has no rows."""
    if not len(table):
        return
    pieces = min(max(1, -(-table.nbytes // PIECE)), len(table))
    length = -(-len(table) // pieces)
    for place, begin in enumerate(range(0, len(table), length)):
        batch = in_one_batch(table.slice(begin, length))
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema, options=_OPTIONS) as writer:
            writer.write_batch(batch)
        payload = sink.getvalue().to_pybytes()
        yield Row(key, hour, number, piece + place, name, batch.nbytes, payload)


class Pieces:
    """Tables in rows that are numbered on where tables of the same place and name follow."""

    def __init__(self) -> None:
        self._next: dict[tuple[int, int, int, str], int] = {}

    def of(self, key: int, hour: int, number: int, name: str, table: pa.Table) -> Iterator[Row]:
        """Yield a table in rows: see `of_table`."""
        place = (key, hour, number, name)
        for row in of_table(*place, table, self._next.get(place, 0)):
            self._next[place] = row.piece + 1
            yield row


def of_record(key: int, hour: int, number: int, name: str, record: Any) -> Row:
    """Return a small record as a row."""
    return Row(key, hour, number, 0, name, 0, json.dumps(record).encode())


def to_batches(rows: Iterable[Row]) -> Iterator[pa.RecordBatch]:
    """Yield rows as Spark takes them: a few at a time, or what fills a piece."""
    waiting: list[Row] = []
    size = 0
    for row in rows:
        waiting.append(row)
        size += len(row.payload)
        if len(waiting) == BATCH_ROWS or size >= PIECE:
            yield _batch(waiting)
            waiting, size = [], 0
    if waiting:
        yield _batch(waiting)


def from_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[Row]:
    """Yield the rows of what Spark gives."""
    for batch in batches:
        for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            yield Row(*values)


def _batch(rows: list[Row]) -> pa.RecordBatch:
    columns = [
        pa.array([getattr(row, field.name) for row in rows], field.type) for field in _SCHEMA
    ]
    return pa.record_batch(columns, schema=_SCHEMA)
