"""A plan in words: what would be run and why, what it takes, and the commands that do it."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sessionize.model.hours import Hour
from sessionize.replay.plan import Plan
from sessionize.replay.steps import (
    Blocked,
    Gap,
    LeaveAlone,
    Reason,
    RunAgain,
    RunHour,
    RunIfOutdated,
    Step,
    Work,
)

_WHY = {
    Reason.ASKED: "asked for",
    Reason.INTERRUPTED: "interrupted, or has objects that it claimed and has not read",
    Reason.OUTDATED: "stands on another state than the hour before has by now",
    Reason.SETTINGS: "the settings have changed since",
    Reason.RELEASE: "an earlier release has run it",
    Reason.NEW_OBJECTS: "objects have landed that no run has claimed",
    Reason.REPLACED: "claimed objects have been replaced",
}
_NO_TIMES = "how long that takes: no ledger keeps times, so nothing is said"


@dataclass(frozen=True)
class Line:
    """Neighbouring hours ``[first, end)`` of which the same is to be said.

    Attributes
    ----------
    first, end : Hour
        Half-open.
    hours : int
        How many.
    step : str
        The name of their steps' class.
    says : str
        What is done with them, and why.
    reads : str or None
        What their runs read in all, where that is known.
    """

    first: Hour
    end: Hour
    hours: int
    step: str
    says: str
    reads: str | None = None

    def __str__(self) -> str:
        span = str(self.first) if self.hours == 1 else f"{self.first} to {self.end}"
        reads = f"; reads {self.reads}" if self.reads else ""
        return f"{span}: {self.says}{reads}"


@dataclass(frozen=True)
class Part:
    """Lines under a title: hours before those asked for, these, or what comes behind."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Way:
    """A command, and what it does with the plan."""

    does: str
    command: str


def explained(plan: Plan) -> Iterator[str]:
    """Yield the lines that say what a plan does."""
    yield f"{plan.name}: a plan for the hours {plan.first} to {plan.end} (exclusive)"
    for part in parts(plan):
        yield f"{part.title}:"
        yield from (f"  {line}" for line in part.lines)
    yield _in_all(plan)
    yield from caveats(plan)


def parts(plan: Plan) -> tuple[Part, ...]:
    """Return what is done with which hours, in order; parts without hours are left out."""
    found: list[tuple[str, list[Step]]] = [
        ("before them, for they cannot be run otherwise", []),
        ("asked for", []),
        ("behind them, for it stands on what is run", []),
    ]
    for step in plan.steps:
        place = 0 if step.hour < plan.first else 1 if step.hour < plan.end else 2
        found[place][1].append(step)
    return tuple(Part(title, tuple(_lines(steps))) for title, steps in found if steps)


def caveats(plan: Plan) -> Iterator[str]:
    """Yield what the sums of a plan leave out, and what keeps it from being run."""
    if plan.range is None:
        return
    if plan.unseen:
        yield f"not in these sums: {_hours(plan.unseen)} that lie too far behind"
    if plan.blocked:
        yield f"NOTHING is run before the objects of {_hours(len(plan.blocked))} are restored"
    yield _NO_TIMES


def commands(plan: Plan, config: str) -> tuple[str, ...]:
    """Return the commands that do all of it, each by itself: here, or in Airflow.

    Parameters
    ----------
    plan : Plan
        What they do.
    config : str
        The pipeline's file.
    """
    if plan.range is None:
        return ()
    first, end = plan.range
    return (
        f"python -m sessionize run --config {shlex.quote(config)} --from {first} --to {end}",
        f"airflow dags backfill sessionize_{plan.name} -s {first}:00Z -e {end.previous}:00Z "
        "--reset-dagruns",
    )


def ways(plan: Plan, config: str, *, asked: bool = False) -> tuple[Way, ...]:
    """Return the commands that carry a plan out or try it, the one for Airflow first.

    Parameters
    ----------
    plan : Plan
        What they do.
    config : str
        The pipeline's file.
    asked : bool
        As the plan was made with.
    """
    if plan.range is None:
        return ()
    run, _ = commands(plan, config)
    backfill = (
        f"airflow dags backfill sessionize_{plan.name} -s {plan.first}:00Z "
        f"-e {plan.end.previous}:00Z --replay{' --reset-dagruns' if asked else ''}"
    )
    planned = (
        f"python -m sessionize plan --config {shlex.quote(config)} --from {plan.first} "
        f"--to {plan.end}{' --all' if asked else ''}"
    )
    return (
        Way("in Airflow: it plans anew, shows the plan, asks, and runs it", backfill),
        Way(
            "in a terminal, while the DAG is paused: it plans anew, and leaves hours as they are "
            "once the state comes out as before",
            f"{planned} --execute",
        ),
        Way("in a terminal, while the DAG is paused: all of these hours, need be or not", run),
        Way(
            "in a terminal, to see what would be otherwise: a dry run of the first three hours, "
            "which publishes nothing",
            f"{planned} --dry-run-hours 3",
        ),
    )


def _lines(steps: Sequence[Step]) -> Iterator[Line]:
    for text, alike in itertools.groupby(steps, _text):
        group = list(alike)
        first, last = group[0], group[-1]
        end = last.end if isinstance(last, Gap) else last.hour.next
        works = [getattr(step, "work", None) for step in group]
        known = [work for work in works if work is not None]
        yield Line(
            first=first.hour,
            end=end,
            hours=(end.start - first.hour.start) // timedelta(hours=1),
            step=type(first).__name__,
            says=text,
            reads=_reads(known) if known else None,
        )


def _text(step: Step) -> str:
    match step:
        case LeaveAlone():
            return "left alone: run again, it would come out as it is"
        case RunHour():
            return "run: it never has been"
        case RunAgain():
            return f"run again: {_why(step.reasons)}"
        case RunIfOutdated(work=None):
            return "run again, unless the state comes out as it was; too far behind to be summed up"
        case RunIfOutdated():
            return "run again, unless the state of the hour before comes out as it was"
        case Blocked():
            why = f" ({_why(step.reasons)})" if step.reasons else ""
            return f"CANNOT be run again{why}: gone are {_some(step.gone)}"
        case Gap():
            return "a gap in the chain: never run, though later hours have been"


def _why(reasons: Iterable[Reason]) -> str:
    return ", ".join(_WHY[reason] for reason in reasons)


def _in_all(plan: Plan) -> str:
    if plan.range is None:
        return "nothing to run"
    perhaps = sum(isinstance(run, RunIfOutdated) for run in plan.runs)
    certain = len(plan.runs) - perhaps
    sums = f"in all: {_hours(certain)} to run, {_reads([plan.work(if_outdated=False)])}"
    if perhaps:
        sums += f"; and {_hours(perhaps)} if need be, {_reads([plan.work(if_outdated=True)])}"
    return sums


def _reads(works: Iterable[Work]) -> str:
    work = sum(works, Work())
    new = f" and those of {work.uncounted:,} objects not read yet" if work.uncounted else ""
    return f"{work.objects:,} objects, {work.bytes:,} bytes, {work.records:,} records{new}"


def _hours(count: int) -> str:
    return "1 hour" if count == 1 else f"{count:,} hours"


def _some(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - 1:,} more" if len(keys) > 1 else ""
    return f"{keys[0]}{more}"
