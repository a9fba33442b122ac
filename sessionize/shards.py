"""The order of machines, and their division into shards.

Machines are ordered by a hash of their id. A shard is a range of that hash, so the shards' results,
laid end to end, stand in the one order of all machines: what is published does not depend on the
number of shards, which may change from run to run.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd


def machine_hash(machine_ids: pd.Series | pd.Index) -> npt.NDArray[np.uint64]:
    """Hash machine ids (texts without nulls) to 64 bits, the same on every machine."""
    codes, uniques = pd.factorize(machine_ids)
    hashed = pd.util.hash_array(np.asarray(uniques, dtype=object), categorize=False)
    return hashed[codes]


def shard_of(machine_ids: pd.Series | pd.Index, shards: int) -> npt.NDArray[np.int64]:
    """Return each machine's shard, from 0 to ``shards - 1``, rising with its hash."""
    high = machine_hash(machine_ids) >> np.uint64(32)
    return ((high * np.uint64(shards)) >> np.uint64(32)).astype(np.int64)


def machine_ranks(
    *columns: pd.Series,
) -> tuple[list[npt.NDArray[np.int64]], pd.Index]:
    """Return the number of each machine: its place in the order of all machines.

    Parameters
    ----------
    columns : Series of str
        Machine ids without nulls.

    Returns
    -------
    ranks : list of int64 arrays
        One for each column, of its length.
    machines : Index
        The distinct machine ids; ``machines[rank]`` is the id.
    """
    codes, uniques = pd.factorize(pd.concat(columns, ignore_index=True))
    hashed = machine_hash(uniques)
    order = np.argsort(hashed, kind="stable")
    if (hashed[order][1:] == hashed[order][:-1]).any():
        order = np.lexsort((np.asarray(uniques, dtype=object), hashed))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    ends = np.cumsum([len(column) for column in columns])[:-1]
    return np.split(rank[codes], ends), uniques[order]
