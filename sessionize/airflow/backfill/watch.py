"""Waiting for runs to end: a line for each, and a word where nothing more will come by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sessionize.airflow.backfill.metadata import Retry, RunFacts
from sessionize.airflow.backfill.plan import moment

_ENDED = ("success", "failed")


@dataclass(frozen=True)
class Snapshot:
    """What the watcher sees at one glance."""

    runs: dict[datetime, RunFacts]
    active: bool
    scheduler_alive: bool
    paused: bool
    retries: Sequence[Retry] = ()


@dataclass
class Watch:
    """Wait for the runs of some dates.

    Parameters
    ----------
    dates : sequence of datetime
    look : callable
        Returns a :class:`Snapshot`.
    ordered : bool
        Whether runs wait for the ones before.
    tell : callable
        Is given each line for the reader.
    poll, patience, warn_every : float
        Seconds between two glances; of quiet before the runs behind a failed one are taken to be
        held; between two warnings of the same kind.
    """

    dates: Sequence[datetime]
    look: Callable[[], Snapshot]
    ordered: bool
    tell: Callable[[str], None]
    poll: float = 1.0
    patience: float = 15.0
    warn_every: float = 60.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    ended: dict[datetime, RunFacts] = field(default_factory=dict)
    _warned: dict[str, float] = field(default_factory=dict)
    _told: set[tuple[datetime, str]] = field(default_factory=set)

    def wait(self) -> list[datetime]:
        """Wait until all runs have ended, or the others are held by a failed one; return the held.

        Afterwards ``ended`` holds what came of the runs that have ended.
        """
        quiet_since = self.clock()
        while True:
            snapshot = self.look()
            if self._report(snapshot) or snapshot.active or not snapshot.scheduler_alive:
                quiet_since = self.clock()
            left = [date for date in self.dates if date not in self.ended]
            if not left:
                return []
            failed = any(run.state == "failed" for run in self.ended.values())
            if self.ordered and failed and self.clock() - quiet_since > self.patience:
                return left
            self._tell_retries(snapshot)
            self._warn(snapshot)
            self.sleep(self.poll)

    def _report(self, snapshot: Snapshot) -> bool:
        new = False
        for date in self.dates:
            run = snapshot.runs.get(date) or RunFacts(date, "deleted", None, ())
            if date in self.ended or (run.state not in _ENDED and date in snapshot.runs):
                continue
            new = True
            self.ended[date] = run
            took = f"  {run.seconds:.0f} s" if run.seconds is not None else ""
            tasks = f"  failed: {', '.join(run.failed_tasks)}" if run.failed_tasks else ""
            done = f"({len(self.ended)}/{len(self.dates)})"
            self.tell(f"{moment(date)}  {run.state:7}{took}{tasks}  {done}")
        return new

    def _tell_retries(self, snapshot: Snapshot) -> None:
        """Say that a task has failed and when it is tried again: once for its mapped instances."""
        waiting = {(retry.date, retry.task_id) for retry in snapshot.retries}
        for retry in snapshot.retries:
            if (retry.date, retry.task_id) not in self._told:
                self._told.add((retry.date, retry.task_id))
                self.tell(
                    f"{moment(retry.date)}  {retry.task_id} has failed and retries at "
                    f"{retry.at.astimezone(UTC):%H:%M}Z; its log says why"
                )
        self._told &= waiting

    def _warn(self, snapshot: Snapshot) -> None:
        if not snapshot.scheduler_alive:
            self._say("no scheduler is alive, so nothing moves: start one (`airflow scheduler`)")
        elif snapshot.paused:
            self._say("the DAG is paused, so nothing new starts: unpause it")

    def _say(self, warning: str) -> None:
        now = self.clock()
        if now - self._warned.get(warning, -self.warn_every) >= self.warn_every:
            self._warned[warning] = now
            self.tell(f"Still waiting: {warning}")
