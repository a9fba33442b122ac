"""What came of the demo: the ledgers' numbers, and sessions queried from the Parquet."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from local.screen import table
from sessionize.model.hours import Hour

_COUNTS = {
    "records_read": "records\nread",
    "valid": "\nvalid",
    "quarantined": "quaran-\ntined",
    "late": "\nlate",
    "duplicates": "\nduplicate",
    "sessions_closed": "sessions\nclosed",
    "sessions_open": "sessions\nopen",
}
_SESSIONS = """
    SELECT left(machine_id, 8), strftime(started_at, '%H:%M:%S'), strftime(ended_at, '%H:%M:%S'),
           event_count, round(duration_s / 60)::INT, start_action, end_reason
    FROM read_parquet('{lake}/sessions/*/*/*.parquet')
    WHERE date_trunc('hour', started_at) < date_trunc('hour', ended_at)
    ORDER BY duration_s DESC, session_id
    LIMIT 5
"""
_COLUMNS = ("machine", "from", "to", "events", "minutes", "begins with", "ended by")
# Of the sessions that are closed, the one to which the most hours have added events.
_EXAMPLE = """
    SELECT session_id
    FROM read_parquet('{lake}/sessionized_events/*/*/*.parquet')
    WHERE session_id IN (SELECT session_id FROM read_parquet('{lake}/sessions/*/*/*.parquet'))
    GROUP BY session_id
    ORDER BY count(DISTINCT (dt, hour)) DESC, count(*) DESC, session_id
    LIMIT 1
"""
_EVENTS = """
    SELECT dt || 'T' || hour, list(strftime(event_time, '%H:%M:%S ') || action ORDER BY event_time)
    FROM read_parquet('{lake}/sessionized_events/*/*/*.parquet', hive_types = {{hour: VARCHAR}})
    WHERE session_id = '{session_id}'
    GROUP BY ALL
    ORDER BY ALL
"""
_SHOWN_EVENTS = 2


def show_summary(lake: Path, hours: Sequence[Hour], console: Console) -> None:
    """Show what the runs of these hours have published in a lake that is a local folder."""
    ledgers = {
        hour: json.loads((lake / f"_runs/{hour.partition}.json").read_text()) for hour in hours
    }
    console.print()
    console.print(_counts(ledgers))
    reasons: Counter[str] = Counter()
    for ledger in ledgers.values():
        reasons.update(ledger["quarantined_by_reason"])
    console.print("\n[bold]Quarantined, by reason[/]")
    console.print(
        ", ".join(
            f"{reason}\N{NO-BREAK SPACE}{count:,}" for reason, count in sorted(reasons.items())
        )
    )
    with duckdb.connect() as database:
        database.execute("SET TimeZone = 'UTC'")
        _show_sessions(database, lake, console)
        _show_example(database, lake, console)


def _counts(ledgers: dict[Hour, dict[str, Any]]) -> Table:
    counts = table(footer=True)
    counts.add_column("\nhour (UTC)", footer="in all", no_wrap=True)
    for name, title in _COUNTS.items():
        total = sum(ledger["counts"][name] for ledger in ledgers.values())
        # Open sessions are carried from hour to hour: a sum would count them again and again.
        footer = "" if name == "sessions_open" else f"{total:,}"
        counts.add_column(title, justify="right", footer=footer)
    for hour, ledger in ledgers.items():
        counts.add_row(str(hour), *(f"{ledger['counts'][name]:,}" for name in _COUNTS))
    return counts


def _show_sessions(database: duckdb.DuckDBPyConnection, lake: Path, console: Console) -> None:
    console.print("\n[bold]The longest closed sessions[/], from the Parquet with DuckDB")
    sessions = table()
    for title in _COLUMNS:
        sessions.add_column(title, no_wrap=True)
    for row in database.execute(_SESSIONS.format(lake=lake)).fetchall():
        sessions.add_row(*map(str, row))
    console.print(sessions)


def _show_example(database: duckdb.DuckDBPyConnection, lake: Path, console: Console) -> None:
    example = database.execute(_EXAMPLE.format(lake=lake)).fetchone()
    if example is None:
        return
    (session_id,) = example
    console.print(f"\n[bold]One session over many runs[/], {session_id}")
    for run, events in database.execute(
        _EVENTS.format(lake=lake, session_id=session_id)
    ).fetchall():
        more = len(events) - _SHOWN_EVENTS
        shown = ", ".join(events[:_SHOWN_EVENTS]) + (f" and {more} more" if more > 0 else "")
        console.print(f"  {run}  {shown}")
