"""The id of an event that carries none (contract §2)."""

from __future__ import annotations

import uuid

from sessionize.model.uuids import name_uuids

#: The name space of derived event ids.
EVENT_NAMESPACE = uuid.UUID("5e55107e-0000-5000-8000-e0e47000de00")


def derived_event_id(object_key: str, position: int, raw: bytes) -> str:
    """Return an event's id from its place and content."""
    [derived] = name_uuids(EVENT_NAMESPACE, [f"{object_key}\n{position}\n".encode() + raw])
    return derived.as_py()
