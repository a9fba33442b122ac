"""``status``: where a pipeline stands, hour by hour."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sessionize.cli.arguments import (
    NO_OBJECT,
    Commands,
    add_command,
    add_range,
    open_pipeline,
    optional_hour,
)

if TYPE_CHECKING:
    from sessionize.pipeline.status import HourStatus

_COUNTS = ("records_read", "valid", "quarantined", "late", "duplicates", "settled")
_SESSIONS = ("sessions_closed", "sessions_open", "pending_after")


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    text = "show hour by hour: done, missing, outdated"
    parser = add_command(commands, "status", text, _status)
    add_range(parser, "show")
    parser.add_argument("--json", action="store_true", help="one JSON object an hour")


def _status(options: argparse.Namespace) -> int:
    pipeline = open_pipeline(options)
    from sessionize.pipeline.status import hours_to_run, pipeline_status

    first, end = optional_hour(options.first), optional_hour(options.end)
    lines = list(pipeline_status(pipeline.lake, pipeline.config, first, end))
    if not lines and (done := pipeline.lake.done_hours()):
        print(f"The range has no hour: the last that has been run is {done[-1]}.", file=sys.stderr)
        return 0
    if not lines:
        config = pipeline.config
        print(
            f"No hour has been run: {config.lake} holds no ledger. The first is {config.start}: "
            f"run --config {options.config} --hour {config.start}",
            file=sys.stderr,
        )
        return 0
    if options.json:
        for line in lines:
            counts = line.ledger.encode()["counts"] if line.ledger else None
            objects = len(line.ledger.claimed) if line.ledger else None
            shown = {"state": line.state, "objects": objects, "counts": counts}
            print(json.dumps({"hour": str(line.hour), **shown}))
        return 0
    columns = (*_COUNTS, *_SESSIONS)
    print("  ".join(["hour         ", "state      ", *(name.rjust(12) for name in columns)]))
    for line in lines:
        print(_status_line(line, columns))
    if due := hours_to_run(pipeline.lake, lines):
        print(
            f"{len(due)} hours have to be run, in order: run --from {due[0]} --to {due[-1].next}; "
            "`plan` says why, and what it takes"
        )
    return 0


def _status_line(line: HourStatus, columns: Sequence[str]) -> str:
    cells = (
        ["".rjust(12)] * len(columns)
        if line.ledger is None
        else [f"{getattr(line.ledger.counts, name):,}".rjust(12) for name in columns]
    )
    if line.ledger is not None and not line.ledger.claimed:
        cells.append(NO_OBJECT)
    return "  ".join([str(line.hour), line.state.ljust(11), *cells]).rstrip()
