"""What the person at the terminal sees: the steps, and the scheduler at work."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.status import Status
from rich.table import Table

from sessionize.model.hours import Hour

#: Of the runs of some hours: hour, task, the states of its instances (several if it is mapped).
TaskStates = dict[Hour, dict[str, list[str]]]

_NOT_YET = "[dim]·[/]"
_WAITING = "[yellow]…[/]"
_FAILED = "[red]✖[/]"
# The first that any instance of a mapped task is in counts for all of them.
_MARKS = {
    "failed": _FAILED,
    "upstream_failed": _FAILED,
    "up_for_retry": "[red]↻[/]",
    "running": "[yellow]▶[/]",
    "queued": _WAITING,
    "scheduled": _WAITING,
    "deferred": _WAITING,
    "none": _NOT_YET,
    "success": "[green]✔[/]",
    "skipped": "[dim]-[/]",
}


def table(*, footer: bool = False) -> Table:
    """Make a table that looks the same everywhere here and fits 80 columns."""
    return Table(box=None, padding=(0, 2, 0, 0), header_style="bold", show_footer=footer)


class Steps:
    """One line a step: what is being done, then how long it took."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None
        self._text = ""
        self._began = 0.0

    def __call__(self, text: str) -> None:
        """Begin a step, and so end the one before."""
        self.done()
        self._text, self._began = text, time.monotonic()
        self._status = self._console.status(f"{text} ...")
        self._status.start()

    def done(self, note: str = "") -> None:
        """End the step at work, with a note on what came of it."""
        if self._end():
            took = f"[dim]{time.monotonic() - self._began:5.1f} s[/]"
            self._console.print(f"[green]✔[/] {took}  {self._text}{note and f': {note}'}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.done()
        elif self._end():
            self._console.print(f"[red]✖[/]          {self._text}")

    def _end(self) -> bool:
        if self._status is None:
            return False
        self._status.stop()
        self._status = None
        return True


class Progress:
    """Hours by tasks, as the scheduler sees them; where there is no terminal, a line an hour."""

    def __init__(self, console: Console, hours: Sequence[Hour], tasks: Sequence[str]) -> None:
        self._console = console
        self._hours = hours
        self._tasks = tasks
        self._told: set[Hour] = set()
        self._live = Live(console=console, auto_refresh=False)

    def show(self, states: TaskStates, done: Iterable[Hour]) -> None:
        """Show the states that the scheduler has just told, and the hours that are done."""
        if self._console.is_terminal:
            self._live.update(self._drawn(states), refresh=True)
            return
        for hour in sorted(set(done) - self._told):
            self._console.print(f"  {hour} is done")
            self._told.add(hour)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def _drawn(self, states: TaskStates) -> Table:
        grid = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
        grid.add_column("hour", no_wrap=True)
        for task in self._tasks:
            grid.add_column(task.replace("_", "\n"), justify="center", vertical="bottom")
        for hour in self._hours:
            of_hour = states.get(hour, {})
            marks = (_mark(of_hour.get(task, [])) for task in self._tasks)
            grid.add_row(f"{hour.start:%m-%d %Hh}", *marks)
        return grid


def _mark(states: Sequence[str]) -> str:
    counted = Counter(states)
    mark = next((mark for state, mark in _MARKS.items() if counted[state]), _NOT_YET)
    return mark if len(states) < 2 else f"{mark}[dim]{len(states)}[/]"
