"""What commands have in common: their options, and what these mean."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from sessionize.model.hours import Hour
    from sessionize.pipeline.stages import Pipeline

HOUR_HELP = "an hour in UTC, as 2017-02-04T23"
#: What is said of an hour for which nothing has landed.
NO_OBJECT = "NO OBJECT HAS LANDED"

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
#: A command: its options in, its exit code out.
Command: TypeAlias = Callable[[argparse.Namespace], int]


def add_command(
    commands: Commands, name: str, text: str, command: Command, *, config: bool = True
) -> argparse.ArgumentParser:
    """Add a command to the parser.

    Parameters
    ----------
    commands : Commands
        What ``add_subparsers`` of the program has returned.
    name, text : str
        The command, and what it does.
    command : Command
        What is called with the options.
    config : bool
        Whether it takes a pipeline file, ``--config``.
    """
    parser = commands.add_parser(name, help=text, description=text.capitalize() + ".")
    if config:
        parser.add_argument(
            "--config", required=True, metavar="FILE", help="the pipeline's TOML file"
        )
    parser.add_argument("-v", "--verbose", action="store_true", help="say what is being done")
    parser.set_defaults(command=command, parser=parser)
    return parser


def add_range(parser: argparse.ArgumentParser, verb: str) -> None:
    """Add ``--from`` and ``--to``, as ``options.first`` and ``options.end``."""
    parser.add_argument("--from", dest="first", metavar="HOUR", help=f"{verb} from {HOUR_HELP}")
    parser.add_argument("--to", dest="end", metavar="HOUR", help="up to this hour, exclusive")


def open_pipeline(options: argparse.Namespace) -> Pipeline:
    """Open the pipeline of ``--config``.

    Raises
    ------
    ConfigError, StorageError
    """
    from sessionize.config import load_config
    from sessionize.pipeline.stages import Pipeline

    return Pipeline.open(load_config(options.config))


def optional_hour(text: str | None) -> Hour | None:
    """Read an option that may be left out.

    Raises
    ------
    IntervalError
        If it is not an hour.
    """
    from sessionize.model.hours import Hour

    return None if text is None else Hour.parse(text)


def hours_of_range(options: argparse.Namespace) -> list[Hour]:
    """Return the hours of ``--from`` and ``--to``; end with a usage error if there are none.

    Raises
    ------
    IntervalError
        If one is not an hour.
    """
    from sessionize.model.hours import Hour, hours_between

    first, end = Hour.parse(options.first), Hour.parse(options.end)
    if end <= first:
        options.parser.error(f"--to {end} is not after --from {first} (the range is half-open)")
    return list(hours_between(first, end))
