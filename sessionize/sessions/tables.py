"""Arrow tables, to and from the numpy arrays that the core reckons with."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sessionize.kernels.arrow import text_array, text_buffers, validity_of
from sessionize.kernels.gather import gather_int32, gather_int64, gather_texts
from sessionize.kernels.texts import TextTable
from sessionize.model.schemas import TIME

Numbers = npt.NDArray[np.int64]

#: From so many rows on it pays to start threads.
_MANY = 1 << 14
#: A dictionary with no more values than this is never in the way.
_FEW = 1 << 10
_CHUNK = 32  # how far up in a place the chunk's number stands


def microseconds(times: pa.ChunkedArray) -> Numbers:
    """Return times without nulls as microseconds since the epoch."""
    return times.cast(pa.int64()).to_numpy()


def times(microseconds: Numbers) -> pa.Array:
    """Return microseconds since the epoch as times."""
    return pa.array(microseconds, pa.int64()).cast(TIME)


def place_of(chunk: int, row: int = 0) -> int:
    """Return the place of a row of a chunk."""
    return (chunk << _CHUNK) | row


def as_schema(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Cast a table, unless it has the schema already."""
    return table if table.schema.equals(schema) else table.cast(schema)


class Rows:
    """The rows of tables laid end to end, to be taken in any order.

    A row is named by its place: the number of its chunk, times 2 ** 32, and its row in the chunk.
    Places rise with the rows. What is in memory is not copied: every column stays in its chunks.

    Parameters
    ----------
    *tables : Table
        Of one schema.

    Attributes
    ----------
    chunks : list of RecordBatch
        None is empty.
    firsts : list of int
        For each table, the number of its first chunk.
    """

    def __init__(self, *tables: pa.Table) -> None:
        self.chunks: list[pa.RecordBatch] = []
        self.firsts: list[int] = []
        for table in tables:
            self.firsts.append(len(self.chunks))
            self.chunks += (batch for batch in table.to_batches() if len(batch))
        schema = tables[0].schema
        self._columns: dict[str, _Column] = {
            name: _column(kind, [chunk.column(number) for chunk in self.chunks])
            for number, (name, kind) in enumerate(zip(schema.names, schema.types, strict=True))
        }

    def __len__(self) -> int:
        return sum(len(chunk) for chunk in self.chunks)

    def select(self, *names: str) -> pa.Table:
        """Return some columns, in the same chunks."""
        schema = pa.schema([(name, self._columns[name].kind) for name in names])
        return pa.Table.from_batches([chunk.select(names) for chunk in self.chunks], schema)

    def places(self) -> Numbers:
        """Return the places of all rows, in order."""
        of_chunks = [
            np.arange(place_of(number), place_of(number, len(chunk)), dtype=np.int64)
            for number, chunk in enumerate(self.chunks)
        ]
        return np.concatenate([np.empty(0, np.int64), *of_chunks])

    def take(self, places: Numbers, schema: pa.Schema) -> pa.Table:
        """Return the rows, in the order given, with the columns that ``schema`` names.

        Many are gathered side by side: what takes long is to wait for memory.
        """

        def gather(name: str) -> pa.ChunkedArray:
            return self._columns[name].in_pieces(places)

        if not len(places):
            return schema.empty_table()
        if len(places) < _MANY or len(schema) == 1:
            return pa.table(list(map(gather, schema.names)), schema=schema)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return pa.table(list(pool.map(gather, schema.names)), schema=schema)

    def take_column(self, name: str, places: Numbers) -> pa.Array:
        """Return one column of the rows.

        Raises
        ------
        OverflowError
            If it has 2 GiB of text, or more.
        """
        return self._columns[name].take(places)

    def take_pieces(self, name: str, places: Numbers) -> pa.ChunkedArray:
        """Return one column of the rows, in as many pieces as its text takes."""
        return self._columns[name].in_pieces(places)

    def take_numbers(self, name: str, places: Numbers) -> Numbers:
        """Return a column of int64, or of times, without nulls."""
        column = self._columns[name]
        assert isinstance(column, _Numbers)
        return column.values(places)


class _Column:
    """A column by the addresses of its chunks, which it keeps in memory."""

    def __init__(self, kind: pa.DataType, chunks: Sequence[pa.Array]) -> None:
        self.kind = kind
        self._chunks = chunks
        self._buffers = [chunk.buffers() for chunk in chunks]
        shifts = [chunk.offset for chunk in chunks]
        self._validity_at = self._addresses(0)
        self._shifts_at = np.array(shifts, dtype=np.int64)

    def _addresses(self, number: int, width: int = 0) -> Numbers:
        """Return where the first row of each chunk lies in a buffer of so many bytes a row."""
        addresses = [
            buffers[number].address + width * chunk.offset if buffers[number] else 0
            for buffers, chunk in zip(self._buffers, self._chunks, strict=True)
        ]
        return np.array(addresses, dtype=np.int64)

    def take(self, places: Numbers) -> pa.Array:
        """Return the rows."""
        raise NotImplementedError

    def in_pieces(self, places: Numbers) -> pa.ChunkedArray:
        """Return the rows, in as many pieces as their text takes."""
        try:
            return pa.chunked_array([self.take(places)], self.kind)
        except OverflowError:
            half = len(places) // 2
            halves = (self.in_pieces(places[:half]), self.in_pieces(places[half:]))
            chunks = [chunk for each in halves for chunk in each.chunks]
            return pa.chunked_array(chunks, self.kind)


