"""Web events with nested fields, and what the contract says of them.

Records are read, typed and sessionized one by one in plain Python, by nothing of the code under
test.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sessionize.config import PipelineConfig
from sessionize.model.hours import Hour
from tests.sessions import reference

CONFIG = r"""
name    = "web"
start   = 2024-03-01T00:00:00Z
profile = "none"

[landing]
prefix = "app=web/year=%Y/month=%m/day=%d/hour=%H/"

[fields]
event_id   = "id"
timestamp  = "time.client"
action     = "name"
machine_id = "device.id"
user_id    = "user"

[session]
timeout              = "10m"
opening              = "^landing$"
closing              = "logout"
max_out_of_orderness = "3m"

[[column]]
name  = "page_url"
field = "context.page.url"

[[column]]
name    = "path"
field   = "context.page.path"
pattern = "/[a-z]*"

[[column]]
name  = "price"
field = "price"
type  = "double"

[[column]]
name  = "items"
field = "cart.items"
type  = "int64"

[[column]]
name  = "is_new"
field = "is\\.new"
type  = "bool"

[[column]]
name  = "sent_at"
field = "time.sent"
type  = "timestamp"

[[column]]
name     = "reason"
field    = "screen"
required = true

[[column]]
name  = "price_text"
field = "price"

[[session.column]]
name      = "edits"
aggregate = "count"
where     = "view|buy"

[[session.column]]
name      = "revenue"
aggregate = "sum"
of        = "price"
where     = "buy"

[[session.column]]
name      = "bought"
aggregate = "sum"
of        = "items"

[[session.column]]
name      = "landing_page"
aggregate = "first"
of        = "page_url"

[[session.column]]
name      = "exit_page"
aggregate = "last"
of        = "page_url"

[[session.column]]
name      = "dearest"
aggregate = "max"
of        = "price"

[[session.column]]
name      = "first_sent"
aggregate = "min"
of        = "sent_at"

[[session.column]]
name      = "pages"
aggregate = "list"
of        = "page_url"
limit     = 3

[[session.column]]
name      = "different"
aggregate = "distinct"
of        = "path"

