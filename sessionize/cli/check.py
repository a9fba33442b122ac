"""``check``: whether a pipeline file is right, and fits what lands."""

from __future__ import annotations

import argparse
import sys

from sessionize.cli.arguments import Commands, add_command


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(commands, "check", "check a pipeline file, and say what it sets", _check)
    parser.add_argument(
        "--sample",
        action="store_true",
        help="also read the first records of the newest hour, and warn of settings that do not fit",
    )


def _check(options: argparse.Namespace) -> int:
    from sessionize.config import load_config

    config = load_config(options.config)
    print(f"{options.config}: pipeline {config.name!r}, {config.raw} to {config.lake}")
    if options.sample:
        from sessionize.discovery.fit import check_fit
        from sessionize.lake.storage import open_storage

        fit = check_fit(config, open_storage(config.raw))
        print(f"{fit.records:,} records of {fit.objects} objects of {fit.hour} read")
        for warning in fit.warnings:
            print(f"WARNING {warning}", file=sys.stderr)
    return 0
