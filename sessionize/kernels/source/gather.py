"""Rows of a column that lies in chunks, gathered in any order.

A row is named by its place: the chunk's number in the upper 32 bits, the row in the chunk in the
lower. What takes long is to wait for memory, so what a later row needs is asked for ahead.
"""

# mypy: disable-error-code="no-untyped-def,assignment"

from __future__ import annotations

import numpy as np

from sessionize.kernels.source.compiling import part
from sessionize.kernels.source.memory import (
    byte_at,
    copy_bytes,
    int32_at,
    int64_at,
    prefetch,
    put_byte,
    put_int32,
    put_int64,
)

#: How many rows ahead.
_AHEAD = 24
_LINE = 64


@part
def _address(place, starts_at, width):
    """Return where the value of a row lies."""
    return int64_at(starts_at + 8 * (place >> 32)) + width * (place & 0xFFFFFFFF)


@part
def _missing(place, validity_at, shifts_at):
    """Tell whether a row is null; a chunk without nulls has no bits of validity."""
    bits = int64_at(validity_at + 8 * (place >> 32))
    if bits == 0:
        return False
    i = (place & 0xFFFFFFFF) + int64_at(shifts_at + 8 * (place >> 32))
    return (byte_at(bits + (i >> 3)) >> (i & 7)) & 1 == 0


def deal_rows(hashes, rows, shift, chunk, ends, places):
    """Put the places of a chunk's rows where the highest bits of their hash say, in their order.

    ``ends`` has, for each value of those bits, where the next place goes.
    """
    for row in range(rows):
        end = ends + 8 * np.int64(np.uint64(int64_at(hashes + 8 * row)) >> np.uint64(shift))
        place = int64_at(end)
        put_int64(places + 8 * place, (chunk << 32) | row)
        put_int64(end, place + 1)
    return 0


def gather_int64(places, rows, data_at, validity_at, shifts_at, values, absent):
    """Fill ``values`` and ``absent`` with the numbers of the rows, and with which are null."""
    for k in range(rows):
        if k + _AHEAD < rows:
            prefetch(_address(int64_at(places + 8 * (k + _AHEAD)), data_at, 8))
        place = int64_at(places + 8 * k)
        put_int64(values + 8 * k, int64_at(_address(place, data_at, 8)))
        put_byte(absent + k, 1 if _missing(place, validity_at, shifts_at) else 0)
    return 0


def gather_int32(places, rows, data_at, validity_at, shifts_at, meanings_at, values, absent):
    """Fill ``values`` and ``absent`` with the numbers of the rows, and with which are null.

    ``meanings_at`` has for each chunk the address of what its numbers stand for, or 0.
    """
    for k in range(rows):
        if k + _AHEAD < rows:
            prefetch(_address(int64_at(places + 8 * (k + _AHEAD)), data_at, 4))
        place = int64_at(places + 8 * k)
        missing = _missing(place, validity_at, shifts_at)
        value = int32_at(_address(place, data_at, 4))
        meanings = int64_at(meanings_at + 8 * (place >> 32))
        if meanings != 0 and not missing:
            value = int32_at(meanings + 4 * np.int64(value))
        put_int32(values + 4 * k, value)
        put_byte(absent + k, 1 if missing else 0)
    return 0


def locate_texts(
    places, rows, offsets_at, data_at, validity_at, shifts_at, addresses, offsets, absent
):
    """Find the texts of the rows; return how many bytes they have, or -1 if they are too many.

    ``addresses``, ``offsets`` and ``absent`` are filled with where the texts lie, where they would
    end, laid end to end, and which of them are null.
    """
    end = np.int64(0)
    put_int32(offsets, 0)
    for k in range(rows):
        if k + _AHEAD < rows:
            prefetch(_address(int64_at(places + 8 * (k + _AHEAD)), offsets_at, 4))
        place = int64_at(places + 8 * k)
        missing = _missing(place, validity_at, shifts_at)
        at = _address(place, offsets_at, 4)
        begin = np.int64(int32_at(at))
        if not missing:
            end += int32_at(at + 4) - begin
            if end > 0x7FFFFFFF:
                return -1
        put_byte(absent + k, 1 if missing else 0)
        put_int64(addresses + 8 * k, int64_at(data_at + 8 * (place >> 32)) + begin)
        put_int32(offsets + 4 * k + 4, end)
    return end


def copy_texts(addresses, offsets, rows, texts):
    """Lay texts, given by their addresses, end to end at the given offsets."""
    for row in range(rows):
        if row + _AHEAD < rows:
            ahead = int64_at(addresses + 8 * (row + _AHEAD))
            prefetch(ahead)
            prefetch(ahead + _LINE)
        begin = int32_at(offsets + 4 * row)
        size = int32_at(offsets + 4 * row + 4) - begin
        copy_bytes(texts + begin, int64_at(addresses + 8 * row), size)
    return 0
