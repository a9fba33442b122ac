"""A backfill from Airflow's command line, watched until it is done."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console
from rich.live import Live

from local.errors import LocalError
from local.processes import stopping
from local.screen import progress_table
from local.stack import Stack
from sessionize.hours import Hour

_POLL_SECONDS = 1.0


def backfill(stack: Stack, dag_id: str, hours: Sequence[Hour], console: Console) -> str:
    """Backfill consecutive hours with ``airflow dags backfill``; show the scheduler at work.

    Returns
    -------
    str
        What the command has said.

    Raises
    ------
    LocalError
        If the command fails, with what it has said and the state of the tasks.
    """
    dates = ("-s", f"{hours[0]}:00", "-e", f"{hours[-1]}:00")
    command = stack.start("backfill", "dags", "backfill", dag_id, *dates, "--unpause")
    tasks = stack.api.task_order(dag_id)
    states: dict[Hour, dict[str, list[str]]] = {}
    told: set[Hour] = set()
    with stopping([command]), Live(console=console, auto_refresh=False) as live:
        while command.exit_code is None:
            time.sleep(_POLL_SECONDS)
            stack.check()
            runs = {Hour.parse(run.interval_start): run for run in stack.api.runs(dag_id)}
            by_run = stack.api.task_states(dag_id)
            states = {hour: by_run.get(run.run_id, {}) for hour, run in runs.items()}
            live.update(progress_table(hours, tasks, states), refresh=console.is_terminal)
            done = {hour for hour, run in runs.items() if run.state == "success"}
            if not console.is_terminal:
                for hour in sorted(done - told):
                    console.print(f"   {hour} is done")
                told |= done
    if command.exit_code:
        evidence = "\n".join(
            f"{hour} {task}: {', '.join(of_task)}"
            for hour, of_hour in sorted(states.items())
            for task, of_task in of_hour.items()
            if set(of_task) - {"success", "skipped"}
        )
        raise LocalError(
            f"the backfill has failed (exit code {command.exit_code}); the logs of the tasks are "
            f"in {stack.home / 'logs'}",
            f"{command.output}\n{evidence}",
        )
    return command.output
