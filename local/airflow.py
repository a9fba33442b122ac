"""``make airflow``: Airflow's UI and scheduler on this machine, until Ctrl-C.

It goes on where the last demo has ended, or, if there was none today, from a new one's beginning:
then the scheduler catches up by itself. Events keep coming through Firehose meanwhile.
"""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.markup import escape

from local import world
from local.environment import PASSWORD, USER
from local.errors import LocalError
from local.processes import interruptible, is_free, sole_user
from local.s3 import S3Server, running_s3
from local.screen import Steps
from local.shell import handed_on
from local.stack import Stack, running_stack

_PORTS = range(8080, 8100)
_SECONDS_BETWEEN = 10.0
# As long as anybody looks at a demo.
_HOURS_TO_COME = 12


def main() -> int:
    """Run Airflow until Ctrl-C; return the exit code."""
    console = Console(highlight=False)
    try:
        with interruptible(), sole_user(world.FOLDER):
            _run(console)
    except LocalError as error:
        console.print("\n[bold red]Airflow has failed:[/]", escape(error.fault))
        console.print(error.evidence, style="dim", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped before it was up.")
    return 0


def _run(console: Console) -> None:
    port = next((port for port in _PORTS if is_free(port)), None)
    if port is None:
        raise LocalError(f"the ports {_PORTS[0]} to {_PORTS[-1]} are all taken")
    with running_s3(world.FOLDER, world.BUCKET) as server, Steps(console) as step:
        step("Bringing back the demo's events and lake")
        made = world.restore_world(server, hours_to_come=_HOURS_TO_COME)
        if made is None:
            step("Making events: there is no demo of today")
            made = world.make_world(server, hours_to_come=_HOURS_TO_COME)
            made.land_stragglers(server)
        try:
            _run_airflow(made, server, port, console, step)
        finally:
            step("Keeping the bucket for the next time")
            world.keep_world(server)
            step.done()


def _run_airflow(
    made: world.World, server: S3Server, port: int, console: Console, step: Steps
) -> None:
    with running_stack(world.home(), world.pipelines(), port=port, s3=server, tell=step) as stack:
        step("Waiting until Airflow has read the DAG")
        stack.wait_for_dag(world.DAG_ID)
        stack.airflow("dags", "unpause", "--yes", world.DAG_ID)
        step.done()
        console.print(
            f"\n  [bold]{stack.url}/dags/{world.DAG_ID}[/]\n"
            f"  [bold]{stack.url}/plugin/sessionize[/]  is the data whole?\n"
            f"  user [bold]{USER}[/], password [bold]{PASSWORD}[/]\n"
            f"  logs in {stack.home}\n\n"
            "Ctrl-C stops it; `make shell` in another terminal is for its command line.\n"
        )
        with handed_on(stack.home, stack.env):
            _feed(made, server, stack, console)
        step("Stopping Airflow")


def _feed(made: world.World, server: S3Server, stack: Stack, console: Console) -> None:
    """Put events through Firehose as their time comes, until Ctrl-C."""
    try:
        while True:
            stack.check()
            made.send_due(server)
            time.sleep(_SECONDS_BETWEEN)
    except KeyboardInterrupt:
        console.print()


if __name__ == "__main__":
    sys.exit(main())