class _Numbers(_Column):
    """int32, int64 or times."""

    def __init__(self, kind: pa.DataType, chunks: Sequence[pa.Array]) -> None:
        super().__init__(kind, chunks)
        self._is_short = kind == pa.int32()
        self._data_at = self._addresses(1, 4 if self._is_short else 8)
        self._meanings_at = np.zeros(len(chunks), np.int64)

    def values(self, places: Numbers) -> Numbers:
        """Return the numbers of rows that are not null."""
        return gather_int64(places, self._data_at, self._validity_at, self._shifts_at)[0]

    def take(self, places: Numbers) -> pa.Array:
        where = (self._data_at, self._validity_at, self._shifts_at)
        if self._is_short:
            return _array(self.kind, *gather_int32(places, *where, self._meanings_at))
        return _array(self.kind, *gather_int64(places, *where))


class _Texts(_Column):
    """Texts; an array of them holds less than 2 GiB."""

    def __init__(self, kind: pa.DataType, chunks: Sequence[pa.Array]) -> None:
        super().__init__(kind, chunks)
        self._offsets_at = self._addresses(1, 4)
        self._data_at = self._addresses(2)

    def take(self, places: Numbers) -> pa.StringArray:
        return text_array(
            *gather_texts(
                places, self._offsets_at, self._data_at, self._validity_at, self._shifts_at
            )
        )


class _Encoded(_Column):
    """Dictionary-encoded texts; each chunk may have a dictionary of its own."""

    def __init__(self, kind: pa.DataType, chunks: Sequence[pa.Array]) -> None:
        super().__init__(kind, chunks)
        self._data_at = self._addresses(1, 4)
        own = [chunk.dictionary for chunk in chunks]
        every = TextTable()
        meanings = [np.empty(len(dictionary), np.int64) for dictionary in own]
        for dictionary, numbers in zip(own, meanings, strict=True):
            every.number(*text_buffers(dictionary), numbers)
        self._dictionary = text_array(*every.texts(np.arange(every.known)))
        self._meanings = [numbers.astype(np.int32) for numbers in meanings]
        self._meanings_at = np.array([m.ctypes.data for m in self._meanings], np.int64)

    def take(self, places: Numbers) -> pa.DictionaryArray:
        codes, absent = gather_int32(
            places, self._data_at, self._validity_at, self._shifts_at, self._meanings_at
        )
        return pa.DictionaryArray.from_arrays(
            _array(pa.int32(), codes, absent), self._dictionary, safe=False
        )


class _ManyTexts(_Column):
    """Encoded texts with nearly as many values as rows: what is taken has its own dictionary."""

    def __init__(self, kind: pa.DataType, chunks: Sequence[pa.Array]) -> None:
        super().__init__(kind, chunks)
        self._data_at = self._addresses(1, 4)
        self._values = _Texts(kind.value_type, [chunk.dictionary for chunk in chunks])

    def take(self, places: Numbers) -> pa.DictionaryArray:
        themselves = np.zeros(len(self._chunks), np.int64)
        codes, absent = gather_int32(
            places, self._data_at, self._validity_at, self._shifts_at, themselves
        )
        there = ~absent
        # Values lie in the dictionary of the same chunk.
        of_chunk = places[there] >> _CHUNK << _CHUNK
        taken = self._values.take(of_chunk | codes[there]).dictionary_encode()
        codes[there] = taken.indices.to_numpy()
        return pa.DictionaryArray.from_arrays(
            _array(pa.int32(), codes, absent), taken.dictionary, safe=False
        )


def _column(kind: pa.DataType, chunks: Sequence[pa.Array]) -> _Column:
    if pa.types.is_string(kind):
        return _Texts(kind, chunks)
    if not pa.types.is_dictionary(kind):
        return _Numbers(kind, chunks)
    values = sum(len(chunk.dictionary) for chunk in chunks)
    has_many = values > _FEW and 2 * values > sum(map(len, chunks))
    return (_ManyTexts if has_many else _Encoded)(kind, chunks)


def _array(
    kind: pa.DataType, values: npt.NDArray[np.generic], absent: npt.NDArray[np.bool_]
) -> pa.Array:
    validity, nulls = validity_of(absent)
    return pa.Array.from_buffers(kind, len(values), [validity, pa.py_buffer(values)], nulls)
