"""``verify``: every file of the lake, held against the ledgers."""

from __future__ import annotations

import argparse
import shlex
from datetime import date
from typing import TYPE_CHECKING

from sessionize.cli.arguments import (
    Commands,
    add_command,
    add_range,
    open_pipeline,
    optional_hour,
)

if TYPE_CHECKING:
    from sessionize.model.hours import Hour


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    text = "hold every file of the lake against the ledgers: say what is wrong, and what to run"
    add_range(add_command(commands, "verify", text, _verify), "verify")


def _verify(options: argparse.Namespace) -> int:
    pipeline = open_pipeline(options)
    from sessionize.daily.verify import day_faults
    from sessionize.pipeline.verify import faults_of, hours_to_run

    first, end = optional_hour(options.first), optional_hour(options.end)
    faults = []
    for fault in faults_of(pipeline.lake, pipeline.config, first, end):
        print(fault.what, flush=True)
        faults.append(fault)
    of_days = []
    for of_day in day_faults(pipeline.lake, pipeline.config, *_days(first, end)):
        print(of_day.what, flush=True)
        of_days.append(of_day)
    if not faults and not of_days:
        print(f"{pipeline.config.lake}: everything is as the ledgers say")
        return 0
    print(f"{len(faults) + len(of_days)} faults; to mend them, after what the lines above ask for:")
    for first, end in hours_to_run(pipeline.lake, faults):
        command = f"--config {shlex.quote(options.config)} --from {first} --to {end}"
        print(f"python -m sessionize run {command}")
    for day in sorted({of_day.day for of_day in of_days if not of_day.by_hand}):
        command = f"--config {shlex.quote(options.config)} --date {day}"
        print(f"python -m sessionize daily {command}")
    return 1


def _days(first: Hour | None, end: Hour | None) -> tuple[date | None, date | None]:
    """Return the days in which a range of hours lies, half-open."""
    from sessionize.model.days import ONE_DAY, day_of

    return (
        None if first is None else day_of(first),
        None if end is None else day_of(end.previous) + ONE_DAY,
    )
