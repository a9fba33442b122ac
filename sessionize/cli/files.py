"""``files``: what Airflow reads of this release, and the examples, written into a folder."""

from __future__ import annotations

import argparse

from sessionize.cli.arguments import Commands, add_command


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    text = "write this release's DAG files, plugins and examples into a folder"
    parser = add_command(commands, "files", text, _files, config=False)
    parser.add_argument("--to", required=True, metavar="FOLDER", help="such as $AIRFLOW_HOME")
    parser.add_argument("--force", action="store_true", help="replace files that differ")


def _files(options: argparse.Namespace) -> int:
    from pathlib import Path

    from sessionize.shipped import write_shipped

    folder = Path(options.to)
    written = write_shipped(folder, force=options.force)
    for path in written:
        print(folder / path)
    print(f"{len(written)} files written; pipeline files go into {folder / 'dags/pipelines'}")
    return 0
