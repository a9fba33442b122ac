"""A machine's sessions, put together from its rows; why each began, and why it ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sessionize.config import PipelineConfig
from sessionize.config.units import as_written
from sessionize.model.hours import Hour
from sessionize.observe.plain import instant, plain
from sessionize.observe.views import EventRow, SessionRow

Row = Mapping[str, Any]

_EVENT = ("event_id", "machine_id", "action", "object_key", "position", "user_id")
_SESSION = ("session_id", "machine_id", "user_id", "event_count", "start_action", "end_action")


@dataclass
class Found:
    """The rows of a machine in a range, each with the hour of its partition, in order.

    Attributes
    ----------
    closed, open : list of (Hour, row)
        Of ``sessions``, and of the ``open_sessions`` behind which there is nothing.
    events : list of (Hour, row)
        Of ``sessionized_events``; of the first ones all columns,
    events_of : Counter of str
        and how many there are in all, by session.
    """

    closed: list[tuple[Hour, Row]] = field(default_factory=list)
    open: list[tuple[Hour, Row]] = field(default_factory=list)
    events: list[tuple[Hour, Row]] = field(default_factory=list)
    events_of: Counter[str] = field(default_factory=Counter)


def event_row(hour: Hour, row: Row) -> EventRow:
    """Return the view of an event."""
    named = {*_EVENT, "event_time", "session_id", "frontier"}
    time, frontier = row["event_time"], row.get("frontier")
    return EventRow(
        **{name: row[name] for name in _EVENT},
        event_time=instant(time),
        extra={name: plain(value) for name, value in row.items() if name not in named},
        hour=str(hour),
        frontier=None if frontier is None else instant(frontier),
        late_by_s=None if frontier is None else (frontier - time).total_seconds(),
    )


def session_rows(found: Found, config: PipelineConfig) -> list[SessionRow]:
    """Return the view of each session that the rows speak of, by its start."""
    # What is published of a session last counts: hours that are outdated can have closed it too.
    known = {row["session_id"]: (hour, row) for hour, row in (*found.open, *found.closed)}
    events: dict[str, list[EventRow]] = {}
    for hour, row in found.events:
        events.setdefault(row["session_id"], []).append(event_row(hour, row))
    told = [_of_events(found, name) for name in events if name not in known]
    in_order = [
        *((hour, row) for hour, row in found.closed if known[row["session_id"]] == (hour, row)),
        *told,
        *((hour, row) for hour, row in found.open if known[row["session_id"]] == (hour, row)),
    ]
    in_order.sort(key=lambda it: it[1]["started_at"])
    rows: list[SessionRow] = []
    before: Row | None = None
    for hour, row in in_order:
        name = row["session_id"]
        is_known = name in known
        began, began_why, since = _began(row, before, found.events_of[name], is_known, config)
        rows.append(
            SessionRow(
                session_id=name,
                machine_id=row["machine_id"],
                user_id=row["user_id"],
                event_count=row["event_count"],
                start_action=row["start_action"],
                end_action=row["end_action"],
                started_at=instant(row["started_at"]),
                ended_at=instant(row["ended_at"]),
                duration_s=_seconds(row["started_at"], row["ended_at"]),
                is_open=is_known and row["end_reason"] is None,
                hour=str(hour),
                began=began,
                began_why=began_why,
                since_previous_s=since,
                end_reason=row["end_reason"],
                ended_why=_ended(row["end_reason"], is_known, config),
                extra={
                    column: plain(value)
                    for column, value in row.items()
                    if column
                    not in (*_SESSION, "started_at", "ended_at", "duration_s", "end_reason")
                },
                events=events.get(name, []),
                events_before=max(row["event_count"] - found.events_of[name], 0),
            )
        )
        before = row
    return rows


def _of_events(found: Found, session_id: str) -> tuple[Hour, Row]:
    """Tell of a session, of which no other row is there, from its events."""
    events = [(hour, row) for hour, row in found.events if row["session_id"] == session_id]
    (_, first), (hour, last) = events[0], events[-1]
    return hour, {
        "session_id": session_id,
        "machine_id": first["machine_id"],
        "user_id": first["user_id"],
        "started_at": first["event_time"],
        "ended_at": last["event_time"],
        "event_count": found.events_of[session_id],
        "start_action": first["action"],
        "end_action": last["action"],
        "end_reason": None,
    }


def _began(
    row: Row, before: Row | None, events: int, is_known: bool, config: PipelineConfig
) -> tuple[str, str, float | None]:
    """Return why a session began: as a code, in words; and the seconds since the one before."""
    since = None if before is None else _seconds(before["ended_at"], row["started_at"])
    if row["event_count"] > events:
        return "before_range", "It was open before the first hour of the range.", since
    if before is None and is_known:
        # One that was open at the beginning of the range would have been closed in it.
        return "no_open_session", "The machine had no open session.", since
    reason: str | None = None if before is None else before["end_reason"]
    if before is None or reason is None:
        return "unknown", "An hour between is not published, or is outdated.", since
    rules = config.session
    limit = "" if rules.max_duration is None else f" ({as_written(rules.max_duration)} now)"
    why = {
        "timeout": (
            f"{since:,.0f} s after the machine's previous event: more than `timeout` "
            f"({as_written(rules.timeout)} now)."
        ),
        "opening_event": (
            f"Its first event, `{row['start_action']}`, is an opening one "
            f"(`{rules.opening.pattern}` now)."
        ),
        "max_duration": f"The session before would have got longer than `max_duration`{limit}.",
        "closing_event": f"A closing event, `{before['end_action']}`, had ended the one before.",
    }
    return reason, why.get(reason, reason), since


def _ended(reason: str | None, is_known: bool, config: PipelineConfig) -> str:
    if reason is None:
        if is_known:
            return "It is open: the machine's next event can still be its own."
        return "No published hour of the range says how it went on."
    why = {
        "timeout": (
            f"No event came for longer than `timeout` ({as_written(config.session.timeout)} now)."
        ),
        "opening_event": "The machine's next event was an opening one.",
        "max_duration": "The machine's next event would have made it longer than `max_duration`.",
        "closing_event": "Its last event is a closing one.",
    }
    return why.get(reason, reason)


def _seconds(begin: datetime, end: datetime) -> float:
    return (end - begin).total_seconds()


def shown(rows: Iterable[tuple[Hour, Row]]) -> list[EventRow]:
    """Return the view of events."""
    return [event_row(hour, row) for hour, row in rows]
