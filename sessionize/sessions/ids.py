"""Identifiers that depend on content alone: UUIDs of version 5 (RFC 9562, SHA-1, name-based)."""

from __future__ import annotations

import hashlib
import uuid

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sessionize.kernels.arrow import text_array, text_buffers
from sessionize.kernels.uuids import UUID_SIZE, name_uuids

#: The name space of session ids.
SESSION_NAMESPACE = uuid.UUID("5e55107e-0000-5000-8000-5e5510712e00")
#: The name space of ids derived for events that carry none.
EVENT_NAMESPACE = uuid.UUID("5e55107e-0000-5000-8000-e0e47000de00")


def session_ids(
    machine_ids: pa.StringArray, event_ids: pa.StringArray, microseconds: npt.NDArray[np.int64]
) -> pa.StringArray:
    """Return the ids of the sessions that begin with the given events.

    Anyone can derive them again:
    ``uuid.uuid5(SESSION_NAMESPACE, f"{microseconds}:{len(machine_id)}:{machine_id}:{event_id}")``.
    """
    uuids = name_uuids(
        SESSION_NAMESPACE.bytes,
        microseconds,
        pc.utf8_length(machine_ids).to_numpy(zero_copy_only=False),
        *text_buffers(machine_ids),
        *text_buffers(event_ids),
    )
    offsets = np.arange(len(microseconds) + 1, dtype=np.int32) * UUID_SIZE
    return text_array(offsets, uuids)


def derived_event_id(object_key: str, position: int, raw: bytes) -> str:
    """Return the id of an event without one, from its place and content (contract §2)."""
    name = f"{object_key}\n{position}\n".encode() + raw
    return str(uuid.UUID(bytes=_sha1(EVENT_NAMESPACE.bytes + name)[:16], version=5))


def _sha1(content: bytes) -> bytes:
    return hashlib.sha1(content, usedforsecurity=False).digest()
