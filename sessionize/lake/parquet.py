"""Parquet files whose bytes depend on their rows alone, not on how the rows arrived."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sessionize.lake.ledger import WrittenFile

ROW_GROUP_ROWS = 131_072
#: The most bytes of text in a row group, unless one row has more: records may be long.
ROW_GROUP_TEXT = 256 << 20

#: Columns in which nearly every row has a value of its own: a dictionary would be in vain,
_DISTINCT = frozenset(
    [
        *("event_id", "event_time", "position", "raw", "detail", "started_at", "ended_at"),
        *("frontier", "previous_session_id", "last_session_id"),
    ]
)
#: and those that have one for each installation: it would be, where few of them come twice.
_OF_INSTALLATION = frozenset(["inst_id", "machine_id", "user_id", "nid", "ip_address"])
_DICTIONARY_PAGE = 8 << 20
_HASH_CHUNK = 1 << 20


def write_parquet(
    path: Path, schema: pa.Schema, tables: Iterable[pa.Table], key: str
) -> WrittenFile:
    """Write tables end to end as one file: see `ParquetFile`."""
    with ParquetFile(path, schema, key) as file:
        for table in tables:
            file.write(table)
        return file.finish()


class ParquetFile:
    """A file under construction, to be used in a ``with`` block.

    Rows are cut into row groups by their number and their text, whatever the sizes of the tables
    that bring them: the same rows always give the same bytes. Memory holds two row groups and one
    table.

    Parameters
    ----------
    path : Path
        The local file to write.
    schema : Schema
        The columns. Of dictionary-encoded texts the file has the texts.
    key : str
        What the result calls the file.
    in_order_of : str, optional
        A column of texts by whose bytes the rows are in order: a reader that looks for one text
        may leave out row groups then.
    """

    def __init__(
        self, path: Path, schema: pa.Schema, key: str, in_order_of: str | None = None
    ) -> None:
        self._path = path
        self._schema = schema
        self._key = key
        self._in_order_of = in_order_of
        self._waiting: list[pa.Table] = []
        self._rows_waiting = self._text_waiting = 0
        self._rows = 0
        self._writer: pq.ParquetWriter | None = None
        self._written: WrittenFile | None = None

    def __enter__(self) -> ParquetFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.finish()
        elif self._writer is not None:
            self._writer.close()

    def finish(self) -> WrittenFile:
        """Write what waits, and say what has been written; the end of the block does it too."""
        if self._written is None:
            for group in _groups_of(pa.concat_tables(self._waiting)) if self._waiting else ():
                self._write_group(group)
            self._open([]).close()
            size, digest = self._path.stat().st_size, _sha256(self._path)
            self._written = WrittenFile(self._key, self._rows, size, digest)
        return self._written

    def write(self, table: pa.Table) -> None:
        """Add rows.

        Raises
        ------
        ValueError
            If the table has other columns than the schema.
        """
        if table.schema.names != self._schema.names:
            raise ValueError(f"{self._key}: the rows have not the columns of the schema")
        if not len(table):
            return
        self._waiting.append(table)
        self._rows_waiting += len(table)
        self._text_waiting += _at_most(table)
        if self._rows_waiting < ROW_GROUP_ROWS and self._text_waiting <= ROW_GROUP_TEXT:
            return
        *full, rest = _groups_of(pa.concat_tables(self._waiting))
        for group in full:
            self._write_group(group)
        self._waiting = [rest]
        self._rows_waiting, self._text_waiting = len(rest), _at_most(rest)

    def _write_group(self, group: pa.Table) -> None:
        group = _canonical(group)
        self._open([group]).write_table(group, row_group_size=ROW_GROUP_ROWS)
        self._rows += len(group)

    def _open(self, first: list[pa.Table]) -> pq.ParquetWriter:
        """Return the writer, which the first row group decides about."""
        if self._writer is None:
            distinct = _DISTINCT | _OF_INSTALLATION if _come_once(first) else _DISTINCT
            schema = self._schema
            self._writer = pq.ParquetWriter(
                self._path,
                pa.schema([_as_kept(first, field) for field in schema]),
                compression="zstd",
                compression_level=1,
                use_dictionary=[name for name in schema.names if name not in distinct],
                # Other texts lie in no order that would let a reader leave out a row group.
                write_statistics=[
                    field.name
                    for field in schema
                    if not _is_text(field.type) or field.name == self._in_order_of
                ],
                dictionary_pagesize_limit=_DICTIONARY_PAGE,
                store_schema=False,  # it would tell readers of our own encoding
            )
        return self._writer


def _as_kept(first: list[pa.Table], field: pa.Field) -> pa.Field:
    """Return a field in the type that its rows come in: encoded texts are written as such."""
    return field.with_type(first[0].schema.field(field.name).type) if first else field


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        if hasattr(os, "posix_fadvise"):
            # The system begins to write to disk what publication waits for.
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while chunk := file.read(_HASH_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _come_once(first: list[pa.Table]) -> bool:
    """Tell from a file's first row group whether most installations come once in a group."""
    for group in first:
        for name in ("inst_id", "machine_id"):
            if name in group.schema.names and pa.types.is_string(group.schema.field(name).type):
                return 2 * pc.count_distinct(group.column(name)).as_py() > len(group)
    return False


def _at_most(table: pa.Table) -> int:
    """Return a bound for the table's bytes of text, which is quick to tell."""
    return sum(_bound(chunk) for column in table.columns for chunk in column.chunks)


def _bound(array: pa.Array) -> int:
    if pa.types.is_string(array.type):
        return array.nbytes
    if not pa.types.is_dictionary(array.type) or not len(array.dictionary):
        return 0
    return len(array) * pc.max(pc.binary_length(array.dictionary)).as_py()


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_dictionary(kind)


def _groups_of(table: pa.Table) -> Iterator[pa.Table]:
    begin = 0
    text = None if _at_most(table) <= ROW_GROUP_TEXT else np.cumsum(_text_of_rows(table))
    while begin < len(table):
        end = min(begin + ROW_GROUP_ROWS, len(table))
        if text is not None:
            before = text[begin - 1] if begin else 0
            fitting = int(np.searchsorted(text, before + ROW_GROUP_TEXT, side="right"))
            end = min(end, max(fitting, begin + 1))
        yield table.slice(begin, end - begin)
        begin = end


def _text_of_rows(table: pa.Table) -> npt.NDArray[np.int64]:
    total = np.zeros(len(table), np.int64)
    for column in table.columns:
        if pa.types.is_dictionary(column.type):
            lengths = [pc.binary_length(c.dictionary).take(c.indices) for c in column.chunks]
        elif pa.types.is_string(column.type):
            lengths = [pc.binary_length(c) for c in column.chunks]
        else:
            continue
        total += pc.fill_null(pa.chunked_array(lengths, pa.int32()), 0).to_numpy()
    return total


def _canonical(group: pa.Table) -> pa.Table:
    """Put each column in one piece, and number dictionaries by first appearance.

    Pages end where rows say, not where chunks do; and dictionaries are written as they are.
    """
    columns = []
    for column in group.columns:
        array = pa.concat_arrays(column.chunks) if column.num_chunks != 1 else column.chunk(0)
        if pa.types.is_dictionary(column.type):
            own = array.indices.dictionary_encode()
            array = pa.DictionaryArray.from_arrays(
                own.indices, array.dictionary.take(own.dictionary)
            )
        columns.append(array)
    return pa.table(columns, schema=group.schema)
