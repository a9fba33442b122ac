"""``init``: a pipeline file, proposed from what has landed."""

from __future__ import annotations

import argparse
import sys

from sessionize.cli.arguments import Commands, add_command


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    text = "look at what has landed, and propose a pipeline file"
    parser = add_command(commands, "init", text, _init, config=False)
    parser.add_argument(
        "--raw", required=True, metavar="URL", help="s3://bucket/prefix or a folder"
    )
    parser.add_argument("--lake", metavar="URL", help="where to publish; beside raw unless given")
    parser.add_argument("--name", metavar="NAME", help="the pipeline's name")
    parser.add_argument("--out", metavar="FILE", help="NAME.toml unless given; - is the screen")
    parser.add_argument("--force", action="store_true", help="replace a file that is there")
    parser.add_argument("--explain", action="store_true", help="print the evidence; write nothing")


def _init(options: argparse.Namespace) -> int:
    from pathlib import Path

    from sessionize.discovery.init import checked, look, refuse_existing, write_file

    # A file that is there is no reason to list a bucket first.
    if options.out not in (None, "-") and not options.explain:
        refuse_existing(Path(options.out), force=options.force)
    initial = look(options.raw, options.lake, options.name)
    if options.explain:
        sys.stdout.write(initial.explained)
        return 0
    path = Path(options.out or f"{initial.name}.toml")
    if options.out == "-":
        sys.stdout.write(checked(initial.text, path))
    else:
        write_file(path, initial.text, force=options.force)
    for doubt in initial.proposal.doubts:
        print(f"TODO {doubt}", file=sys.stderr)
    for remark in initial.proposal.remarks:
        print(f"NOTE {remark}", file=sys.stderr)
    if options.out != "-":
        print(
            f"{path} written"
            + ("" if initial.proposal.is_complete else ": name the fields marked TODO in it")
            + f". Then: python -m sessionize preview --config {path}"
        )
    return 0
