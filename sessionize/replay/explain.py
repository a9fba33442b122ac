"""A plan in words: what would be run and why, what it takes, and the commands that do it."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterable, Iterator, Sequence

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


def explained(plan: Plan) -> Iterator[str]:
    """Yield the lines that say what a plan does.

    Neighbouring hours of which the same is to be said share one.
    """
    yield f"{plan.name}: a plan for the hours {plan.first} to {plan.end} (exclusive)"
    parts: list[tuple[str, list[Step]]] = [
        ("before them, for they cannot be run otherwise:", []),
        ("asked for:", []),
        ("behind them, for it stands on what is run:", []),
    ]
    for step in plan.steps:
        place = 0 if step.hour < plan.first else 1 if step.hour < plan.end else 2
        parts[place][1].append(step)
    for title, steps in parts:
        if steps:
            yield title
            yield from (f"  {line}" for line in _lines(steps))
    yield from _sums(plan)


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


def _lines(steps: Sequence[Step]) -> Iterator[str]:
    for text, alike in itertools.groupby(steps, _text):
        group = list(alike)
        if isinstance(group[0], Gap):
            yield f"{_span([group[0].hour, group[0].end.previous])}: {text}"
            continue
        works = [getattr(step, "work", None) for step in group]
        known = [work for work in works if work is not None]
        reads = f"; reads {_reads(known)}" if known else ""
        yield f"{_span([step.hour for step in group])}: {text}{reads}"


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


def _sums(plan: Plan) -> Iterator[str]:
    certain = [run for run in plan.runs if not isinstance(run, RunIfOutdated)]
    if plan.range is None:
        yield "nothing to run"
        return
    sums = f"in all: {_hours(len(certain))} to run, {_reads([plan.work(if_outdated=False)])}"
    if perhaps := len(plan.runs) - len(certain):
        sums += f"; and {_hours(perhaps)} if need be, {_reads([plan.work(if_outdated=True)])}"
    yield sums
    if plan.unseen:
        yield f"not in these sums: {_hours(plan.unseen)} that lie too far behind"
    if plan.blocked:
        yield f"NOTHING is run before the objects of {_hours(len(plan.blocked))} are restored"
    yield _NO_TIMES


def _reads(works: Iterable[Work]) -> str:
    work = sum(works, Work())
    new = f" and those of {work.uncounted:,} objects not read yet" if work.uncounted else ""
    return f"{work.objects:,} objects, {work.bytes:,} bytes, {work.records:,} records{new}"


def _span(hours: Sequence[Hour]) -> str:
    first, last = hours[0], hours[-1]
    return str(first) if first == last else f"{first} to {last.next}"


def _hours(count: int) -> str:
    return "1 hour" if count == 1 else f"{count:,} hours"


def _some(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - 1:,} more" if len(keys) > 1 else ""
    return f"{keys[0]}{more}"
