"""A small pipeline with something of everything: four hours, sessions across them, and faults."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sessionize.config import PipelineConfig, parse_config
from sessionize.lake.storage import Storage
from sessionize.model.hours import Hour

START = Hour.parse("2017-02-04T22")
HOURS = [START, START.next, START.next.next, START.next.next.next]


def event(machine: str, clock: str, action: str = "proedit", **fields: Any) -> dict[str, Any]:
    """An event of 2017-02-04 (or of the next day, where the clock is past midnight)."""
    day = 4 if clock >= "12" else 5
    time = datetime.fromisoformat(f"2017-02-0{day}T{clock}").replace(tzinfo=UTC)
    return {
        "event_id": f"{machine}-{clock}-{action}",
        "timestamp": str(int(time.timestamp())),
        "action": action,
        "inst_id": f"{machine * 4}ffff",
        "_l": 4 * len(machine),
        "build_id": "f10.3.5.34",
        "trialstate": "Trial",
        **fields,
    }


#: What lies under each hour's folder: object name to records (or to text, as it is).
LANDED: dict[Hour, dict[str, list[dict[str, Any]] | bytes]] = {
    HOURS[0]: {
        "a-1": [event("a1", "22:10:00", "prostarted"), event("a1", "22:40:00"), {"no": "event"}],
        "a-2": [event("b2", "22:59:00"), event("b2", "22:59:00"), event("c3", "22:05:00")],
    },
    HOURS[1]: {
        "b-1": [event("a1", "23:09:00"), event("b2", "22:59:00"), event("b2", "23:29:00")],
        "b-2": b'{"broken": \n' + json.dumps(event("d4", "23:15:00", extra=1.50)).encode(),
        "b-3": b"",
    },
    HOURS[2]: {
        "c-1": [event("b2", "23:40:00"), event("b2", "00:30:00"), event("a1", "22:45:00")],
    },
    HOURS[3]: {"d-1": [event("b2", "01:10:00", "profirstrun"), event("e5", "01:59:59")]},
}


def land(raw: Storage, hour: Hour, name: str, records: list[dict[str, Any]] | bytes) -> None:
    """Land an object as Firehose does: gzip, no delimiter between the records."""
    if isinstance(records, list):
        records = "".join(json.dumps(record) for record in records).encode()
    content = gzip.compress(records, mtime=0) if records else b""
    raw.write(f"{hour.landing_prefix}stream-1-{name}", content)


def land_all(raw: Storage) -> None:
    """Land every object of the scenario."""
    for hour, objects in LANDED.items():
        for name, records in objects.items():
            land(raw, hour, name, records)


def config(raw: str | Path, lake: str | Path, **settings: Any) -> PipelineConfig:
    """The scenario's pipeline: two shards and small batches, so that every loop goes round."""
    document = {
        "name": "test",
        "raw": str(raw),
        "lake": str(lake),
        "start": START.start,
        "run": {"shards": 2, "batch_size": "1B"},
    }
    return parse_config(document | settings)


def content(lake: Storage) -> dict[str, bytes]:
    """Everything that the lake holds, by key."""
    return {entry.key: lake.read(entry.key) or b"" for entry in lake.list()}
