"""Stores that count what is asked of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sessionize.lake.claim_records import claim_key
from sessionize.lake.layout import Lake
from sessionize.lake.ledger import NO_STATE, Counts, Ledger, ObjectCounts, WrittenFile
from sessionize.lake.storage import ABSENT, LocalStorage, StoredObject
from sessionize.model.hours import Hour

COUNTS = Counts(
    records_read=100,
    valid=90,
    quarantined=10,
    pending_before=0,
    settled=80,
    late=6,
    duplicates=4,
    pending_after=0,
    sessions_closed=7,
    sessions_open=3,
    events_open_before=5,
    events_closed=70,
    events_open=15,
)


class CountedStorage(LocalStorage):
    """A folder that notes the keys that are read."""

    def __init__(self, folder) -> None:
        super().__init__(folder)
        self.reads: list[str] = []

    def read_version(self, key: str) -> tuple[bytes | None, str]:
        self.reads.append(key)
        return super().read_version(key)

    def read_part(self, key: str, begin: int, size: int, version: str = ABSENT):
        self.reads.append(key)
        return super().read_part(key, begin, size, version)


class ReadOnlyStorage(LocalStorage):
    """A folder that takes nothing, and gives nothing away."""

    def write(self, key: str, content: bytes, replaces: str | None = None) -> str:
        raise AssertionError(key)

    def upload(self, key: str, path: Path, replaces: str | None = None) -> str:
        raise AssertionError(key)

    def delete(self, key: str, version: str | None = None) -> None:
        raise AssertionError(key)


class MemoryStore:
    """Objects in memory: enough of a store for ledgers."""

    def __init__(self) -> None:
        self.url = "memory"
        self.objects: dict[str, tuple[bytes, str]] = {}
        self.reads: list[str] = []
        self.writes = 0

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        for key in sorted(self.objects):
            if key.startswith(prefix):
                content, version = self.objects[key]
                yield StoredObject(key, len(content), version=version, modified=float(version))

    def read_version(self, key: str) -> tuple[bytes | None, str]:
        self.reads.append(key)
        return self.objects.get(key, (None, ABSENT))

    def write(self, key: str, content: bytes, replaces: str | None = None) -> str:
        self.writes += 1
        self.objects[key] = (content, str(1_500_000_000 + self.writes))
        return self.objects[key][1]


def ledgers_of(start: Hour, count: int) -> Iterator[Ledger]:
    """Yield the ledgers of hours that stand one upon the other."""
    previous = NO_STATE
    for number in range(count):
        hour = Hour(start.start + timedelta(hours=number))
        ledger = Ledger(
            pipeline="test",
            hour=hour,
            settings="settings",
            watermark=hour.end.isoformat(),
            previous_state=previous,
            counts=COUNTS,
            quarantined_by_reason={"not_json": 7, "bad_build_id": 3},
            closed_by_reason={"timeout": 5, "opening_event": 2},
            claimed=(ObjectCounts(f"{hour.landing_prefix}a", 1000, 100, 90, 10),),
            published={"events": WrittenFile("key", 90, 1234, "sha")},
            state={"pending": WrittenFile("key", 1, 1, str(hour))},
        )
        previous = ledger.state_fingerprint
        yield ledger


def lake_of(store, start: Hour, count: int, *, claims: bool = False) -> Lake:
    """Fill a store with ledgers, and with the claims of what they have read, if wanted."""
    lake = Lake(store)
    for ledger in ledgers_of(start, count):
        lake.write_ledger(ledger)
        if claims:
            claim(lake, ledger.hour, [entry.key for entry in ledger.claimed])
    return lake


def claim(lake: Lake, hour: Hour, keys: list[str]) -> None:
    objects = [{"key": key, "size": 1000, "etag": ""} for key in keys]
    lake.write_json(claim_key(hour), {"hour": str(hour), "objects": objects})


def run_again(lake: Lake, hour: Hour, state: str = "another", **changed) -> None:
    """Replace an hour's ledger with one that has left another state."""
    ledger = lake.ledger(hour)
    assert ledger is not None
    files = {"pending": WrittenFile("key", 1, 1, state)}
    lake.write_ledger(replace(ledger, state=files, **changed))
