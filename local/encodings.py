"""How Firehose, and what stands before it, writes records into an object."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

Body = dict[str, Any] | bytes

_BOM = b"\xef\xbb\xbf"
_SNAPPY_BLOCK = 32 << 10
_HADOOP_BLOCK = 256 << 10
_XERIAL_HEADER = b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1)


def _text(body: Body) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()


def _pretty(body: Body) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body, indent=2).encode()


#: How records stand in an object, by name.
FRAMINGS: dict[str, Callable[[Sequence[Body]], bytes]] = {
    "lines": lambda bodies: b"".join(_text(body) + b"\n" for body in bodies),
    "undelimited": lambda bodies: b"".join(map(_text, bodies)),
    "pretty": lambda bodies: b"\n".join(map(_pretty, bodies)) + b"\n",
    "crlf": lambda bodies: b"".join(_text(body) + b"\r\n" for body in bodies),
    "bom": lambda bodies: _BOM + b"\n\n".join(map(_text, bodies)) + b"\n",
    "no_final_newline": lambda bodies: b"\n".join(map(_text, bodies)),
}

#: Framings in which each record has a line: only there does a damaged one leave the next alone.
LINE_FRAMINGS = frozenset({"lines", "crlf", "bom", "no_final_newline"})


def _blocks(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def _gzip_members(content: bytes) -> bytes:
    third = len(content) // 3 + 1
    return b"".join(
        _gzip(content[start : start + third]) for start in range(0, len(content), third)
    )


def _zip(content: bytes) -> bytes:
    archive = io.BytesIO()
    entry = zipfile.ZipInfo("records", date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr(entry, content)
    return archive.getvalue()


def _snap(block: bytes) -> bytes:
    compressed: bytes = pa.Codec("snappy").compress(block, asbytes=True)
    return struct.pack(">I", len(compressed)) + compressed


def _xerial_snappy(content: bytes) -> bytes:
    return _XERIAL_HEADER + b"".join(map(_snap, _blocks(content, _SNAPPY_BLOCK)))


def _hadoop_snappy(content: bytes) -> bytes:
    return b"".join(
        struct.pack(">I", len(block)) + b"".join(map(_snap, _blocks(block, _SNAPPY_BLOCK)))
        for block in _blocks(content, _HADOOP_BLOCK)
    )


#: How an object is compressed, by name: the suffix of its key, and what does it. The last is
#: what a delivery stream with a file extension of its own gives: trust no suffix.
COMPRESSIONS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "none": ("", lambda content: content),
    "gzip": (".gz", _gzip),
    "gzip_members": (".gz", _gzip_members),
    "zip": (".zip", _zip),
    "snappy": (".snappy", _xerial_snappy),
    "hadoop_snappy": (".hsnappy", _hadoop_snappy),
    "gzip_as_json": (".json", _gzip),
}
