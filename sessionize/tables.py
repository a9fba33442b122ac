"""Arrow tables, to and from the numpy arrays that the core reckons with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sessionize.schemas import TIME

#: The most bytes of text that Arrow's 32-bit offsets bear in one array.
_MOST_TEXT = 2**31 - 1


def microseconds(times: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Return times without nulls as microseconds since the epoch."""
    return times.cast(pa.int64()).to_numpy()


def times(microseconds: npt.NDArray[np.int64]) -> pa.Array:
    """Return microseconds since the epoch as times."""
    return pa.array(microseconds, pa.int64()).cast(TIME)


def contiguous(table: pa.Table) -> pa.Table:
    """Return the table with each column in one piece, which is quick to take rows from."""
    return pa.table(
        {name: _in_one_piece(table.column(name)) for name in table.column_names},
    )


def take(table: pa.Table, rows: npt.NDArray[np.int64], schema: pa.Schema) -> pa.Table:
    """Return some rows of a contiguous table, in the order given, in the types of ``schema``.

    The columns are gathered side by side: what takes long is to wait for memory.
    """
    index = pa.array(rows)

    def column(field: pa.Field) -> pa.Array:
        taken = table.column(field.name).take(index)
        return _in_one_piece(taken if taken.type == field.type else taken.cast(field.type))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return pa.table(list(pool.map(column, schema)), schema=schema)


def pieces(rows: int, size: int) -> Iterator[slice]:
    """Cut so many rows into slices of a size; none of no rows."""
    for begin in range(0, rows, size):
        yield slice(begin, min(begin + size, rows))


def _in_one_piece(column: pa.ChunkedArray) -> pa.Array:
    chunks = [chunk for chunk in column.chunks if len(chunk)]
    if len(chunks) == 1:
        return chunks[0]
    if column.type == pa.string() and column.nbytes > _MOST_TEXT:
        column = column.cast(pa.large_string())
        chunks = column.chunks
    return pa.concat_arrays(chunks) if chunks else pa.array([], column.type)
