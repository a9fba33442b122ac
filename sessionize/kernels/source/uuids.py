"""UUIDs of version 5 (RFC 9562) by the thousand: SHA-1 of a name space and a name."""

# mypy: disable-error-code="no-untyped-def,assignment"

from __future__ import annotations

import numpy as np

from sessionize.kernels.source.compiling import part
from sessionize.kernels.source.memory import (
    copy_bytes,
    int32_at,
    int64_at,
    put_byte,
    put_int32,
    uint32_at,
)
from sessionize.kernels.source.sha1 import INITIAL, add_block
from sessionize.kernels.uuids import LANES, UUID_SIZE

_MINUS, _COLON = 0x2D, 0x3A
_BLOCK = 64
_H0, _H1, _H2, _H3, _H4 = (np.uint32(word).astype(np.int32) for word in INITIAL)


def name_uuids(
    numbers,
    lengths,
    rows,
    first_offsets,
    first,
    second_offsets,
    second,
    padded,
    stride,
    prefix,
    words,
    uuids,
):
    """Fill ``uuids``, 36 bytes each, with those of the names "number:length:first:second".

    ``padded`` has ``stride`` bytes for each of `LANES` names at once: it begins with the name
    space, ``prefix`` bytes, and has room for the longest name behind it and its padding.
    ``words`` has room for six vectors of an int32 a lane.
    """
    counts = words + 5 * 4 * LANES
    for begin in range(0, rows, LANES):
        lanes = min(LANES, rows - begin)
        most = 0
        for lane in range(LANES):
            blocks = 0
            if lane < lanes:
                row = begin + lane
                name = padded + lane * stride
                at = _write_name(
                    name + prefix,
                    row,
                    numbers,
                    lengths,
                    first_offsets,
                    first,
                    second_offsets,
                    second,
                )
                blocks = _pad(name, at - name)
            put_int32(counts + 4 * lane, blocks)
            most = max(most, blocks)
            _start(words + 4 * lane)
        for block in range(most):
            add_block(padded + block * _BLOCK, stride, words, counts)
            for lane in range(LANES):
                left = int32_at(counts + 4 * lane)
                put_int32(counts + 4 * lane, max(left - 1, 0))
        for lane in range(lanes):
            _write_uuid(words + 4 * lane, uuids + (begin + lane) * UUID_SIZE)
    return 0


@part
def _write_name(at, row, numbers, lengths, first_offsets, first, second_offsets, second):
    """Write a name, and return the place behind it."""
    at = _write_number(at, int64_at(numbers + 8 * row))
    put_byte(at, _COLON)
    at = _write_number(at + 1, np.int64(int32_at(lengths + 4 * row)))
    put_byte(at, _COLON)
    at = _write_text(at + 1, row, first_offsets, first)
    put_byte(at, _COLON)
    return _write_text(at + 1, row, second_offsets, second)


@part
def _write_text(at, row, offsets, texts):
    begin = int32_at(offsets + 4 * row)
    size = int32_at(offsets + 4 * row + 4) - begin
    copy_bytes(at, texts + begin, size)
    return at + size


@part
def _write_number(at, number):
    """Write a number in decimal, and return the place behind it."""
    if number < 0:
        put_byte(at, _MINUS)
        at += 1
        number = -number
    digits = 1
    rest = number // 10
    while rest:
        digits += 1
        rest //= 10
    for place in range(at + digits - 1, at - 1, -1):
        put_byte(place, 0x30 + number % 10)
        number //= 10
    return at + digits


@part
def _pad(message, size):
    """Write what SHA-1 pads a message with behind it, and return how many blocks it has."""
    blocks = (size + 9 + _BLOCK - 1) // _BLOCK
    put_byte(message + size, 0x80)
    for place in range(message + size + 1, message + blocks * _BLOCK - 8):
        put_byte(place, 0)
    for k in range(8):
        put_byte(message + blocks * _BLOCK - 1 - k, ((size * 8) >> (8 * k)) & 0xFF)
    return blocks


@part
def _start(state):
    """Give a lane the state before its first block."""
    put_int32(state, _H0)
    put_int32(state + 4 * LANES, _H1)
    put_int32(state + 8 * LANES, _H2)
    put_int32(state + 12 * LANES, _H3)
    put_int32(state + 16 * LANES, _H4)


@part
def _write_uuid(state, to):
    at = to
    for k in range(16):
        word = uint32_at(state + 4 * LANES * (k // 4))
        byte = (word >> np.uint32(24 - 8 * (k % 4))) & np.uint32(0xFF)
        if k == 6:
            byte = (byte & np.uint32(0x0F)) | np.uint32(0x50)
        if k == 8:
            byte = (byte & np.uint32(0x3F)) | np.uint32(0x80)
        if k == 4 or k == 6 or k == 8 or k == 10:
            put_byte(at, 0x2D)
            at += 1
        for digit in (byte >> np.uint32(4), byte & np.uint32(15)):
            put_byte(at, digit + 0x30 if digit < 10 else digit + 0x57)
            at += 1
