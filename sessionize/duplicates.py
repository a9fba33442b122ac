"""Which events are copies of an earlier one (contract §2, *Duplicate*)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd


def duplicated(
    machine: npt.NDArray[np.int64], time: npt.NDArray[np.int64], event_id: pd.Series
) -> npt.NDArray[np.bool_]:
    """Tell which rows repeat the machine, time and event id of an earlier row.

    Parameters
    ----------
    machine, time : int64 arrays
        The machine's number, and the event time in microseconds.
    event_id : Series of str
        As long as the arrays.
    """
    result = np.zeros(len(machine), dtype=bool)
    order = np.lexsort((time, machine))  # stable: equal rows keep their order
    same = (np.diff(machine[order]) == 0) & (np.diff(time[order]) == 0)
    # Ids are compared only among rows of one machine and time: there are few.
    shared = np.zeros(len(machine), dtype=bool)
    shared[1:] |= same
    shared[:-1] |= same
    rows = order[shared]
    group = np.concatenate([[0], np.cumsum(~same)])[shared] if len(machine) else rows
    candidates = pd.DataFrame({"group": group, "event_id": event_id.take(rows).array})
    result[rows] = candidates.duplicated(keep="first").to_numpy()
    return result
