"""The order of machines, and their division into shards.

Machines are ordered by a hash of their id. A shard is a range of that hash, so the shards' results,
laid end to end, stand in the one order of all machines: what is published does not depend on the
number of shards, which may change from run to run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sessionize.kernels.arrow import text_array, text_buffers
from sessionize.kernels.texts import TextTable, hash_texts

Numbers = npt.NDArray[np.int64]


def machine_hash(machine_ids: pa.StringArray) -> npt.NDArray[np.uint64]:
    """Hash machine ids (texts without nulls) to 64 bits, the same on every machine."""
    return hash_texts(*text_buffers(machine_ids))


def shard_of(machine_ids: pa.StringArray, shards: int) -> npt.NDArray[np.int64]:
    """Return each machine's shard, from 0 to ``shards - 1``, rising with its hash."""
    high = machine_hash(machine_ids) >> np.uint64(32)
    return ((high * np.uint64(shards)) >> np.uint64(32)).astype(np.int64)


@dataclass(frozen=True)
class Machines:
    """The distinct machines of some columns, in the order of all machines.

    Attributes
    ----------
    ids : StringArray
    ranks : tuple of int64 arrays, one a column
        The place of each row's machine in ``ids``.
    """

    ids: pa.StringArray
    ranks: tuple[Numbers, ...]


def rank_machines(*columns: pa.ChunkedArray) -> Machines:
    """Find the distinct machines of some columns of ids (texts without nulls)."""
    table = TextTable()
    held = []  # the table points into these
    numbers = []
    for column in columns:
        of_column = np.empty(len(column), np.int64)
        begin = 0
        for chunk in column.chunks:
            held.append(text_buffers(chunk))
            table.number(*held[-1], of_column[begin : begin + len(chunk)])
            begin += len(chunk)
        numbers.append(of_column)
    order = _order(table)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    ids = text_array(*table.texts(order))
    return Machines(ids, tuple(rank[of_column] for of_column in numbers))


def _order(table: TextTable) -> Numbers:
    """Return the numbers of the texts by hash; those that share one, by content."""
    hashes = table.hashes
    order = np.argsort(hashes, kind="stable")
    if (hashes[order][1:] == hashes[order][:-1]).any():
        texts = text_array(*table.texts(np.arange(table.known))).to_pylist()
        order = np.array(
            sorted(range(table.known), key=lambda n: (hashes[n], texts[n].encode())), np.int64
        )
    return order
