"""Every compression that lands, written out by hand or by the standard library."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from collections.abc import Callable

import pyarrow as pa

SNAPPY = pa.Codec("snappy")
XERIAL_HEADER = b"\x82SNAPPY\x00" + struct.pack(">LL", 1, 1)
FRAMED_HEADER = b"\xff\x06\x00\x00sNaPpY"


def none(text: bytes) -> bytes:
    return text


def gzipped(text: bytes) -> bytes:
    return gzip.compress(text, mtime=0)


def gzip_members(text: bytes) -> bytes:
    """Three members, cut anywhere, with zero padding between and behind them."""
    third = len(text) // 3
    parts = (text[:third], text[third : 2 * third], text[2 * third :])
    return b"".join(gzipped(part) + b"\0" * 5 for part in parts)


def zipped(text: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("events.json", text)
    return buffer.getvalue()


def zip_stored(text: bytes) -> bytes:
    return zipped(text, zipfile.ZIP_STORED)


class _Pipe(io.RawIOBase):
    """A file that cannot seek, to which zipfile writes data descriptors."""

    def __init__(self) -> None:
        self.content = b""

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:
        self.content += bytes(data)
        return len(data)


def zip_streamed(text: bytes, method: int = zipfile.ZIP_DEFLATED, zip64: bool = False) -> bytes:
    pipe = _Pipe()
    with (
        zipfile.ZipFile(pipe, "w", method) as archive,
        archive.open("events.json", "w", force_zip64=zip64) as entry,
    ):
        entry.write(text)
    return pipe.content


def zip_streamed_stored(text: bytes) -> bytes:
    return zip_streamed(text, zipfile.ZIP_STORED)


def zip_streamed_zip64(text: bytes) -> bytes:
    return zip_streamed(text, zip64=True)


def zip64(text: bytes) -> bytes:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("events.json", "w", force_zip64=True) as entry,
    ):
        entry.write(text)
    return buffer.getvalue()


def zip_entries(text: bytes) -> bytes:
    """Two entries and a folder, cut anywhere."""
    half = len(text) // 2
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/", b"")
        archive.writestr("folder/1", text[:half])
        archive.writestr("folder/2", text[half:], zipfile.ZIP_STORED)
        archive.comment = b"PK\x05\x06 a comment"
    return buffer.getvalue()


def snap(text: bytes) -> bytes:
    return SNAPPY.compress(text, asbytes=True)


def _blocks(text: bytes, size: int) -> list[bytes]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def xerial(text: bytes, block: int = 32 << 10) -> bytes:
    snapped = map(snap, _blocks(text, block))
    return XERIAL_HEADER + b"".join(struct.pack(">L", len(s)) + s for s in snapped)


def xerial_streams(text: bytes) -> bytes:
    half = len(text) // 2
    return xerial(text[:half]) + xerial(text[half:])


def hadoop_snappy(text: bytes, block: int = 256 << 10, chunk: int = 100) -> bytes:
    out = b""
    for whole in _blocks(text, block):
        out += struct.pack(">L", len(whole))
        for part in map(snap, _blocks(whole, chunk)):
            out += struct.pack(">L", len(part)) + part
    return out


def framed_snappy(text: bytes) -> bytes:
    """The official framing; the check sums are not right, and not looked at."""
    out = FRAMED_HEADER
    for number, part in enumerate(_blocks(text, 100)):
        kind, data = (0x00, snap(part)) if number % 2 else (0x01, part)
        out += bytes([kind]) + (len(data) + 4).to_bytes(3, "little") + b"\0" * 4 + data
        out += b"\xfe\x02\x00\x00\x00\x00"  # padding
    return out


ENCODERS: tuple[Callable[[bytes], bytes], ...] = (
    none,
    gzipped,
    gzip_members,
    zipped,
    zip_stored,
    zip_streamed,
    zip_streamed_stored,
    zip_streamed_zip64,
    zip64,
    zip_entries,
    xerial,
    xerial_streams,
    hadoop_snappy,
    framed_snappy,
)
