"""``daily``: a day's datasets, made of its hours; or where the days stand."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from sessionize.cli.arguments import Commands, add_command, open_pipeline

if TYPE_CHECKING:
    from datetime import date

    from sessionize.pipeline.stages import Pipeline

_DAY_HELP = "a day in UTC, as 2017-02-04"


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    text = "make the datasets of a day, or of a range of days in order"
    parser = add_command(commands, "daily", text, _daily)
    parser.add_argument("--date", metavar="DAY", help=f"make {_DAY_HELP}")
    parser.add_argument("--from", dest="first", metavar="DAY", help=f"from {_DAY_HELP}")
    parser.add_argument("--to", dest="end", metavar="DAY", help="up to this day, exclusive")
    parser.add_argument("--status", action="store_true", help="show where the days stand instead")


def _daily(options: argparse.Namespace) -> int:
    from sessionize.model.days import ONE_DAY, days_between, parse_day

    first, end = (text and parse_day(text) for text in (options.first, options.end))
    if options.date is not None and (first or end):
        options.parser.error("give either --date, or --from and --to")
    if options.date is not None:
        first = parse_day(options.date)
        end = first + ONE_DAY
    if first and end and end <= first:
        options.parser.error(f"--to {end} is not after --from {first} (the range is half-open)")
    if options.status:
        return _status(open_pipeline(options), first, end)
    if not first or not end:
        options.parser.error("give either --date, or --from and --to; or --status")
    return _run(open_pipeline(options), list(days_between(first, end)))


def _run(pipeline: Pipeline, days: list[date]) -> int:
    from sessionize.daily.run import run_day
    from sessionize.daily.status import outdated_after

    published = None
    for day in days:
        published = run_day(pipeline, day)
        counts = published.ledger.counts
        print(
            f"{day}  sessions {counts.sessions:,}  events {counts.events:,}  "
            f"machines {counts.machines:,}  new {counts.new_machines:,}  "
            f"ever {counts.machines_after:,}" + ("" if published.changed else "  (unchanged)"),
            flush=True,
        )
    if published is not None and published.outdated:
        first, end = outdated_after(pipeline.lake, published.ledger.day)
        print(f"later days are now outdated: run daily --from {first} --to {end}", flush=True)
    return 0


def _status(pipeline: Pipeline, first: date | None, end: date | None) -> int:
    from sessionize.daily.status import day_statuses

    lines = list(day_statuses(pipeline.lake, pipeline.config, first, end))
    if not lines:
        why = "No hour has been run, so there is no day."
        if done := pipeline.lake.done_hours():
            why = f"The range has no day: the last hour that has been run is {done[-1]}."
        print(why, file=sys.stderr)
    for line in lines:
        hours = f"{line.hours_done} of {line.hours} hours done"
        cells = [str(line.day), line.state.ljust(11), hours]
        if line.ledger is not None:
            counts = line.ledger.counts
            cells.append(f"sessions {counts.sessions:,}  machines {counts.machines:,}")
        print("  ".join(cells))
    return 0
