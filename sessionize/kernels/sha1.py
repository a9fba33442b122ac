"""UUIDs of version 5 (RFC 9562) by the thousand: SHA-1 (RFC 3174) of a name space and a name."""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sessionize.kernels.compiling import inlined, kernel
from sessionize.kernels.memory import address_of, byte_at, copy_bytes, put_byte

UUID_SIZE = 36

_K = np.array([0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6], dtype=np.uint32)
_H = np.array([0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0], dtype=np.uint32)


@kernel
def name_uuids(
    namespace: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int32],
    names: npt.NDArray[np.uint8],
    uuids: npt.NDArray[np.uint8],
) -> None:
    """Fill ``uuids``, 36 bytes each, with the UUID of each name in the name space."""
    name = address_of(names)
    prefix = len(namespace)
    longest = 0
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    padded = np.empty((prefix + longest + 9 + 63) // 64 * 64, np.uint8)
    padded[:prefix] = namespace
    words = np.empty(80, np.uint32)
    state = np.empty(5, np.uint32)
    out = address_of(uuids)
    for row in range(len(offsets) - 1):
        size = offsets[row + 1] - offsets[row]
        copy_bytes(address_of(padded) + prefix, name + offsets[row], size)
        _sha1(prefix + size, padded, words, state)
        _write_uuid(state, out + row * UUID_SIZE)


@inlined
def _sha1(size, padded, words, state):
    """Hash the first bytes of ``padded``, and fill up the rest of it."""
    blocks = (size + 9 + 63) // 64
    to = address_of(padded)
    put_byte(to + size, 0x80)
    for k in range(size + 1, blocks * 64 - 8):
        put_byte(to + k, 0)
    bits = size * 8
    for k in range(8):
        put_byte(to + blocks * 64 - 1 - k, (bits >> (8 * k)) & 0xFF)
    for k in range(5):
        state[k] = _H[k]
    for block in range(blocks):
        at = to + block * 64
        for k in range(16):
            words[k] = (
                (np.uint32(byte_at(at + 4 * k)) << np.uint32(24))
                | (np.uint32(byte_at(at + 4 * k + 1)) << np.uint32(16))
                | (np.uint32(byte_at(at + 4 * k + 2)) << np.uint32(8))
                | np.uint32(byte_at(at + 4 * k + 3))
            )
        for k in range(16, 80):
            words[k] = _rotate(words[k - 3] ^ words[k - 8] ^ words[k - 14] ^ words[k - 16], 1)
        a, b, c, d, e = state[0], state[1], state[2], state[3], state[4]
        for k in range(80):
            if k < 20:
                mixed = (b & c) | (~b & d)
            elif 40 <= k < 60:
                mixed = (b & c) | (b & d) | (c & d)
            else:
                mixed = b ^ c ^ d
            last = np.uint32(_rotate(a, 5) + mixed + e + _K[k // 20] + words[k])
            a, b, c, d, e = last, a, _rotate(b, 30), c, d
        state[0] += a
        state[1] += b
        state[2] += c
        state[3] += d
        state[4] += e


@inlined
def _rotate(word, bits):
    return np.uint32((word << np.uint32(bits)) | (word >> np.uint32(32 - bits)))


@inlined
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
