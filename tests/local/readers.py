"""Independent readers of what ``local.encodings`` writes: standard library, snappy by hand."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
from collections.abc import Iterator

_XERIAL_MAGIC = b"\x82SNAPPY\x00"


def decompress(compression: str, content: bytes) -> bytes:
    match compression:
        case "none":
            return content
        case "gzip" | "gzip_members" | "gzip_as_json":
            return gzip.decompress(content)
        case "zip":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                (name,) = archive.namelist()
                return archive.read(name)
        case "snappy":
            assert content[:8] == _XERIAL_MAGIC
            return b"".join(map(unsnap, _chunks(content[16:])))
        case "hadoop_snappy":
            return b"".join(_hadoop_blocks(content))
    raise AssertionError(compression)


def records(text: str) -> Iterator[object]:
    """Read JSON values that stand one after the other, with anything or nothing between them."""
    decoder = json.JSONDecoder()
    text = text.removeprefix("\ufeff")
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        value, position = decoder.raw_decode(text, position)
        yield value


def unsnap(block: bytes) -> bytes:
    """Decompress one raw snappy block, as its format description says."""
    size, position = _varint(block)
    out = bytearray()
    while position < len(block):
        tag = block[position]
        position += 1
        if tag & 3 == 0:
            length = tag >> 2
            if length >= 60:
                extra = length - 59
                length = int.from_bytes(block[position : position + extra], "little")
                position += extra
            out += block[position : position + length + 1]
            position += length + 1
            continue
        if tag & 3 == 1:
            length, offset = (tag >> 2 & 7) + 4, (tag >> 5) << 8 | block[position]
            position += 1
        else:
            width = 2 if tag & 3 == 2 else 4
            length = (tag >> 2) + 1
            offset = int.from_bytes(block[position : position + width], "little")
            position += width
        for _ in range(length):
            out.append(out[-offset])
    assert len(out) == size
    return bytes(out)


def _varint(block: bytes) -> tuple[int, int]:
    value = shift = position = 0
    while True:
        byte = block[position]
        value |= (byte & 0x7F) << shift
        position += 1
        if byte < 0x80:
            return value, position
        shift += 7


def _chunks(content: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(content):
        (length,) = struct.unpack_from(">I", content, position)
        yield content[position + 4 : position + 4 + length]
        position += 4 + length


def _hadoop_blocks(content: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(content):
        (size,) = struct.unpack_from(">I", content, position)
        position += 4
        block = b""
        while len(block) < size:
            (length,) = struct.unpack_from(">I", content, position)
            block += unsnap(content[position + 4 : position + 4 + length])
            position += 4 + length
        assert len(block) == size
        yield block
