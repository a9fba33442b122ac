"""The order of rows by machine and time, and of codes by appearance."""

# mypy: disable-error-code="no-untyped-def,assignment"

from __future__ import annotations

import numpy as np

from sessionize.kernels.source.compiling import part
from sessionize.kernels.source.memory import int32_at, int64_at, put_int32, put_int64

#: Rows that are sorted one by one, as long as they are few.
_FEW = 32


def order_rows(machine, time, rows, ends, machines, order, times, scratch, most):
    """Fill ``order`` with the rows by machine and time; those that tie stay as they stand.

    ``ends`` has room for a number a machine and one more, all 0; ``times`` for one a row,
    ``scratch`` for two a row of the machine that has the ``most``.
    """
    for row in range(rows):
        place = ends + 8 * int64_at(machine + 8 * row) + 8
        put_int64(place, int64_at(place) + 1)
    for number in range(machines):
        place = ends + 8 * number
        put_int64(place + 8, int64_at(place + 8) + int64_at(place))
    for row in range(rows):
        end = ends + 8 * int64_at(machine + 8 * row)
        place = int64_at(end)
        put_int64(end, place + 1)
        put_int64(order + 8 * place, row)
        put_int64(times + 8 * place, int64_at(time + 8 * row))
    begin = np.int64(0)
    for number in range(machines):
        end = int64_at(ends + 8 * number)
        _sort(order + 8 * begin, times + 8 * begin, end - begin, scratch, scratch + 8 * most)
        begin = end
    return 0


@part
def _sort(order, times, rows, other_order, other_times):
    """Sort rows by time: runs of a few first, then by merging them pair by pair."""
    for begin in range(0, rows, _FEW):
        _sort_few(order, times, begin, min(begin + _FEW, rows))
    width = _FEW
    while width < rows:
        for begin in range(0, rows, 2 * width):
            middle, end = min(begin + width, rows), min(begin + 2 * width, rows)
            _merge(order, times, begin, middle, end, other_order, other_times)
        for row in range(rows):
            put_int64(order + 8 * row, int64_at(other_order + 8 * row))
            put_int64(times + 8 * row, int64_at(other_times + 8 * row))
        width *= 2


@part
def _sort_few(order, times, begin, end):
    for place in range(begin + 1, end):
        row, time = int64_at(order + 8 * place), int64_at(times + 8 * place)
        before = place - 1
        while before >= begin and int64_at(times + 8 * before) > time:
            put_int64(order + 8 * before + 8, int64_at(order + 8 * before))
            put_int64(times + 8 * before + 8, int64_at(times + 8 * before))
            before -= 1
        put_int64(order + 8 * before + 8, row)
        put_int64(times + 8 * before + 8, time)


@part
def _merge(order, times, begin, middle, end, other_order, other_times):
    left, right = begin, middle
    for place in range(begin, end):
        if right >= end or (
            left < middle and int64_at(times + 8 * left) <= int64_at(times + 8 * right)
        ):
            source = left
            left += 1
        else:
            source = right
            right += 1
        put_int64(other_order + 8 * place, int64_at(order + 8 * source))
        put_int64(other_times + 8 * place, int64_at(times + 8 * source))


def renumber(codes, rows, numbers, firsts):
    """Number codes anew, by their first appearance, in place; negative ones are left alone.

    ``numbers`` has -1 for each code there may be; ``firsts`` is filled with the code that has each
    new number. Returned is how many there are.
    """
    known = 0
    for row in range(rows):
        code = np.int64(int32_at(codes + 4 * row))
        if code < 0:
            continue
        number = int32_at(numbers + 4 * code)
        if number < 0:
            put_int32(numbers + 4 * code, known)
            put_int32(firsts + 4 * known, code)
            number = known
            known += 1
        put_int32(codes + 4 * row, number)
    return known
