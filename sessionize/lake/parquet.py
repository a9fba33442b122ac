"""Parquet files whose bytes depend on their rows alone, not on how the rows arrived."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sessionize.kernels.order import renumber
from sessionize.lake.ledger import WrittenFile

ROW_GROUP_ROWS = 131_072
#: The most bytes of text in a row group, unless one row has more: records may be long.
ROW_GROUP_TEXT = 256 << 20

#: Columns in which nearly every row has a value of its own: a dictionary would be in vain,
_DISTINCT = frozenset(
    ["event_id", "event_time", "position", "raw", "detail", "started_at", "ended_at", "frontier"]
)
#: and those that have one for each installation: it would be, where few of them come twice.
_OF_INSTALLATION = frozenset(["inst_id", "machine_id", "user_id", "nid", "ip_address"])
_DICTIONARY_PAGE = 8 << 20
_HASH_CHUNK = 1 << 20


def write_parquet(
    path: Path, schema: pa.Schema, tables: Iterable[pa.Table], key: str
) -> WrittenFile:
    """Write tables end to end as one file.

    Rows are cut into row groups by their number and their text, whatever the tables' sizes: the
    same rows always give the same bytes. Memory holds two row groups and one table.

    Parameters
    ----------
    path : Path
        The local file to write.
    schema : Schema
        The schema of every table. Dictionary-encoded texts are texts in the file.
    tables : iterable of Table
        The rows, in order.
    key : str
        What the result calls the file.

    Returns
    -------
    WrittenFile
    """
    rows = 0
    groups = map(_canonical, _row_groups(tables))
    first = list(itertools.islice(groups, 1))
    distinct = _DISTINCT | _OF_INSTALLATION if _come_once(first) else _DISTINCT
    with pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=[name for name in schema.names if name not in distinct],
        # Texts lie in no order that would let a reader leave out a row group.
        write_statistics=[field.name for field in schema if not _is_text(field.type)],
        dictionary_pagesize_limit=_DICTIONARY_PAGE,
        store_schema=False,  # it would tell readers of our own encoding
    ) as writer:
        for group in itertools.chain(first, groups):
            writer.write_table(group, row_group_size=ROW_GROUP_ROWS)
            rows += len(group)
    digest = hashlib.sha256()
    with path.open("rb") as file:
        if hasattr(os, "posix_fadvise"):
            # The system begins to write to disk what publication waits for.
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while chunk := file.read(_HASH_CHUNK):
            digest.update(chunk)
    return WrittenFile(key, rows, path.stat().st_size, digest.hexdigest())


def _come_once(first: list[pa.Table]) -> bool:
    """Tell from a file's first row group whether most installations come once in a group."""
    for group in first:
        for name in ("inst_id", "machine_id"):
            if name in group.schema.names and pa.types.is_string(group.schema.field(name).type):
                return 2 * pc.count_distinct(group.column(name)).as_py() > len(group)
    return False


def _row_groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Lay tables end to end, and cut them into the longest groups that keep to the limits."""
    waiting: list[pa.Table] = []
    rows = text = 0
    for table in tables:
        if not len(table):
            continue
        waiting.append(table)
        rows, text = rows + len(table), text + _at_most(table)
        if rows < ROW_GROUP_ROWS and text <= ROW_GROUP_TEXT:
            continue
        *full, rest = _groups_of(pa.concat_tables(waiting))
        yield from full
        waiting, rows, text = [rest], len(rest), _at_most(rest)
    if waiting:
        yield from _groups_of(pa.concat_tables(waiting))


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
            codes = pc.fill_null(array.indices, -1).to_numpy(zero_copy_only=False).copy()
            firsts = renumber(codes, len(array.dictionary))
            array = pa.DictionaryArray.from_arrays(
                pa.array(codes, mask=codes < 0), array.dictionary.take(pa.array(firsts))
            )
        columns.append(array)
    return pa.table(columns, schema=group.schema)
