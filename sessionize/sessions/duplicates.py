"""Which events are copies of an earlier one (contract §2, *Duplicate*)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def duplicated(
    machine: npt.NDArray[np.int64],
    time: npt.NDArray[np.int64],
    event_ids: Callable[[npt.NDArray[np.int64]], pa.ChunkedArray],
    order: npt.NDArray[np.int64],
) -> npt.NDArray[np.bool_]:
    """Tell which rows repeat the machine, time and event id of an earlier row.

    Parameters
    ----------
    machine, time : int64 arrays
        The machine's number, and the event time in microseconds.
    event_ids : callable
        Returns the event ids of the rows that it is given.
    order : int64 array
        The rows by machine and time; those that tie by their place.
    """
    result = np.zeros(len(order), dtype=bool)
    same = (np.diff(machine[order]) == 0) & (np.diff(time[order]) == 0)
    if not same.any():
        return result
    # Ids are compared only among rows of one machine and time: there are few.
    shared = np.zeros(len(order), dtype=bool)
    shared[1:] |= same
    shared[:-1] |= same
    rows = order[shared]
    group = np.concatenate([[0], np.cumsum(~same)])[shared]
    seen: set[tuple[int, str]] = set()
    ids = event_ids(rows).to_pylist()
    for row, identity in zip(rows.tolist(), zip(group.tolist(), ids, strict=True), strict=True):
        result[row] = identity in seen
        seen.add(identity)
    return result
