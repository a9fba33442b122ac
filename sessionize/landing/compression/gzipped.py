"""gzip objects: any number of members (RFC 1952), with zero padding between and behind them."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sessionize.landing.compression.deflate import Inflated
from sessionize.landing.compression.source import STEP, ByteSource, DamageError

MAGIC = b"\x1f\x8b\x08"

_FHCRC, _FEXTRA, _FNAME, _FCOMMENT = 0x02, 0x04, 0x08, 0x10


def read_gzip(source: ByteSource) -> Iterator[bytes]:
    """Yield the decoded bytes of all members.

    Raises
    ------
    DamageError
        After everything that can be decoded has been yielded.
    """
    while True:
        _skip_header(source)
        inflated = Inflated(source)
        yield from inflated
        trailer = source.read_exactly(8, "the check sum of a member")
        if trailer != struct.pack("<LL", inflated.crc, inflated.size % 2**32):
            raise DamageError(f"the check sum before byte {source.offset} is wrong")
        _skip_zeros(source)
        if not source.peek(1):
            return
        if not MAGIC.startswith(source.peek(len(MAGIC))):
            raise DamageError(
                f"what follows the compressed data, at byte {source.offset}, is not gzip"
            )


def _skip_header(source: ByteSource) -> None:
    what = "the header of a member"
    flags = source.read_exactly(10, what)[3]
    if flags & _FEXTRA:
        source.read_exactly(int.from_bytes(source.read_exactly(2, what), "little"), what)
    for flag in (_FNAME, _FCOMMENT):
        if flags & flag:
            _skip_text(source, what)
    if flags & _FHCRC:
        source.read_exactly(2, what)


def _skip_text(source: ByteSource, what: str) -> None:
    while piece := source.read(STEP):
        _, zero, rest = piece.partition(b"\0")
        if zero:
            source.unread(rest)
            return
    source.read_exactly(1, what)


def _skip_zeros(source: ByteSource) -> None:
    while piece := source.read(STEP):
        if rest := piece.lstrip(b"\0"):
            source.unread(rest)
            return
