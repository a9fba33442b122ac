"""Arrow tables, to and from the numpy arrays that the core reckons with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sessionize.kernels.arrow import text_array
from sessionize.kernels.texts import copy_texts, locate_texts
from sessionize.schemas import TIME

Numbers = npt.NDArray[np.int64]


def microseconds(times: pa.ChunkedArray) -> Numbers:
    """Return times without nulls as microseconds since the epoch."""
    return times.cast(pa.int64()).to_numpy()


def times(microseconds: Numbers) -> pa.Array:
    """Return microseconds since the epoch as times."""
    return pa.array(microseconds, pa.int64()).cast(TIME)


def pieces(rows: int, size: int) -> Iterator[slice]:
    """Cut so many rows into slices of a size; none of no rows."""
    for begin in range(0, rows, size):
        yield slice(begin, min(begin + size, rows))


def in_one_piece(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array, without a copy where it is one already."""
    chunks = [chunk for chunk in column.chunks if len(chunk)]
    if len(chunks) == 1:
        return chunks[0]
    return pa.concat_arrays(chunks) if chunks else pa.array([], column.type)


class Rows:
    """The rows of a table, to be taken in any order.

    Texts stay in the chunks that they are in: there may be more of them than fit twice in memory.
    """

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self._columns: dict[str, pa.Array | _Texts] = {
            name: _Texts(column) if column.type == pa.string() else in_one_piece(column)
            for name, column in zip(table.column_names, table.columns, strict=True)
        }

    def __len__(self) -> int:
        return len(self._table)

    def column(self, name: str) -> pa.ChunkedArray:
        """Return a whole column."""
        column = self._columns[name]
        return self._table.column(name) if isinstance(column, _Texts) else pa.chunked_array(column)

    def take(self, rows: Numbers, schema: pa.Schema) -> pa.Table:
        """Return the rows, in the order given, with the columns that ``schema`` names.

        The columns are gathered side by side: what takes long is to wait for memory.
        """
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            columns = list(pool.map(lambda name: self.take_column(name, rows), schema.names))
        return pa.table(columns, schema=schema)

    def take_column(self, name: str, rows: Numbers) -> pa.Array:
        """Return one column of the rows."""
        column = self._columns[name]
        return column.take(rows) if isinstance(column, _Texts) else column.take(pa.array(rows))


class _Texts:
    """The texts of a column, by the addresses of its chunks."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        self._chunks = [chunk for chunk in column.chunks if len(chunk)]  # keeps them in memory
        self._ends = np.cumsum([len(chunk) for chunk in self._chunks], dtype=np.int64)
        # A chunk may begin inside its buffers.
        self._begins = self._ends - [len(chunk) + chunk.offset for chunk in self._chunks]
        addresses = [
            [buffer.address if buffer else 0 for buffer in chunk.buffers()]
            for chunk in self._chunks
        ]
        self._validity_at, self._offsets_at, self._data_at = np.array(
            addresses or np.zeros((0, 3)), dtype=np.int64
        ).T.copy()

    def take(self, rows: Numbers) -> pa.StringArray:
        chunk = np.searchsorted(self._ends, rows, side="right")
        inside = rows - self._begins[chunk] if len(rows) else rows
        places, offsets, absent = locate_texts(
            chunk, inside, self._offsets_at, self._data_at, self._validity_at
        )
        return text_array(offsets, copy_texts(places, offsets), absent)
