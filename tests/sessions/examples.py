"""Small events, rules and states to be written down by hand."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pyarrow as pa

from sessionize.config import SessionRules
from sessionize.config.units import Duration
from sessionize.model.hours import Hour
from sessionize.model.schemas import DESKTOP
from sessionize.sessions.state import State

from .reference import Event, Session
from .rows import Row, event_row

MIDNIGHT = Hour.parse("2017-02-04T00")


def at(clock: str) -> datetime:
    """Read ``HH:MM``, or more exactly ``HH:MM:SS.ffffff``, on the day of the examples."""
    return datetime.fromisoformat(f"2017-02-04T{clock}+00:00")


def clock(time: datetime) -> str:
    return f"{time:%H:%M:%S.%f}".removesuffix(":00.000000")


def event(
    time: str | datetime,
    action: str = "proedit",
    *,
    event_id: str | None = None,
    machine_id: str = "aa",
    user_id: str | None = "bb",
    build_id: str | None = "10.3.5.42",
    object_key: str = "object",
) -> Event:
    """Make an event; its id is its time unless given."""
    return Event(
        machine_id=machine_id,
        event_id=event_id or str(time),
        event_time=at(time) if isinstance(time, str) else time,
        action=action,
        user_id=user_id,
        product="reader" if action.startswith("reader") else "pro",
        build_id=build_id,
        landed=MIDNIGHT,
        object_key=object_key,
        position=0,
    )


def rules(**given: str) -> SessionRules:
    settings: dict[str, Any] = {
        name: re.compile(text) if name in ("opening", "closing") else Duration.parse(text)
        for name, text in given.items()
    }
    return SessionRules(**settings)


def landed(events: Iterable[Event], hour: Hour = MIDNIGHT) -> list[Event]:
    """Land events in a run, an object's events as they stand."""
    return [replace(event, landed=hour, position=position) for position, event in enumerate(events)]


def state(
    open_sessions: Iterable[Iterable[Event]] = (),
    closed_frontiers: dict[str, datetime] | None = None,
    pending: Iterable[Event] = (),
    identities: Iterable[Event] = (),
) -> State:
    """Make the state that a run leaves: open sessions by their events, identities by theirs."""
    rows: dict[str, list[Row]] = {
        "open_sessions": [Session(tuple(events)).row() for events in open_sessions],
        "closed_frontiers": [
            {"machine_id": machine_id, "frontier": frontier}
            for machine_id, frontier in (closed_frontiers or {}).items()
        ],
        "pending": [event_row(event) for event in pending],
        "identities": [event.identity._asdict() for event in identities],
    }
    return State.of_tables(
        {name: pa.Table.from_pylist(rows[name], DESKTOP.state[name]) for name in rows}
    )
