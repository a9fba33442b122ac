"""``preview``: what an hour would give."""

from __future__ import annotations

import argparse
import sys

from sessionize.cli.arguments import HOUR_HELP, Commands, add_command, optional_hour


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    text = "show what an hour would give, and write nothing"
    parser = add_command(commands, "preview", text, _preview)
    parser.add_argument(
        "--hour", metavar="HOUR", help=f"{HOUR_HELP}; the newest that has landed unless given"
    )
    parser.add_argument(
        "--objects", metavar="N", type=int, help="read the hour's first N objects only"
    )


def _preview(options: argparse.Namespace) -> int:
    if options.objects is not None and options.objects < 1:
        options.parser.error("--objects is at least 1")
    from sessionize.config import load_config
    from sessionize.discovery.preview import preview, shown
    from sessionize.lake.storage import open_storage

    config = load_config(options.config)
    hour = optional_hour(options.hour)
    sys.stdout.write(shown(preview(config, open_storage(config.raw), hour, options.objects)))
    return 0
