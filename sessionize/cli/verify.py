"""``verify``: every file of the lake, held against the ledgers."""

from __future__ import annotations

import argparse
import shlex

from sessionize.cli.arguments import (
    Commands,
    add_command,
    add_range,
    open_pipeline,
    optional_hour,
)


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    text = "hold every file of the lake against the ledgers: say what is wrong, and what to run"
    add_range(add_command(commands, "verify", text, _verify), "verify")


def _verify(options: argparse.Namespace) -> int:
    pipeline = open_pipeline(options)
    from sessionize.pipeline.verify import faults_of, hours_to_run

    first, end = optional_hour(options.first), optional_hour(options.end)
    faults = []
    for fault in faults_of(pipeline.lake, pipeline.config, first, end):
        print(fault.what, flush=True)
        faults.append(fault)
    if not faults:
        print(f"{pipeline.config.lake}: everything is as the ledgers say")
        return 0
    print(f"{len(faults)} faults; to mend them, after what the lines above ask for:")
    for first, end in hours_to_run(pipeline.lake, faults):
        command = f"--config {shlex.quote(options.config)} --from {first} --to {end}"
        print(f"python -m sessionize run {command}")
    return 1
