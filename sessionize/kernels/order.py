"""The order of rows by machine and time."""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sessionize.kernels.compiling import inlined, kernel

Numbers = npt.NDArray[np.int64]

#: Rows of one machine that are sorted one by one; of more, by merging.
_FEW = 64


@kernel
def order_by_machine_and_time(machine: Numbers, time: Numbers, machines: int) -> Numbers:
    """Return the rows in order; those that tie stay as they stand.

    Parameters
    ----------
    machine : int64 array
        From 0 to ``machines - 1``.
    time : int64 array, of the same length

    Returns
    -------
    int64 array
    """
    ends = np.zeros(machines + 1, np.int64)
    for row in range(len(machine)):
        ends[machine[row] + 1] += 1
    for number in range(machines):
        ends[number + 1] += ends[number]
    order = np.empty(len(machine), np.int64)
    times = np.empty(len(machine), np.int64)
    for row in range(len(machine)):
        place = ends[machine[row]]
        ends[machine[row]] = place + 1
        order[place], times[place] = row, time[row]
    begin = 0
    for number in range(machines):
        end = ends[number]
        if end - begin > _FEW:
            inside = np.argsort(times[begin:end], kind="mergesort")
            order[begin:end] = order[begin:end][inside]
        else:
            _sort_few(order, times, begin, end)
        begin = end
    return order


@inlined
def _sort_few(order, times, begin, end):
    for place in range(begin + 1, end):
        row, time = order[place], times[place]
        before = place - 1
        while before >= begin and times[before] > time:
            order[before + 1], times[before + 1] = order[before], times[before]
            before -= 1
        order[before + 1], times[before + 1] = row, time


@kernel
def renumber(
    codes: npt.NDArray[np.int32], numbers: npt.NDArray[np.int32], firsts: npt.NDArray[np.int32]
) -> int:
    """Number codes anew, by their first appearance, in place; negative ones are left alone.

    Parameters
    ----------
    codes : int32 array
    numbers : int32 array
        All -1, one item a code there may be.
    firsts : int32 array, as long as ``numbers``
        Filled with the code that has each new number.

    Returns
    -------
    int
        How many codes there are.
    """
    known = 0
    for row in range(len(codes)):
        code = codes[row]
        if code < 0:
            continue
        if numbers[code] < 0:
            numbers[code] = known
            firsts[known] = code
            known += 1
        codes[row] = numbers[code]
    return known
