"""``alerts``: what is wrong with a pipeline now, for a shell, cron or a monitor."""

from __future__ import annotations

import argparse

from sessionize.cli.arguments import Commands, add_command, open_pipeline


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    text = "say what is wrong now; exit code 1 if anything is"
    parser = add_command(commands, "alerts", text, _alerts)
    parser.add_argument("--now", metavar="TIME", help="as of this time, as 2017-02-05T00:45Z")


def _alerts(options: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from sessionize.alerts.check import look
    from sessionize.alerts.messages import line_of

    try:
        now = datetime.fromisoformat(options.now) if options.now else datetime.now(UTC)
    except ValueError:
        options.parser.error(f"--now {options.now} is not a time, such as 2017-02-05T00:45Z")
    if now.tzinfo is None:
        options.parser.error(f"--now {options.now} has no time zone: write Z behind it")
    pipeline = open_pipeline(options)
    found = look(pipeline.lake, pipeline.config, now).findings
    for finding in found:
        line = line_of(finding, pipeline.config.name)
        print(f"{line.text}\n  {line.remedy}")
    return 1 if found else 0
