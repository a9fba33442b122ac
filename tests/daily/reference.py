"""A day, made by a plain loop that shares no code with the one under test."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Row = dict[str, Any]


def make_day(before: Iterable[Row], sessions: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """Return the rows of ``daily_sessions`` and of ``machines``."""
    machines = {row["machine_id"]: dict(row) for row in before}
    numbered = []
    for session in sorted(sessions, key=lambda row: row["started_at"]):
        machine = machines.setdefault(session["machine_id"], {"sessions": 0, "events": 0})
        ended = machine.get("last_seen")
        numbered.append(
            session
            | {
                "session_number": machine["sessions"] + 1,
                "previous_session_id": machine.get("last_session_id"),
                "since_previous_s": (session["started_at"] - ended).total_seconds()
                if ended
                else None,
            }
        )
        machine["machine_id"] = session["machine_id"]
        machine.setdefault("first_seen", session["started_at"])
        machine["last_seen"] = session["ended_at"]
        machine["sessions"] += 1
        machine["events"] += session["event_count"]
        machine["user_id"] = session["user_id"] or machine.get("user_id")
        machine["last_session_id"] = session["session_id"]
    numbered.sort(key=lambda row: row["machine_id"].encode())
    return numbered, sorted(machines.values(), key=lambda row: row["machine_id"].encode())
