"""What the person at the terminal sees: steps, the backfill's progress, where to look further."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status
from rich.table import Table

from sessionize.hours import Hour

_MARKS = {
    "success": "[green]✔[/]",
    "failed": "[red]✖[/]",
    "upstream_failed": "[red]✖[/]",
    "skipped": "[dim]-[/]",
    "running": "[yellow]▶[/]",
    "queued": "[yellow]…[/]",
    "scheduled": "[yellow]…[/]",
    "up_for_retry": "[red]↻[/]",
    "up_for_reschedule": "[yellow]…[/]",
    "deferred": "[yellow]…[/]",
}
# A mapped task is as far as the least of its instances.
_WORST_FIRST = ("failed", "upstream_failed", "up_for_retry", "running", "queued", "scheduled")


class Steps:
    """One line a step: what is being done, then how long it took.

    On a terminal the step at work has a spinner; in a log file each line appears when it is done.
    """

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
            self._console.print(f" [green]✔[/] {took}  {self._text}{note and f': {note}'}")

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
            self._console.print(f" [red]✖[/]          {self._text}")

    def _end(self) -> bool:
        if self._status is None:
            return False
        self._status.stop()
        self._status = None
        return True


def progress_table(
    hours: Sequence[Hour], tasks: Sequence[str], states: dict[Hour, dict[str, list[str]]]
) -> Table:
    """Draw hours by tasks: the state of each, as the scheduler sees it."""
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column("hour (UTC)")
    for task in tasks:
        table.add_column(task, justify="center")
    for hour in hours:
        of_hour = states.get(hour, {})
        table.add_row(str(hour), *(_mark(of_hour.get(task, [])) for task in tasks))
    return table


def _mark(states: Sequence[str]) -> str:
    if not states:
        return "[dim]·[/]"
    counted = Counter(states)
    state = next((state for state in _WORST_FIRST if counted[state]), states[0])
    mark = _MARKS.get(state, "[dim]·[/]")
    return mark if len(states) == 1 else f"{mark}[dim]{len(states)}[/]"
