"""ZIP objects, read as a stream by their local headers: stored and deflated entries, in order."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from sessionize.landing.compression.deflate import Inflated
from sessionize.landing.compression.source import STEP, ByteSource, DamageError

LOCAL_HEADER = b"PK\x03\x04"
END_OF_DIRECTORY = b"PK\x05\x06"

_DIRECTORY_HEADER = b"PK\x01\x02"
_DESCRIPTOR = b"PK\x07\x08"
_ENCRYPTED, _HAS_DESCRIPTOR = 0x0001, 0x0008
_STORED, _DEFLATED = 0, 8
_IN_ZIP64_FIELD = 0xFFFFFFFF
_ZIP64_FIELD = 0x0001
_LONGEST_DESCRIPTOR = 24
_LONGEST_END = 22 + 0xFFFF  # an end record with the longest comment


class _Entry(NamedTuple):
    """What a local header says; ``crc`` and the sizes are 0 where a descriptor follows."""

    flags: int
    method: int
    crc: int
    packed_size: int
    size: int


def read_zip(source: ByteSource) -> Iterator[bytes]:
    """Yield the decoded bytes of all entries, one entry right after the other.

    Raises
    ------
    DamageError
        After everything that can be decoded has been yielded; also where an entry is encrypted
        or compressed by another method.
    """
    while source.peek(4) == LOCAL_HEADER:
        place = source.offset
        entry = _read_header(source)
        if entry.flags & _ENCRYPTED:
            raise DamageError(f"the entry at byte {place} is encrypted")
        if entry.method == _DEFLATED:
            yield from _read_deflated(source, entry)
        elif entry.method != _STORED:
            raise DamageError(f"the entry at byte {place} has the unknown method {entry.method}")
        elif entry.flags & _HAS_DESCRIPTOR and not entry.packed_size:
            yield from _read_stored_of_unknown_size(source)
        else:
            yield from _read_stored(source, entry)
    _check_end(source)


def _read_header(source: ByteSource) -> _Entry:
    what = "the header of an entry"
    _, flags, method, _, crc, packed_size, size, name_length, extra_length = struct.unpack(
        "<4xHHHLLLLHH", source.read_exactly(30, what)
    )
    source.read_exactly(name_length, what)
    extra = source.read_exactly(extra_length, what)
    if _IN_ZIP64_FIELD in (packed_size, size):
        while len(extra) >= 4:
            kind, length = struct.unpack_from("<HH", extra)
            if kind == _ZIP64_FIELD and length >= 16:
                size, packed_size = struct.unpack_from("<QQ", extra, 4)
                break
            extra = extra[4 + length :]
    return _Entry(flags, method, crc, packed_size, size)


def _read_deflated(source: ByteSource, entry: _Entry) -> Iterator[bytes]:
    start = source.offset
    inflated = Inflated(source)
    yield from inflated
    packed_size = source.offset - start
    if entry.flags & _HAS_DESCRIPTOR:
        _read_descriptor(source, inflated.crc, packed_size, inflated.size)
    elif (inflated.crc, packed_size, inflated.size) != entry[2:]:
        raise DamageError(
            f"the check sum or size of the entry before byte {source.offset} is wrong"
        )


def _read_stored(source: ByteSource, entry: _Entry) -> Iterator[bytes]:
    crc, left = 0, entry.packed_size
    while left:
        piece = source.read(min(left, STEP))
        if not piece:
            raise DamageError(f"the object ends in an entry, at byte {source.offset}")
        crc = zlib.crc32(piece, crc)
        left -= len(piece)
        yield piece
    if entry.flags & _HAS_DESCRIPTOR:
        _read_descriptor(source, crc, entry.packed_size, entry.packed_size)
    elif crc != entry.crc:
        raise DamageError(f"the check sum of the entry before byte {source.offset} is wrong")


def _read_stored_of_unknown_size(source: ByteSource) -> Iterator[bytes]:
    """Read up to the descriptor, which is known by the check sum and size that it states."""
    crc = size = 0
    while True:
        ahead = source.peek(STEP)
        at = ahead.find(_DESCRIPTOR)
        if at == 0 and _descriptor_length(source, crc, size, size):
            return _read_descriptor(source, crc, size, size)
        if at == 0 and len(ahead) > _LONGEST_DESCRIPTOR:
            at = 1
        elif at < 0:
            at = len(ahead) - _cut_off_at_end(ahead, _DESCRIPTOR)
        piece = source.read(at)
        if not piece:
            raise DamageError(f"the object ends in an entry, at byte {source.offset}")
        crc = zlib.crc32(piece, crc)
        size += len(piece)
        yield piece


def _cut_off_at_end(data: bytes, mark: bytes) -> int:
    """Return how many bytes at the end of the data can be the beginning of a mark."""
    return next((n for n in range(len(mark) - 1, 0, -1) if data.endswith(mark[:n])), 0)


def _read_descriptor(source: ByteSource, crc: int, packed_size: int, size: int) -> None:
    length = _descriptor_length(source, crc, packed_size, size)
    if not length:
        raise DamageError(f"the object ends, or a check sum is wrong, at byte {source.offset}")
    source.read(length)


def _descriptor_length(source: ByteSource, crc: int, packed_size: int, size: int) -> int:
    """Tell the four forms of a descriptor apart by what it must state; 0 if none fits."""
    ahead = source.peek(_LONGEST_DESCRIPTOR)
    long = struct.pack("<LQQ", crc, packed_size, size)
    short = struct.pack("<LLL", crc, packed_size % 2**32, size % 2**32)
    for form in (_DESCRIPTOR + long, long, _DESCRIPTOR + short, short):
        if ahead.startswith(form):
            return len(form)
    return 0


def _check_end(source: ByteSource) -> None:
    """Read the central directory, which repeats what the local headers say, up to its end."""
    if source.peek(4) not in (_DIRECTORY_HEADER, END_OF_DIRECTORY):
        raise DamageError(f"the object ends, or is not ZIP, at byte {source.offset}")
    tail = b""
    while piece := source.read(STEP):
        tail = (tail + piece)[-_LONGEST_END:]
    at = tail.rfind(END_OF_DIRECTORY)
    while at >= 0:
        comment_length = tail[at + 20 : at + 22]
        if at + 22 + int.from_bytes(comment_length, "little") == len(tail):
            return
        at = tail.rfind(END_OF_DIRECTORY, 0, at)
    raise DamageError(f"the object ends in its directory, at byte {source.offset}")
