"""A day in parts: ranges of machines, each small enough for memory, dealt out on local disk.

Parts are cut between the ids of machines, in the order of their bytes, so what is made of the
parts, one after the other, stands in that order. Where the cuts are makes no difference to it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sessionize.lake.migrations import as_declared

#: Rows of sessions and of machines in a part, about; one machine is not divided.
PART_ROWS = 500_000
_MOST_PARTS = 256
#: A machine of so many is looked at to find where the cuts should be.
_SAMPLE = 64


def cuts(files: Iterable[Path], rows: int, part_rows: int = PART_ROWS) -> list[str]:
    """Return the machines before which to cut, so that parts have about as many rows.

    Parameters
    ----------
    files : iterable of Path
        Parquet files with ``machine_id``.
    rows : int
        Of all of them.
    part_rows : int
        How many a part should have.
    """
    parts = min(-(-rows // part_rows), _MOST_PARTS)
    if parts <= 1:
        return []
    samples = []
    for path in files:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=["machine_id"]):
                ids = batch.column(0).sort()
                samples.append(ids.take(np.arange(0, len(ids), _SAMPLE)))
    sample = pa.chunked_array(samples, pa.string()).combine_chunks().sort()
    places = np.arange(1, parts) * len(sample) // parts
    return sorted(set(sample.take(places).to_pylist()))


def tables_in(path: Path, name: str, schema: pa.Schema, written_in: int) -> Iterator[pa.Table]:
    """Yield a Parquet file's row groups, with the columns that are declared now."""
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            yield as_declared(name, file.read_row_group(group), schema, written_in)


def deal(
    tables: Iterable[pa.Table], schema: pa.Schema, cut_before: Sequence[str], folder: Path
) -> list[Path]:
    """Write each part's rows into a file of its own, in the order in which they come."""
    paths = [folder / f"{part}.arrow" for part in range(len(cut_before) + 1)]
    with contextlib.ExitStack() as stack:
        writers = [stack.enter_context(pa.ipc.new_file(str(path), schema)) for path in paths]
        for table in tables:
            part = _part_of(table.column("machine_id"), cut_before)
            for number in np.unique(part):
                rows = table if len(paths) == 1 else table.filter(pa.array(part == number))
                writers[number].write_table(rows)
    return paths


def read_part(path: Path) -> pa.Table:
    """Return a part's rows."""
    with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
        return file.read_all()


def _part_of(machine_ids: pa.ChunkedArray, cut_before: Sequence[str]) -> np.ndarray:
    """Return each row's part: texts compare as their bytes in UTF-8 do."""
    encoded = machine_ids.combine_chunks().dictionary_encode()
    distinct = encoded.dictionary.to_numpy(zero_copy_only=False)
    of_distinct = np.searchsorted(np.array(cut_before, object), distinct, side="right")
    return of_distinct[encoded.indices.to_numpy()]
