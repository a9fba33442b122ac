"""The one order of all machines, and its division into shards.

Machines are ordered by a hash of their id. A shard is a range of that hash, so the shards' results,
one after the other, stand in the one order of all machines: what is published does not depend on
the number of shards, which may change from run to run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from sessionize.model.frames import text

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Machines:
    """The distinct machines of some columns, in the order of all machines.

    Attributes
    ----------
    ids : array of texts
    numbers : tuple of int64 arrays, one a column
        For each row of the column, the place of its machine in ``ids``.
    """

    ids: pd.api.extensions.ExtensionArray
    numbers: tuple[Numbers, ...]


def number_machines(*columns: pd.Series) -> Machines:
    """Find the distinct machines of some columns of ids (texts without nulls)."""
    chunks = [chunk for column in columns for chunk in text(column).chunks]
    encoded = pa.chunked_array(chunks, pa.string()).dictionary_encode().unify_dictionaries()
    distinct = encoded.chunk(0).dictionary if encoded.num_chunks else pa.array([], pa.string())
    order = _order(distinct)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    codes = [place[chunk.indices.to_numpy()] for chunk in encoded.chunks]
    rows = np.concatenate([np.zeros(0, np.int64), *codes])
    ends = np.cumsum([len(column) for column in columns])
    ids = pd.arrays.ArrowExtensionArray(distinct.take(pa.array(order)))
    return Machines(ids, tuple(np.split(rows, ends[:-1])))


def shard_of(machine_ids: pa.StringArray, shards: int) -> Numbers:
    """Return each machine's shard, from 0 to ``shards - 1``, rising with its hash."""
    encoded = machine_ids.dictionary_encode()
    high = machine_hash(encoded.dictionary) >> np.uint64(32)
    shard = ((high * np.uint64(shards)) >> np.uint64(32)).astype(np.int64)
    return shard[encoded.indices.to_numpy()]


def of_shard(table: pa.Table, shard: int, shards: int) -> pa.Table:
    """Return the rows of a table of machines that are one shard's."""
    ids = table.column("machine_id").cast(pa.string()).combine_chunks()
    return table.filter(pa.array(shard_of(ids, shards) == shard))


def machine_hash(machine_ids: pa.StringArray) -> npt.NDArray[np.uint64]:
    """Hash machine ids (texts without nulls) to 64 bits: SipHash, the same on every computer."""
    texts = machine_ids.to_numpy(zero_copy_only=False)
    return pd.util.hash_array(texts, categorize=False)


def _order(ids: pa.StringArray) -> Numbers:
    """Return the places of distinct ids by their hash; those that share one, by their text."""
    hashes = machine_hash(ids)
    order = np.argsort(hashes)
    in_order = hashes[order]
    if (in_order[1:] == in_order[:-1]).any():
        texts = ids.to_pylist()
        keys = [(hashes[place], texts[place]) for place in range(len(texts))]
        order = np.array(sorted(range(len(texts)), key=keys.__getitem__), np.int64)
    return order
