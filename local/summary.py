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

from sessionize.hours import Hour

_COUNTS = {
    "records_read": "read",
    "valid": "valid",
    "quarantined": "quarantined",
    "late": "late",
    "duplicates": "duplicate",
    "sessions_closed": "sessions closed",
    "sessions_open": "open",
}
_LONGEST = """
    SELECT session_id, left(machine_id, 8) AS machine, started_at, ended_at, event_count AS events,
           duration_s / 60 AS minutes, start_action, end_reason
    FROM read_parquet('{lake}/sessions/*/*/*.parquet')
    WHERE date_trunc('hour', started_at) < date_trunc('hour', ended_at)
    ORDER BY duration_s DESC
    LIMIT 5
"""
_EVENTS = """
    SELECT event_time, action, build_id, dt || 'T' || hour AS "run"
    FROM read_parquet('{lake}/sessionized_events/*/*/*.parquet', hive_types = {{hour: VARCHAR}})
    WHERE session_id = '{session_id}'
    ORDER BY event_time
"""
_SHOWN_EVENTS = 4


def show_summary(lake: Path, hours: Sequence[Hour], console: Console) -> None:
    """Show what the runs of these hours have published in a lake that is a local folder."""
    ledgers = {
        hour: json.loads((lake / f"_runs/{hour.partition}.json").read_text()) for hour in hours
    }
    console.print(_counts_table(ledgers))
    reasons = sum((Counter(led["quarantined_by_reason"]) for led in ledgers.values()), Counter())
    console.print("\n[bold]Quarantined, by reason:[/]")
    console.print(
        ", ".join(f"{reason} {count:,}" for reason, count in sorted(reasons.items())),
        highlight=False,
    )
    _show_sessions(lake, console)


def _counts_table(ledgers: dict[Hour, dict[str, Any]]) -> Table:
    table = Table(box=None, padding=(0, 2), header_style="bold", show_footer=True)
    totals = {name: sum(led["counts"][name] for led in ledgers.values()) for name in _COUNTS}
    table.add_column("hour (UTC)", footer="in all")
    for name, title in _COUNTS.items():
        # Open sessions are carried from hour to hour: their sum would count them again and again.
        footer = "" if name == "sessions_open" else f"{totals[name]:,}"
        table.add_column(title, justify="right", footer=footer)
    for hour, ledger in ledgers.items():
        table.add_row(str(hour), *(f"{ledger['counts'][name]:,}" for name in _COUNTS))
    return table


def _show_sessions(lake: Path, console: Console) -> None:
    with duckdb.connect() as database:
        database.execute("SET TimeZone = 'UTC'")
        sessions = database.sql(_LONGEST.format(lake=lake)).fetchall()
        console.print("\n[bold]The longest closed sessions that cross hours[/] (DuckDB, Parquet):")
        table = Table(box=None, padding=(0, 2), header_style="dim")
        for title in ("machine", "from", "to", "events", "minutes", "begins with", "ended by"):
            table.add_column(title)
        for _, machine, started, ended, events, minutes, action, reason in sessions:
            table.add_row(
                *(machine, f"{started:%H:%M:%S}", f"{ended:%H:%M:%S}"),
                *(f"{events}", f"{minutes:.0f}", action, reason),
            )
        console.print(table)
        if sessions:
            _show_events(database, lake, sessions[0][0], console)


def _show_events(
    database: duckdb.DuckDBPyConnection, lake: Path, session_id: str, console: Console
) -> None:
    events = database.sql(_EVENTS.format(lake=lake, session_id=session_id)).fetchall()
    runs = sorted({run for *_, run in events})
    console.print(
        f"\n[bold]One session, {session_id}[/]: {len(events)} events, settled by the runs of "
        f"{len(runs)} hours"
    )
    for run in runs:
        of_run = [f"{time:%H:%M:%S} {action}" for time, action, _, of in events if of == run]
        more = len(of_run) - _SHOWN_EVENTS
        line = ", ".join(of_run[:_SHOWN_EVENTS]) + (f" ... and {more} more" if more > 0 else "")
        console.print(f"  {run}  {line}", highlight=False)
