"""The program ``sessionize``: its commands, and how it ends."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from sessionize import signals
from sessionize.cli import (
    alerts,
    bulk,
    check,
    daily,
    describe,
    files,
    init,
    plan,
    preview,
    run,
    status,
    verify,
)
from sessionize.model.errors import SessionizeError

#: In the order of ``--help``.
_COMMANDS = (run, bulk, status, plan, daily, alerts, describe, verify, check, preview, init, files)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 0 success, 1 failure, 2 wrong usage.

    128 and the signal's number where one has ended it.
    """
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO if options.verbose else logging.WARNING,
        format="%(levelname)s %(message)s",
        stream=sys.stderr,
    )
    try:
        with signals.raised():
            return options.command(options)
    except SessionizeError as error:
        if options.verbose:
            logging.getLogger(__name__).info("where it went wrong:", exc_info=error)
        print(f"sessionize: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("sessionize: interrupted; run the hour again to complete it", file=sys.stderr)
        return 130
    except signals.EndedError as ended:
        print(
            f"sessionize: ended by {ended.name}; run the hour again to complete it", file=sys.stderr
        )
        return ended.exit_code
    except Exception as error:
        if options.verbose:
            raise
        text = " ".join(f"{type(error).__name__}: {error}".split())
        print(
            f"sessionize: unexpected: {text}. Run it again with --verbose to see where; what is "
            "published is whole",
            file=sys.stderr,
        )
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sessionize",
        description="Turn landed events into sessions, hour by hour, with open sessions carried.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add(commands)
    return parser
