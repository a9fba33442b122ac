"""From the spans of a field's values in a text to the buffers of an Arrow column."""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np
from numba import uint64, uintp

from sessionize.kernels.options import filling_kernel, part

_BITS = 12
#: How many values `number_spans` remembers.
REMEMBERED = 1 << _BITS

_ONE, _THREE, _WORD = np.uintp(1), np.uintp(3), np.uintp(8)
_UNIT, _BYTE = np.uint64(1), np.uint64(8)
_PRIME, _HIGH_BITS = np.uint64(0x9E3779B97F4A7C15), np.uint64(64 - _BITS)


@filling_kernel
def measure_spans(starts, ends, kinds, offsets):
    """Fill in where each value of a column begins, and the last ends; kind 0: it has none.

    Parameters
    ----------
    starts, ends : int32 arrays (rows,)
        Where each value stands in the text.
    kinds : uint8 array (rows,)
    offsets : int32 array (1 + rows,)

    Returns
    -------
    int
        The bytes of all values.
    """
    size = 0
    offsets[0] = 0
    for row in range(len(kinds)):
        if kinds[row]:
            size += ends[row] - starts[row]
        offsets[row + 1] = size
    return size


@filling_kernel
def copy_spans(text, starts, offsets, values):
    """Copy the values of a column out of the text, to where `measure_spans` has placed them."""
    for row in range(len(starts)):
        at = uintp(starts[row])
        for to in range(uintp(offsets[row]), uintp(offsets[row + 1])):
            values[to] = text[at]
            at += _ONE


@filling_kernel
def number_spans(text, starts, ends, kinds, codes, firsts, memory):
    """Number the values of a column, of which few are meant to differ.

    A value that is not remembered gets the next number. What is remembered is the last value of
    each hash; so a value can get several numbers, which the caller must merge, but no values,
    however they are chosen, take more than one comparison each.

    Parameters
    ----------
    text : uint8 array
    starts, ends, kinds : int32, int32 and uint8 arrays (rows,)
        As for `measure_spans`.
    codes : int32 array (rows,)
        Filled in: the number of each value; -1 where there is none.
    firsts : int32 array (rows,)
        Filled in, from its beginning: the row of the value that has got each number.
    memory : int32 array (REMEMBERED,)
        The number that was given last to a value of each hash; all -1 beforehand.

    Returns
    -------
    int
        How many numbers were given.
    """
    given = 0
    for row in range(len(kinds)):
        if not kinds[row]:
            codes[row] = -1
            continue
        start, end = uintp(starts[row]), uintp(ends[row])
        slot = _hash(text, start, end)
        code = memory[slot]
        if code >= 0:
            other = uintp(firsts[uintp(code)])
            if not _are_same(text, start, end, uintp(starts[other]), uintp(ends[other])):
                code = -1
        if code < 0:
            code = given
            memory[slot] = code
            firsts[given] = row
            given += 1
        codes[row] = code
    return given


@part
def _hash(text, start, end):
    """Hash the size and the last eight bytes."""
    return uintp(((_last_word(text, start, end) ^ uint64(end - start)) * _PRIME) >> _HIGH_BITS)


@part
def _are_same(text, start, end, other, other_end):
    """Tell whether two values are the same, eight bytes at a time: the last ones differ soonest."""
    if end - start != other_end - other:
        return False
    if _last_word(text, start, end) != _last_word(text, other, other_end):
        return False
    while start + _WORD < end:
        if _word(text, start) != _word(text, other):
            return False
        start += _WORD
        other += _WORD
    return True


@part
def _last_word(text, start, end):
    """Return the last eight bytes of a value as a number, or all if there are fewer."""
    if end < _WORD:  # the text has only just begun
        word = uint64(0)
        for i in range(start, end):
            word = word << _BYTE | uint64(text[i])
        return word
    word, size = _word(text, end - _WORD), end - start
    return word if size >= _WORD else word & ((_UNIT << (size << _THREE)) - _UNIT)


@part
def _word(text, i):
    """Return eight bytes as a number; compiled, that is one load."""
    word = uint64(0)
    for k in range(_WORD):
        word = word << _BYTE | uint64(text[i + k])
    return word
