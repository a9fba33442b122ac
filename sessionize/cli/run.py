"""``run``: an hour, or a range of hours in order."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sessionize.cli.arguments import (
    HOUR_HELP,
    Commands,
    add_command,
    add_range,
    hours_of_range,
    open_pipeline,
)
from sessionize.cli.summary import print_outdated, print_published

if TYPE_CHECKING:
    from sessionize.model.hours import Hour


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(commands, "run", "run one hour, or a range of hours in order", _run)
    parser.add_argument("--hour", metavar="HOUR", help=f"run {HOUR_HELP}")
    add_range(parser, "run")


def _run(options: argparse.Namespace) -> int:
    if (options.hour is None) == (options.first is None) or (
        (options.first is None) != (options.end is None)
    ):
        options.parser.error("give either --hour, or --from and --to")
    pipeline = open_pipeline(options)
    from sessionize.pipeline.runner import run_hour

    published = None
    for hour in _hours(options):
        published = run_hour(pipeline, hour)
        print_published(published)
    print_outdated(published)
    return 0


def _hours(options: argparse.Namespace) -> list[Hour]:
    from sessionize.model.hours import Hour

    return hours_of_range(options) if options.hour is None else [Hour.parse(options.hour)]
