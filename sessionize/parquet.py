"""Parquet files whose bytes depend on their rows alone, not on how the rows arrived."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sessionize.ledger import WrittenFile

ROW_GROUP_ROWS = 262_144
_HASH_CHUNK = 1 << 20


def write_parquet(
    path: Path, schema: pa.Schema, tables: Iterable[pa.Table], key: str
) -> WrittenFile:
    """Write tables end to end as one file.

    Rows are cut into row groups of a fixed number, whatever the tables' sizes: the same rows always
    give the same bytes. Memory holds one row group and one table.

    Parameters
    ----------
    path : Path
        The local file to write.
    schema : Schema
        The file's schema; every table must have it.
    tables : iterable of Table
        The rows, in order.
    key : str
        What the result calls the file.

    Returns
    -------
    WrittenFile
    """
    rows = 0
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=1) as writer:
        for group in _row_groups(tables, schema):
            writer.write_table(group, row_group_size=ROW_GROUP_ROWS)
            rows += len(group)
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_HASH_CHUNK):
            digest.update(chunk)
    return WrittenFile(key, rows, path.stat().st_size, digest.hexdigest())


def _row_groups(tables: Iterable[pa.Table], schema: pa.Schema) -> Iterator[pa.Table]:
    waiting: list[pa.Table] = []
    count = 0
    for table in tables:
        while count + len(table) >= ROW_GROUP_ROWS:
            head = table.slice(0, ROW_GROUP_ROWS - count)
            table = table.slice(len(head))
            # One chunk a column: pages end where rows say, not where chunks do.
            yield pa.concat_tables([*waiting, head]).combine_chunks()
            waiting, count = [], 0
        if len(table):
            waiting.append(table)
            count += len(table)
    if waiting:
        yield pa.concat_tables(waiting).combine_chunks()
