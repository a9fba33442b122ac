"""What the contract makes of landed objects, said plainly: json, re, datetime, a loop a record."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sessionize.config import SessionRules
from sessionize.events.event_ids import derived_event_id
from sessionize.model.hours import Hour
from tests.sessions.reference import Event, Played, State, play_hour

BUILD = re.compile(r"f?([1-9]|10)\.\d{1,3}\.\d{1,3}\.\d{1,3}", re.ASCII)
INSTALLATION = re.compile(r"[0-9a-fA-F]{2,}")
DAY, SKEW = timedelta(days=7), timedelta(minutes=15)


@dataclass
class Expected:
    """One run, as it should be."""

    valid: list[Event]
    invalid: list[str]
    played: Played


def records(text: bytes) -> Iterator[str]:
    """Cut a text into JSON values; a line of anything else is one record."""
    rest = text.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    decoder = json.JSONDecoder()
    at = 0
    while at < len(rest):
        if rest[at].isspace():
            at += 1
            continue
        try:
            _, end = decoder.raw_decode(rest, at)
        except ValueError:
            end = rest.find("\n", at)
            end = len(rest) if end < 0 else end
        yield rest[at:end].rstrip()
        at = end


def play(state: State, texts: dict[str, bytes], hour: Hour, rules: SessionRules) -> Expected:
    """Play one run on the decoded texts of the objects that it claims, by key."""
    valid, invalid = [], []
    for key in sorted(texts, key=str.encode):
        for position, raw in enumerate(records(texts[key])):
            event = event_of(raw, key, position, hour)
            if event is None:
                invalid.append(raw)
            else:
                valid.append(event)
    return Expected(valid, invalid, play_hour(state, valid, hour, rules))


def event_of(raw: str, key: str, position: int, hour: Hour) -> Event | None:
    """Return the event, or None if the record is not valid."""
    try:
        raw.encode("utf-8")
        record = json.loads(raw)
    except ValueError:
        return None
    if not isinstance(record, dict):
        return None
    time = time_of(record.get("timestamp"))
    action, build = record.get("action"), record.get("build_id")
    installation = record.get("inst_id")
    texts = (action, build, installation)
    if time is None or not all(isinstance(text, str) for text in texts):
        return None
    is_reader = action.startswith("reader")
    is_pro = action.startswith("pro")
    if not (
        is_reader or (is_pro and record.get("trialstate") in ("Expired", "Activated", "Trial"))
    ):
        return None
    if not BUILD.fullmatch(build) or not INSTALLATION.fullmatch(installation):
        return None
    if not hour.start - DAY <= time <= hour.end + SKEW:
        return None
    length = record.get("_l") or len(installation)
    return Event(
        machine_id=installation[:length],
        event_id=record.get("event_id") or derived_event_id(key, position, raw.encode()),
        event_time=time,
        action=action,
        user_id=installation[length:] or None,
        product="reader" if is_reader else "pro",
        build_id=build.removeprefix("f"),
        landed=hour,
        object_key=key,
        position=position,
    )


def time_of(value: Any) -> datetime | None:
    """Read epoch seconds or milliseconds, as a number or text, or ISO 8601."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (TypeError, ValueError):
            return None
    return datetime.fromtimestamp(number if number < 1e11 else number / 1000, UTC)
