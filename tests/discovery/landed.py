"""Small samples of what people send, as records with the hour under which they landed."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sessionize.model.hours import Hour

Row = dict[str, Any]

HOURS = [Hour.parse("2024-03-14T05"), Hour.parse("2024-03-14T06"), Hour.parse("2024-03-15T00")]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(time: datetime) -> int:
    return (time - EPOCH) // timedelta(microseconds=1)


def iso(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def desktop(chance: random.Random, time: datetime, machine: int) -> Row:
    return {
        "timestamp": micros(time) // 1000,
        "action": chance.choice(["prostarted", "proedit", "readerview"]),
        "inst_id": f"{machine:04x}ffff",
        "_l": 4,
        "build_id": "10.3.5.34",
        "trialstate": "Trial",
        "pages": chance.randint(1, 9),
    }


def segment(chance: random.Random, time: datetime, machine: int) -> Row:
    kind = chance.choice(["track", "page", "identify", "track"])
    row = {
        "messageId": str(uuid.UUID(int=chance.getrandbits(128))),
        "anonymousId": f"anon-{machine}",
        "userId": chance.choice([None, f"u{machine}"]),
        "type": kind,
        "originalTimestamp": iso(time - timedelta(seconds=2)),
        "sentAt": iso(time + timedelta(seconds=2)),
        "receivedAt": iso(time + timedelta(seconds=3)),
        "timestamp": iso(time),
        "context": {
            "page": {"url": f"https://x/{chance.randint(0, 4)}", "path": "/"},
            "library": {"name": "analytics.js", "version": "4.1.0"},
            "ip": f"10.0.0.{machine}",
            "locale": "en",
        },
        "properties": {"price": chance.choice([1, 2.5]), "tags": ["a"], "is.new": True},
    }
    if kind == "track":
        row["event"] = chance.choice(["Order Completed", "Product Viewed", "Signed Out"])
    return row


def ga4(chance: random.Random, time: datetime, machine: int) -> Row:
    return {
        "event_date": f"{time:%Y%m%d}",
        "event_timestamp": micros(time),
        "event_name": chance.choice(["session_start", "page_view", "scroll", "purchase"]),
        "user_pseudo_id": f"{machine}.{machine * 7919}",
        "user_id": None,
        "user_first_touch_timestamp": micros(time - timedelta(days=90)),
        "event_params": [{"key": "page", "value": {"string_value": "x"}}],
        "device": {"category": "mobile", "language": "en-us", "is_limited_ad_tracking": False},
        "geo": {"country": "Sweden"},
        "event_bundle_sequence_id": chance.randint(1, 10**9),
    }


def snowplow(chance: random.Random, time: datetime, machine: int) -> Row:
    return {
        "app_id": "shop",
        "platform": "web",
        "collector_tstamp": f"{time + timedelta(seconds=1):%Y-%m-%d %H:%M:%S.%f}",
        "dvce_created_tstamp": f"{time - timedelta(minutes=3):%Y-%m-%d %H:%M:%S.%f}",
        "derived_tstamp": f"{time:%Y-%m-%d %H:%M:%S.%f}",
        "event_id": str(uuid.UUID(int=chance.getrandbits(128))),
        "event_name": chance.choice(["page_view", "page_ping", "link_click"]),
        "domain_userid": str(uuid.UUID(int=machine)),
        "domain_sessionidx": chance.randint(1, 4),
        "domain_sessionid": str(uuid.UUID(int=machine + 1000)),
        "network_userid": str(uuid.UUID(int=machine + 2000)),
        "user_ipaddress": f"10.1.1.{machine}",
        "contexts": {"data": [{"schema": "x"}]},
    }


def posthog(chance: random.Random, time: datetime, machine: int) -> Row:
    return {
        "uuid": str(uuid.UUID(int=chance.getrandbits(128))),
        "event": chance.choice(["$pageview", "$autocapture", "$pageleave", "logged out"]),
        "distinct_id": f"person-{machine}",
        "timestamp": iso(time),
        "created_at": iso(time + timedelta(seconds=5)),
        "properties": {
            "$device_id": f"device-{machine}",
            "$session_id": f"session-{machine}",
            "$current_url": "https://x/",
            "$screen_width": 1440,
        },
    }


def access_log(chance: random.Random, time: datetime, machine: int) -> Row:
    return {
        "time": time.timestamp(),
        "remote_addr": f"10.0.0.{machine}",
        "request": {"method": chance.choice(["GET", "POST"]), "path": f"/{chance.random()}"},
        "status": chance.choice([200, 404]),
        "bytes": chance.randint(0, 10**6),
    }


def two_ids(chance: random.Random, time: datetime, machine: int) -> Row:
    return {
        "ts": int(time.timestamp()),
        "action": chance.choice(["open", "edit"]),
        "device_id": f"d{machine}",
        "client_id": f"c{machine % 3}",
    }


def nested_time(chance: random.Random, time: datetime, machine: int) -> Row:
    return {
        "meta": {
            "at": {"client": micros(time) * 1000, "zone": "UTC"},
            "device": {"id": f"d{machine}"},
        },
        "event": {"name": chance.choice(["a", "b"]), "id": chance.getrandbits(60)},
    }


KINDS: dict[str, Callable[[random.Random, datetime, int], Row]] = {
    make.__name__: make
    for make in (
        desktop,
        segment,
        ga4,
        snowplow,
        posthog,
        access_log,
        two_ids,
        nested_time,
    )
}


def rows(kind: str, hour: Hour, count: int = 60, seed: int = 1) -> list[Row]:
    """Make the records of an hour."""
    chance = random.Random(seed)
    times = sorted(hour.start + timedelta(seconds=chance.uniform(0, 3500)) for _ in range(count))
    return [KINDS[kind](chance, time, chance.randint(0, 7)) for time in times]


def land(folder: Path, kind: str, prefix: str = "%Y/%m/%d/%H/") -> None:
    """Land the records of all hours, in two objects each."""
    for number, hour in enumerate(HOURS):
        below = folder / hour.start.strftime(prefix)
        below.mkdir(parents=True)
        made = rows(kind, hour, seed=number)
        for part, records in enumerate((made[:40], made[40:])):
            text = "\n".join(map(json.dumps, records))
            (below / f"stream-1-{part}").write_text(text)
