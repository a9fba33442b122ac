"""A backfill from Airflow's command line, watched until it is done."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence

from rich.console import Console

from local.errors import LocalError
from local.processes import stopping
from local.screen import Progress, TaskStates
from local.stack import Stack
from sessionize.model.hours import Hour

_POLL_SECONDS = 2.0


def backfill(stack: Stack, dag_id: str, hours: Sequence[Hour], console: Console) -> None:
    """Backfill consecutive hours with ``airflow dags backfill``; show the scheduler at work.

    Raises
    ------
    LocalError
        If the command fails, with what it has said and what each task has come to.
    """
    dates = ("-s", f"{hours[0]}:00", "-e", f"{hours[-1]}:00")
    arguments = ("dags", "backfill", dag_id, *dates, "--unpause")
    console.print(f"\n[bold]$ airflow {shlex.join(arguments)}[/]")
    command = stack.start("backfill", *arguments)
    states: TaskStates = {}
    tasks = stack.api.task_order(dag_id)
    with stopping([command]), Progress(console, hours, tasks) as progress:
        while command.exit_code is None:
            time.sleep(_POLL_SECONDS)
            stack.check()
            states, done = _look(stack, dag_id)
            progress.show(states, done)
    if command.exit_code:
        raise LocalError(
            f"the backfill has failed (exit code {command.exit_code}); the logs of the tasks are "
            f"in {stack.home / 'logs'}",
            f"{command.output}\n{_undone(states)}",
        )
    console.print(f"{command.output.strip().splitlines()[-1]}\n", style="dim", markup=False)


def _look(stack: Stack, dag_id: str) -> tuple[TaskStates, set[Hour]]:
    by_run = stack.api.task_states(dag_id)
    runs = {Hour.parse(run.interval_start): run for run in stack.api.runs(dag_id)}
    states = {hour: by_run.get(run.run_id, {}) for hour, run in runs.items()}
    return states, {hour for hour, run in runs.items() if run.state == "success"}


def _undone(states: TaskStates) -> str:
    return "\n".join(
        f"{hour} {task}: {', '.join(of_task)}"
        for hour, of_hour in sorted(states.items())
        for task, of_task in of_hour.items()
        if set(of_task) - {"success", "skipped"}
    )
