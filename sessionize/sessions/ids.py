"""Session ids: UUIDs that depend on nothing but the session's first event (contract §3)."""

from __future__ import annotations

import uuid

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sessionize.model.frames import TEXT, text
from sessionize.model.uuids import name_uuids

#: The name space of session ids.
SESSION_NAMESPACE = uuid.UUID("5e55107e-0000-5000-8000-5e5510712e00")


def session_ids(first_events: pd.DataFrame) -> pd.Series:
    """Return the ids of the sessions that begin with the given events.

    Anyone can derive them again, from the event's time in microseconds since the epoch:
    ``uuid.uuid5(SESSION_NAMESPACE, f"{time}:{len(machine_id)}:{machine_id}:{event_id}")``.

    Parameters
    ----------
    first_events : DataFrame
        ``machine_id``, ``event_id``, ``event_time``.
    """
    time = first_events["event_time"].to_numpy("M8[us]").view(np.int64)
    machine_id = text(first_events["machine_id"])
    names = pc.binary_join_element_wise(
        pa.array(time).cast(pa.string()),
        pc.utf8_length(machine_id).cast(pa.string()),
        machine_id,
        text(first_events["event_id"]),
        ":",
    )
    ids = name_uuids(SESSION_NAMESPACE, names.cast(pa.binary()).to_pylist())
    return pd.Series(pd.array(ids, dtype=TEXT), first_events.index)
