"""Deflate streams, as they stand in gzip members and in ZIP entries.

ISA-L decodes much faster than zlib, but what a call has decoded before it fails is lost. So where
it gives up, and where a stream is cut short, zlib decodes the stream once more, from its first
byte to the very byte that is bad.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Protocol

from isal import isal_zlib

from sessionize.landing.compression.source import STEP, ByteSource, DamageError

#: How much of a stream is kept for zlib to start again. Where a longer one is corrupt, what the
#: last step has decoded before the corrupt byte is lost with the rest.
_KEPT_FOR_ZLIB = 32 << 20

# The stubs of isal declare an instance.
_IsalError: type[Exception] = isal_zlib.error  # type: ignore[assignment]

_RAW = -zlib.MAX_WBITS
_BYTEWISE_STEP = 1 << 12


class _Decoder(Protocol):
    @property
    def unconsumed_tail(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class Inflated:
    """The decoded bytes of the deflate stream that begins where a source stands.

    Iterating yields them, at most `STEP` at a time, and leaves the source right behind the
    stream. It raises `DamageError` after everything that can be decoded has been yielded.

    Attributes
    ----------
    size : int
        How many bytes have been decoded so far.
    crc : int
        Their CRC-32.
    """

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self.size = 0
        self.crc = 0

    def __iter__(self) -> Iterator[bytes]:
        for decoded in self._decode():
            self.size += len(decoded)
            self.crc = isal_zlib.crc32(decoded, self.crc)
            yield decoded

    def _decode(self) -> Iterator[bytes]:
        source = self._source
        decoder = isal_zlib.decompressobj(_RAW)
        kept: list[bytes] = []
        while not decoder.eof:
            piece = source.read(STEP)
            if len(kept) * STEP <= _KEPT_FOR_ZLIB:
                kept.append(piece)
            if piece:
                try:
                    yield from _drain(decoder, piece)
                    continue
                except _IsalError:
                    pass
            if len(kept) * STEP > _KEPT_FOR_ZLIB:
                raise DamageError(
                    f"the compressed data ends or is corrupt before byte {source.offset}"
                )
            source.unread(b"".join(kept))
            yield from _without(self.size, _decode_bytewise(source))
            return
        source.unread(decoder.unused_data)


def _decode_bytewise(source: ByteSource) -> Iterator[bytes]:
    """Decode with zlib, exact to the byte at which the stream is corrupt."""
    decoder = zlib.decompressobj(_RAW)
    while not decoder.eof:
        start = source.offset
        piece = source.read(_BYTEWISE_STEP)
        if not piece:
            raise DamageError(f"the object ends in compressed data, at byte {start}")
        checkpoint = decoder.copy()
        try:
            decoded = list(_drain(decoder, piece))
        except zlib.error:
            decoder = checkpoint
        else:
            yield from decoded
            continue
        for place, byte in enumerate(piece, start):
            try:
                yield decoder.decompress(bytes([byte]))
            except zlib.error as error:
                fault = str(error).rpartition(": ")[2]
                raise DamageError(
                    f"the compressed data is corrupt at byte {place}: {fault}"
                ) from None
    source.unread(decoder.unused_data)


def _drain(decoder: _Decoder, piece: bytes) -> Iterator[bytes]:
    """Decode a piece in steps of bounded size, to its end or that of the stream."""
    while True:
        decoded = decoder.decompress(piece, STEP)
        if decoded:
            yield decoded
        piece = decoder.unconsumed_tail
        if not piece and len(decoded) < STEP:
            return


def _without(size: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Leave out the first ``size`` bytes."""
    for piece in pieces:
        if rest := piece[size:]:
            yield rest
        size = max(0, size - len(piece))
