"""``make demo``: the whole pipeline on this machine, in one command.

Events lie in S3 as Firehose lands them, the complete hours are backfilled by Airflow from its
command line, the hour that is not over is run without Airflow; then what came of it.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from local import world
from local.backfill import backfill
from local.environment import REPOSITORY, inherited
from local.errors import LocalError
from local.processes import interruptible, sole_user
from local.s3 import S3Server, running_s3
from local.screen import Steps
from local.stack import running_stack
from local.summary import show_summary
from sessionize.model.hours import Hour, hours_between


def main() -> int:
    """Run the demo; return the exit code."""
    console = Console(highlight=False)
    began = time.monotonic()
    try:
        with interruptible(), sole_user(world.FOLDER):
            hours = _run(console)
            show_summary(world.bucket_folder() / world.LAKE, hours, console)
    except LocalError as error:
        console.print("\n[bold red]The demo has failed:[/]", escape(error.fault))
        console.print(error.evidence, style="dim", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("\nInterrupted; all that was started is stopped.")
        return 130
    console.print(_NEXT.format(lake=_relative(world.bucket_folder() / world.LAKE)))
    console.print(f"[dim]{time.monotonic() - began:.0f} s[/]")
    return 0


_NEXT = """
All that was started is stopped. The lake is now in {lake}: Parquet and JSON files.

  [bold]make airflow[/]   goes on from here, hour by hour, with Airflow's UI and, in it,
                 the operator's page: http://127.0.0.1:8080/plugin/sessionize
                 (docs/images/page-hours.png shows it)
"""


def _run(console: Console) -> list[Hour]:
    """Do everything; return the hours that were run."""
    with Steps(console) as step:
        step("Starting the S3 and Firehose server")
        with running_s3(world.FOLDER, world.BUCKET) as server:
            step(f"Landing the events of the last hours in s3://{world.BUCKET}/{world.RAW}")
            made = world.make_world(server)
            step("Putting the current hour's events through Firehose")
            sent = made.send_due(server)
            # The clock may have struck meanwhile: then Firehose has delivered into two hours.
            not_over = list(hours_between(made.current, world.current_hour().next))
            step.done(f"{sent:,} records")
            _backfill(made, server, console, step)
            step(f"Landing a straggler: an object of {made.current.previous}, whose run is done")
            made.land_stragglers(server)
            step(f"Running {not_over[0]}, which is not over, without Airflow")
            _run_without_airflow(not_over, server, console, step)
            step("Copying the bucket to local files")
            world.keep_world(server)
    return [*made.complete, *not_over]


def _backfill(made: world.World, server: S3Server, console: Console, step: Steps) -> None:
    with running_stack(world.home(), world.pipelines(), s3=server, tell=step) as stack:
        step("Waiting until Airflow has read the DAG")
        stack.wait_for_dag(world.DAG_ID)
        step.done()
        backfill(stack, world.DAG_ID, made.complete, console)
        step("Stopping Airflow")


def _run_without_airflow(
    hours: list[Hour], server: S3Server, console: Console, step: Steps
) -> None:
    """Run hours from the command line; in production one waits until they are over."""
    options = ("--from", str(hours[0]), "--to", str(hours[-1].next))
    command = ("-m", "sessionize", "run", "--config", _relative(world.pipeline_file()), *options)
    done = subprocess.run(
        [sys.executable, *command],
        cwd=REPOSITORY,
        env=inherited() | server.env,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise LocalError(f"the run has failed (exit code {done.returncode})", done.stderr)
    step.done()
    console.print(f"\n[bold]$ python {shlex.join(command)}[/]")
    console.print(f"{done.stdout.strip()}\n", style="dim", markup=False)


def _relative(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


if __name__ == "__main__":
    sys.exit(main())
