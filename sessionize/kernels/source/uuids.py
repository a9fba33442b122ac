"""UUIDs of version 5 (RFC 9562) by the thousand: SHA-1 (RFC 3174) of a name space and a name."""

# mypy: disable-error-code="no-untyped-def,assignment"

from __future__ import annotations

import numpy as np

from sessionize.kernels.source.compiling import part
from sessionize.kernels.source.memory import (
    big_endian_at,
    copy_bytes,
    int32_at,
    int64_at,
    put_byte,
    put_uint32,
    uint32_at,
)

UUID_SIZE = 36

_MINUS, _COLON = 0x2D, 0x3A
_K0, _K1 = np.uint32(0x5A827999), np.uint32(0x6ED9EBA1)
_K2, _K3 = np.uint32(0x8F1BBCDC), np.uint32(0xCA62C1D6)
_H0, _H1, _H2 = np.uint32(0x67452301), np.uint32(0xEFCDAB89), np.uint32(0x98BADCFE)
_H3, _H4 = np.uint32(0x10325476), np.uint32(0xC3D2E1F0)


def name_uuids(
    numbers,
    lengths,
    rows,
    first_offsets,
    first,
    second_offsets,
    second,
    padded,
    prefix,
    words,
    uuids,
):
    """Fill ``uuids``, 36 bytes each, with those of the names "number:length:first:second".

    ``padded`` begins with the name space, ``prefix`` bytes, and has room for the longest name
    behind it and its padding; ``words`` has room for 80 uint32.
    """
    for row in range(rows):
        at = _write_number(padded + prefix, int64_at(numbers + 8 * row))
        put_byte(at, _COLON)
        at = _write_number(at + 1, np.int64(int32_at(lengths + 4 * row)))
        put_byte(at, _COLON)
        begin = int32_at(first_offsets + 4 * row)
        size = int32_at(first_offsets + 4 * row + 4) - begin
        copy_bytes(at + 1, first + begin, size)
        at += 1 + size
        put_byte(at, _COLON)
        begin = int32_at(second_offsets + 4 * row)
        size = int32_at(second_offsets + 4 * row + 4) - begin
        copy_bytes(at + 1, second + begin, size)
        at += 1 + size
        _write_uuid(_sha1(padded, at - padded, words), uuids + row * UUID_SIZE)
    return 0


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
def _sha1(message, size, words):
    """Hash the first bytes of a message, behind which there is room for the padding."""
    blocks = (size + 9 + 63) // 64
    put_byte(message + size, 0x80)
    for place in range(message + size + 1, message + blocks * 64 - 8):
        put_byte(place, 0)
    bits = size * 8
    for k in range(8):
        put_byte(message + blocks * 64 - 1 - k, (bits >> (8 * k)) & 0xFF)
    h0, h1, h2, h3, h4 = _H0, _H1, _H2, _H3, _H4
    for block in range(blocks):
        for k in range(16):
            put_uint32(words + 4 * k, big_endian_at(message + 64 * block + 4 * k))
        for place in range(words + 64, words + 320, 4):
            word = uint32_at(place - 12) ^ uint32_at(place - 32)
            word ^= uint32_at(place - 56) ^ uint32_at(place - 64)
            put_uint32(place, _rotate(word, 1))
        a, b, c, d, e = h0, h1, h2, h3, h4
        for place in range(words, words + 80, 4):
            mixed = d ^ (b & (c ^ d))
            a, b, c, d, e = _next(a, e, mixed, _K0, place), a, _rotate(b, 30), c, d
        for place in range(words + 80, words + 160, 4):
            mixed = b ^ c ^ d
            a, b, c, d, e = _next(a, e, mixed, _K1, place), a, _rotate(b, 30), c, d
        for place in range(words + 160, words + 240, 4):
            mixed = (b & c) | (d & (b | c))
            a, b, c, d, e = _next(a, e, mixed, _K2, place), a, _rotate(b, 30), c, d
        for place in range(words + 240, words + 320, 4):
            mixed = b ^ c ^ d
            a, b, c, d, e = _next(a, e, mixed, _K3, place), a, _rotate(b, 30), c, d
        h0, h1, h2 = np.uint32(h0 + a), np.uint32(h1 + b), np.uint32(h2 + c)
        h3, h4 = np.uint32(h3 + d), np.uint32(h4 + e)
    return h0, h1, h2, h3, h4


@part
def _next(a, e, mixed, constant, place):
    return np.uint32(_rotate(a, 5) + mixed + e + constant + uint32_at(place))


@part
def _rotate(word, bits):
    return np.uint32((word << np.uint32(bits)) | (word >> np.uint32(32 - bits)))


@part
def _write_uuid(state, to):
    at = to
    for k in range(16):
        byte = (state[k // 4] >> np.uint32(24 - 8 * (k % 4))) & np.uint32(0xFF)
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
