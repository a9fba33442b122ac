"""The order of rows by machine and time, and of codes by appearance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sessionize.kernels.library import Native

Numbers = npt.NDArray[np.int64]

_order_rows = Native("order_rows")
_renumber = Native("renumber")


def order_by_machine_and_time(machine: Numbers, time: Numbers, machines: int) -> Numbers:
    """Return the rows in order; those that tie stay as they stand.

    Parameters
    ----------
    machine : int64 array
        From 0 to ``machines - 1``.
    time : int64 array, of the same length
    machines : int
    """
    rows = len(machine)
    order = np.empty(rows, np.int64)
    ends = np.zeros(machines + 1, np.int64)
    times = np.empty(rows, np.int64)
    most = int(np.bincount(machine).max(initial=0)) if rows else 0
    scratch = np.empty((2, most), np.int64)
    _order_rows(machine, time, rows, ends, machines, order, times, scratch, most)
    return order


def renumber(codes: npt.NDArray[np.int32], most: int) -> npt.NDArray[np.int32]:
    """Number codes anew, by their first appearance, in place; negative ones are left alone.

    Parameters
    ----------
    codes : int32 array
        Less than ``most``.
    most : int

    Returns
    -------
    int32 array
        The code that has each new number.
    """
    numbers = np.full(most, -1, np.int32)
    firsts = np.empty(most, np.int32)
    return firsts[: _renumber(codes, len(codes), numbers, firsts)]
