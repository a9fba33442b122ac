"""Giving ``airflow dags backfill`` back to the command line of Airflow 3.

Airflow 3 has ``airflow backfill create`` instead. A provider may add groups of commands, but not a
command to a group that is there; so the hook that Airflow calls for new groups puts the command
into the group ``dags``. That leans on Airflow's internals: where they differ, the command is absent
and nothing else is touched.
"""

from __future__ import annotations

import logging
import sys
from argparse import BooleanOptionalAction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.cli.cli_config import ActionCommand

log = logging.getLogger(__name__)

_DESCRIPTION = """\
Run a DAG's past runs, in the order of their dates, and wait for them.

Dates are instants and both ends belong to the range: -s 2017-02-04T22:00 -e 2017-02-05T03:00 are
the six hourly runs that begin at 22:00, 23:00 ... 03:00. A date alone means its midnight, so
-e 2017-02-05 takes the hour after that midnight in. Times without an offset are in Airflow's
default time zone (UTC unless set).

Runs that have succeeded are kept. Where tasks depend on the past, all that follows the first run to
be done is run again too, for it stands on what is replaced.

Exit code: 0 all runs have succeeded, 1 some have not or nothing was started, 130 interrupted (the
backfill itself goes on).
"""

_EPILOG = """\
examples:
  airflow dags backfill my_dag -s 2017-02-04T22:00 -e 2017-02-05T03:00
  airflow dags backfill my_dag -s 2017-02-04T22:00 -e 2017-02-05T03:00 --dry-run
  airflow dags backfill my_dag -s 2017-02-04T22:00 -e 2017-02-05T03:00 --rerun-failed-tasks
"""


def get_cli_commands() -> list[Any]:
    """Add the command to the group ``dags``; there are no groups of our own (Airflow's hook)."""
    try:
        _add_to_dags(sys.modules["airflow.cli.cli_parser"].airflow_commands)
    except Exception:
        log.debug("`airflow dags backfill` is not available here", exc_info=True)
    return []


def _add_to_dags(groups: list[Any]) -> None:
    place = next(i for i, group in enumerate(groups) if group.name == "dags")
    group = groups[place]
    if any(command.name == "backfill" for command in group.subcommands):
        return
    groups[place] = group._replace(subcommands=(*group.subcommands, backfill_command()))


def backfill_command() -> ActionCommand:
    """Describe the command for Airflow's parser: the options of Airflow 2, and a few new ones."""
    from airflow.cli.cli_config import (
        ActionCommand,
        Arg,
        lazy_load_command,
        parsedate,
        positive_int,
    )

    def flag(*flags: str, text: str) -> Arg:
        return Arg(flags, help=text, action="store_true")

    dates = {"type": parsedate, "metavar": "DATE"}
    return ActionCommand(
        name="backfill",
        help="Run a DAG's past runs and wait for them",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        func=lazy_load_command("sessionize.airflow.backfill.command.dags_backfill"),
        args=(
            Arg(("dag_id",), help="The id of the DAG"),
            Arg(("-s", "--start-date"), help="The first run's logical date", **dates),
            Arg(("-e", "--end-date"), help="The last run's logical date (inclusive)", **dates),
            flag(
                "--rerun-failed-tasks",
                text="Run again what failed before in the range, and what stands on it",
            ),
            flag("--reset-dagruns", text="Run all of the range again, whatever has succeeded"),
            flag(
                "--replay",
                text="For a pipeline of this project: run what its lake, objects and settings say "
                "must be run, hours before and behind the range included, and nothing else",
            ),
            flag("-y", "--yes", text="Do not ask before a run that has succeeded is run again"),
            flag("-n", "--dry-run", text="Only say what would be done"),
            flag("--unpause", text="Unpause the DAG once the runs are created"),
            Arg(
                ("--wait",),
                help="Wait for the runs to end (default), or only create them",
                action=BooleanOptionalAction,
                default=True,
            ),
            Arg(
                ("--max-active-runs",),
                help="How many runs at once (default: the DAG's max_active_runs)",
                type=positive_int(allow_zero=False),
                metavar="N",
            ),
            Arg(("-c", "--conf"), help="The runs' conf, as JSON", metavar="JSON"),
            flag("-B", "--run-backwards", text="The latest run first, if none depends on the past"),
            flag("-v", "--verbose", text="Show what Airflow logs meanwhile"),
            # What Airflow 2 knew and 3 cannot do: refused, each with what to do instead.
            Arg(("-t", "--task-regex"), help="Not in Airflow 3", metavar="REGEX"),
            flag("-i", "--ignore-dependencies", text="Not in Airflow 3"),
            flag("-m", "--mark-success", text="Not in Airflow 3"),
            flag("--disable-retry", text="Not in Airflow 3"),
            Arg(("--pool",), help="Not in Airflow 3"),
            flag("--treat-dag-id-as-regex", "--treat-dag-as-regex", text="Not in Airflow 3"),
            # What is as it asks for anyway, or means nothing any more: accepted.
            flag("-I", "--ignore-first-depends-on-past", text="Always so in Airflow 3"),
            flag("--continue-on-failures", text="Always so, as far as runs are independent"),
            flag("-x", "--donot-pickle", text="Always so in Airflow 3"),
            flag("-l", "--local", text="No effect: the scheduler's executor runs the tasks"),
            Arg(("--delay-on-limit",), help="No effect in Airflow 3", metavar="SECONDS"),
            Arg(("-S", "--subdir"), help="No effect in Airflow 3", metavar="PATH"),
        ),
    )
