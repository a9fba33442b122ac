"""Snappy in the framings that land: xerial (snappy-java), Hadoop's, and the official one."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from sessionize.landing.compression.source import STEP, ByteSource, DamageError

XERIAL_MAGIC = b"\x82SNAPPY\x00"
FRAMED_MAGIC = b"\xff\x06\x00\x00sNaPpY"

#: The longest block that is decoded, before and after: writers use 32 KiB to a few MiB.
_LONGEST_BLOCK = 64 << 20
#: More than a byte of Snappy can stand for: a copy makes at most 64 bytes out of three.
_HIGHEST_RATIO = 32

_CODEC = pa.Codec("snappy")


def read_xerial(source: ByteSource) -> Iterator[bytes]:
    """Yield the decoded blocks of one or several xerial streams that follow one another.

    Raises
    ------
    DamageError
        After every whole block before it has been yielded.
    """
    while source.peek(1):
        if source.peek(len(XERIAL_MAGIC)) == XERIAL_MAGIC:
            source.read_exactly(len(XERIAL_MAGIC) + 8, "a stream header")
            continue
        yield from _pieces(_decode(_read_block(source), source.offset))


def read_hadoop(source: ByteSource) -> Iterator[bytes]:
    """Yield the decoded chunks of Hadoop's blocks.

    Raises
    ------
    DamageError
        After every whole chunk before it has been yielded.
    """
    while source.peek(1):
        left = _read_length(source)
        while left:
            decoded = _decode(_read_block(source), source.offset)
            if len(decoded) > left:
                raise DamageError(f"a block before byte {source.offset} is longer than it says")
            left -= len(decoded)
            yield from _pieces(decoded)


def read_framed(source: ByteSource) -> Iterator[bytes]:
    """Yield the decoded chunks of the official framing; check sums are not verified.

    Raises
    ------
    DamageError
        After every whole chunk before it has been yielded.
    """
    while source.peek(1):
        header = source.read_exactly(4, "a chunk header")
        kind, length = header[0], int.from_bytes(header[1:], "little")
        data = source.read_exactly(length, "a chunk")
        if kind == 0x00:
            yield from _pieces(_decode(data[4:], source.offset))
        elif kind == 0x01:
            yield from _pieces(data[4:])
        elif kind < 0x80:
            raise DamageError(
                f"the chunk before byte {source.offset} is of the unknown kind {kind}"
            )


def looks_like_hadoop(head: bytes) -> bool:
    """Tell from the first 13 bytes (fewer if the object is shorter) whether these are blocks.

    There is no magic number, but no text begins with the zero byte of a length.
    """
    if not head or head[0] > _LONGEST_BLOCK >> 24:
        return False
    block_length = int.from_bytes(head[:4], "big")
    if len(head) < 4 or not block_length:
        return head[0] == 0 and len(head) <= 4
    chunk_length = int.from_bytes(head[4:8], "big")
    decoded_length = _decoded_length(head[8:])
    if decoded_length is None or block_length > _LONGEST_BLOCK:
        return len(head) < 13 and block_length <= _LONGEST_BLOCK
    return (
        0 < decoded_length <= block_length
        and decoded_length <= chunk_length * _HIGHEST_RATIO
        and chunk_length <= _LONGEST_BLOCK
    )


def _read_length(source: ByteSource) -> int:
    length = int.from_bytes(source.read_exactly(4, "the length of a block"), "big")
    if length > _LONGEST_BLOCK:
        raise DamageError(f"the block at byte {source.offset} has the impossible length {length}")
    return length


def _read_block(source: ByteSource) -> bytes:
    return source.read_exactly(_read_length(source), "a block")


def _decode(block: bytes, end: int) -> bytes:
    """Decode one raw Snappy block, which ends before byte ``end`` of the object."""
    size = _decoded_length(block[:5])
    if size is None or size > min(_LONGEST_BLOCK, len(block) * _HIGHEST_RATIO):
        raise DamageError(f"the block before byte {end} is corrupt")
    if not size:
        return b""
    try:
        return _CODEC.decompress(block, decompressed_size=size, asbytes=True)
    except OSError:
        raise DamageError(f"the block before byte {end} is corrupt") from None


def _decoded_length(preamble: bytes) -> int | None:
    """Read the little-endian base-128 number that a raw block begins with."""
    value = 0
    for place, byte in enumerate(preamble):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value
    return None


def _pieces(decoded: bytes) -> Iterator[bytes]:
    for at in range(0, len(decoded), STEP):
        yield decoded[at : at + STEP]