[[session.column]]
name      = "was_new"
aggregate = "first"
of        = "is_new"
"""

Row = dict[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def make_events(seed: int, hours: list[Hour]) -> dict[Hour, list[list[str]]]:
    """Make texts of records, by hour and object."""
    chance = random.Random(seed)
    landed: dict[Hour, list[list[str]]] = {hour: [[], []] for hour in hours}
    for machine in range(12):
        time = hours[0].start + timedelta(seconds=chance.randint(0, 5000))
        for number in range(chance.randint(1, 30)):
            hour = Hour(time.replace(minute=0, second=0, microsecond=0))
            if hour in landed:
                record = json.dumps(make_record(chance, f"m{machine}", f"{number}", time))
                landed[hour][chance.randint(0, 1)].append(record)
                if chance.random() < 0.1:
                    landed[hour][1].append(record)
            time += timedelta(seconds=chance.choice([0, 1, 30, 200, 599, 600, 601, 3000]))
    return landed


def make_record(chance: random.Random, machine: str, number: str, time: datetime) -> Row:
    """Make a record, at times without this or with something odd in that."""
    micros = (time - EPOCH) // timedelta(microseconds=1)
    record: Row = {
        "id": f"{machine}-{number}",
        "time": {
            "client": chance.choice([micros, micros / 1_000_000, time.isoformat()]),
            "sent": chance.choice([micros + 5_000_000, "yesterday", None]),
        },
        "name": chance.choice(["view", "buy", "logout", "landing", "scroll"]),
        "device": {"id": chance.choice([machine] * 9 + [{"no": "text"}, 7]), "os": "x"},
        "user": chance.choice(["u", 17, None, {"a": 1}]),
        "context": {"page": {"url": f"https://x/{chance.randint(0, 4)}"}, "more": [1, {"url": 2}]},
        "price": chance.choice([1, 2.5, "0.1", "dear", True, None, -0.0, 1e300]),
        "cart": {"items": chance.choice([1, "2", 3.0, 4.5, "many", None])},
        "is.new": chance.choice([True, "false", "yes", None, 1]),
        "screen": chance.choice(["a", "b", "c", 5]),
        "other": chance.choice([None, "é", [1, 2.50]]),
    }
    if chance.random() < 0.5:
        record["context"]["page"]["path"] = chance.choice(["/a", "/b", "/A", "no", 5])
    if chance.random() < 0.05:
        del record[chance.choice(["screen", "name", "device", "time"])]
    if chance.random() < 0.05:
        record["name"] = chance.choice(["", None, [1], 5])
    if chance.random() < 0.03:
        record["screen"] = [1]
    return record


# What the contract says.


def at(record: Any, *path: str) -> Any:
    for name in path:
        record = record.get(name) if isinstance(record, dict) else None
    return record


def as_text(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return value if isinstance(value, str) else json.dumps(value)


def as_double(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def as_whole(value: Any) -> int | None:
    number = as_double(value)
    return int(number) if number is not None and number == int(number) else None


def as_bool(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value) if isinstance(value, str) else None


def as_time(value: Any) -> datetime | None:
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            return None
    if value is None or isinstance(value, bool):
        return None
    return EPOCH + timedelta(microseconds=round(value * (1 if value > 1e14 else 1_000_000)))


def read(text: str) -> tuple[Row | None, str | None]:
    """Return an event, or the reason why the record is none."""
    record = json.loads(text)
    time, name = at(record, "time", "client"), record.get("name")
    machine, screen = at(record, "device", "id"), record.get("screen")
    for value in (time, name, machine):
        if value is None:
            return None, "missing_field"
    event_time = as_time(time)
    if event_time is None:
        return None, "bad_timestamp"
    if not as_text(name):
        return None, "bad_action"
    if not as_text(machine):
        return None, "bad_value"
    if screen is None:
        return None, "missing_field"
    if as_text(screen) is None:
        return None, "bad_value"
    path = as_text(at(record, "context", "page", "path"))
    row = {
        "event_id": record["id"],
        "event_time": event_time,
        "machine_id": as_text(machine),
        "user_id": as_text(record["user"]),
        "action": as_text(name),
        "page_url": as_text(at(record, "context", "page", "url")),
        "path": path if path is not None and re.fullmatch("/[a-z]*", path) else None,
        "price": as_double(record["price"]),
        "items": as_whole(record["cart"]["items"]),
        "is_new": as_bool(record["is.new"]),
        "sent_at": as_time(record["time"]["sent"]),
        "reason": as_text(screen),
        "price_text": as_text(record["price"]),
    }
    fits = {
        "id": True,
        "name": True,
        "user": row["user_id"] is not None or record["user"] is None,
        "price": row["price_text"] is not None or record["price"] is None,
        "is.new": row["is_new"] is not None or record["is.new"] is None,
        "screen": True,
    }
    rest = {name: value for name, value in record.items() if not fits.get(name)}
    return row | {"extended": rest or None}, None


def session_columns(events: Iterable[Row]) -> Row:
    events = list(events)

    def given(name: str, where: str = "") -> list[Any]:
        found = (row for row in events if re.search(where, row["action"]))
        return [row[name] for row in found if row[name] is not None]

    prices = given("price", "buy")
    total = None
    for price in prices:
        total = price if total is None else total + price
    pages, items = given("page_url"), given("items")

    def pick(values: list[Any], place: int) -> Any:
        return values[place] if values else None

    return {
        "edits": len(given("action", "view|buy")),
        "revenue": total,
        "bought": sum(items) if items else None,
        "landing_page": pick(pages, 0),
        "exit_page": pick(pages, -1),
        "dearest": max(given("price"), default=None),
        "first_sent": min(given("sent_at"), default=None),
        "pages": pages[:3],
        "different": len(set(given("path"))),
        "was_new": pick(given("is_new"), 0),
    }


def play(
    state: reference.State, texts: Mapping[str, list[str]], hour: Hour, config: PipelineConfig
) -> tuple[reference.Played, dict[tuple[str, int], Row], list[str]]:
    """Play an hour; return also the events by their place, and the reasons of the quarantine."""
    rows: dict[tuple[str, int], Row] = {}
    reasons: list[str] = []
    for key, records in texts.items():
        for position, text in enumerate(records):
            row, reason = read(text)
            if row is None:
                reasons.append(str(reason))
            else:
                rows[key, position] = row
    events = [
        reference.Event(
            machine_id=row["machine_id"],
            event_id=row["event_id"],
            event_time=row["event_time"],
            action=row["action"],
            user_id=row["user_id"],
            product="",
            build_id=None,
            landed=hour,
            object_key=key,
            position=position,
        )
        for (key, position), row in rows.items()
    ]
    return reference.play_hour(state, events, hour, config.session), rows, reasons
