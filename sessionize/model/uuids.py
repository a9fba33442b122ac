"""UUIDs that depend on a name alone: version 5 (RFC 9562, SHA-1), many at once."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable

import numpy as np
import pyarrow as pa

_UUID_TEXT = 36
_HYPHENS_BEFORE = (8, 12, 16, 20)
_HEX_OF_BYTE = np.array([list(f"{byte:02x}".encode()) for byte in range(256)], np.uint8)


def name_uuids(namespace: uuid.UUID, names: Iterable[bytes]) -> pa.StringArray:
    """Return ``uuid.uuid5`` of each name, written out all at once."""
    start = hashlib.sha1(namespace.bytes, usedforsecurity=False)
    digests = []
    for name in names:
        digest = start.copy()
        digest.update(name)
        digests.append(digest.digest())
    uuids = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 20)[:, :16].copy()
    uuids[:, 6] = uuids[:, 6] & 0x0F | 5 << 4  # the version
    uuids[:, 8] = uuids[:, 8] & 0x3F | 0x80  # the variant
    digits = _HEX_OF_BYTE[uuids].reshape(len(uuids), 32)
    texts = np.insert(digits, _HYPHENS_BEFORE, ord("-"), axis=1)
    offsets = np.arange(len(uuids) + 1, dtype=np.int32) * _UUID_TEXT
    return pa.StringArray.from_buffers(len(uuids), pa.py_buffer(offsets), pa.py_buffer(texts))
