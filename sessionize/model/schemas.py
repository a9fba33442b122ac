"""Every dataset's schema, declared here and nowhere else.

The published columns are those of the data contract; a dataset's schema is the same in every
partition, however empty the hour.
"""

from __future__ import annotations

import pyarrow as pa

TIME = pa.timestamp("us", tz="UTC")


def _strings(*names: str) -> list[pa.Field]:
    return [pa.field(name, pa.string()) for name in names]


#: Columns in which few texts come again and again: between stages they are dictionary-encoded.
FEW_VALUES = frozenset(
    [
        *("action", "product", "build_id", "major_version", "minor_version", "maint_id"),
        *("trialstate", "apptoken", "installsource", "language", "p2", "object_key"),
    ]
)

#: The type of such a column between stages.
ENCODED = pa.dictionary(pa.int32(), pa.string())


def encoded(schema: pa.Schema, *more: str) -> pa.Schema:
    """Return the schema of a dataset between stages: what has few values is dictionary-encoded."""
    few = FEW_VALUES.union(more)
    return pa.schema([f.with_type(ENCODED) if f.name in few else f for f in schema])


QUARANTINE = pa.schema(
    [*_strings("raw", "reason", "detail", "object_key"), pa.field("position", pa.int64())]
)

EVENTS = pa.schema(
    [
        *_strings("event_id"),
        pa.field("event_time", TIME),
        *_strings("machine_id", "user_id", "inst_id", "action", "product", "build_id"),
        *_strings("major_version", "minor_version", "maint_id", "trialstate", "apptoken"),
        *_strings("installsource", "language", "nid", "ip_address", "p2"),
        pa.field("date_id", pa.int32()),
        pa.field("hour_id", pa.int32()),
        pa.field("minute_id", pa.int64()),
        *_strings("extended", "object_key"),
        pa.field("position", pa.int64()),
    ]
)

#: An event between stages.
ENCODED_EVENTS = encoded(EVENTS)

SESSIONIZED_EVENTS = EVENTS.append(pa.field("session_id", pa.string()))

#: A settled event between stages; in the order of machines, their ids and sessions come in runs.
SETTLED_EVENTS = encoded(SESSIONIZED_EVENTS, "machine_id", "session_id")

LATE_EVENTS = EVENTS.append(pa.field("frontier", TIME))

SESSIONS = pa.schema(
    [
        *_strings("session_id", "machine_id", "user_id"),
        pa.field("started_at", TIME),
        pa.field("ended_at", TIME),
        pa.field("duration_s", pa.float64()),
        pa.field("event_count", pa.int64()),
        *_strings("start_action", "end_action", "end_reason", "product", "build_id"),
    ]
)

#: A valid record as it came, with its event time: what *validate* hands to *enrich*.
VALIDATED = encoded(
    pa.schema(
        [
            *_strings("event_id"),
            pa.field("event_time", TIME),
            *_strings("action", "inst_id"),
            pa.field("machine_length", pa.int32()),
            *_strings("build_id", "trialstate", "apptoken", "installsource", "language", "nid"),
            *_strings("ip_address", "p2", "extended", "object_key"),
            pa.field("position", pa.int64()),
        ]
    )
)

#: Which shard each event of a batch has been dealt to, in landed order; nothing if there is one.
HANDS = pa.schema([pa.field("shard", pa.uint8())])

#: The published datasets, in the order in which a run publishes them.
DATASETS: dict[str, pa.Schema] = {
    "quarantine": QUARANTINE,
    "events": EVENTS,
    "late_events": LATE_EVENTS,
    "sessionized_events": SESSIONIZED_EVENTS,
    "sessions": SESSIONS,
    "open_sessions": SESSIONS,
}

#: A machine with no open session, and the time up to which (inclusive) its events are late.
CLOSED_FRONTIERS = pa.schema([*_strings("machine_id"), pa.field("frontier", TIME)])

#: What identifies an event (contract §2, *Duplicate*).
IDENTITIES = pa.schema([*_strings("machine_id", "event_id"), pa.field("event_time", TIME)])

#: The state that a run leaves to the next. Rows stand machine by machine (``shards.machine_hash``);
#: pending events of a machine stand in landed order (contract §2).
STATE: dict[str, pa.Schema] = {
    "open_sessions": SESSIONS,
    "closed_frontiers": CLOSED_FRONTIERS,
    "pending": EVENTS,
    "identities": IDENTITIES,
}

#: The same between stages.
STAGED_DATASETS = {
    "quarantine": QUARANTINE,
    "events": ENCODED_EVENTS,
    "late_events": encoded(LATE_EVENTS),
    "sessionized_events": SETTLED_EVENTS,
    "sessions": SESSIONS,
    "open_sessions": SESSIONS,
}
STAGED_STATE = {
    "open_sessions": SESSIONS,
    "closed_frontiers": CLOSED_FRONTIERS,
    "pending": ENCODED_EVENTS,
    "identities": encoded(IDENTITIES, "machine_id"),
}
