"""The plan of a replay: decided here, from what is known of the hours, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sessionize.lake.migrations import FORMAT
from sessionize.lake.storage import StoredObject
from sessionize.model.hours import Hour
from sessionize.pipeline.status import HourState, HourStatus
from sessionize.replay.steps import (
    Blocked,
    Gap,
    LeaveAlone,
    Reason,
    Run,
    RunAgain,
    RunHour,
    RunIfOutdated,
    Step,
    Work,
)


@dataclass(frozen=True)
class HourFacts:
    """What is known of an hour.

    Attributes
    ----------
    status : HourStatus
    claimed : tuple of StoredObject
        Its claim, as far as the objects are still there, as they are there now.
    claimable : tuple of StoredObject
        What a run of the hour would claim besides: objects that no run holds.
    replaced : bool
        Whether an object of the claim is another one by now.
    gone : tuple of str
        Keys of the claim that are no longer there.
    """

    status: HourStatus
    claimed: tuple[StoredObject, ...] = ()
    claimable: tuple[StoredObject, ...] = ()
    replaced: bool = False
    gone: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What a replay of the hours ``[first, end)`` takes; nothing has been run yet.

    Attributes
    ----------
    name : str
        The pipeline.
    first, end : Hour
        What was asked for, half-open.
    steps : tuple of Step
        In the order of the hours. Steps before ``first`` have to be done for the hours asked for to
        be run at all; steps from ``end`` on, because they stand on hours that are run, or are not
        in order themselves: afterwards all that has been run is, from ``first`` on.
    """

    name: str
    first: Hour
    end: Hour
    steps: tuple[Step, ...]

    @property
    def runs(self) -> tuple[Run, ...]:
        """The hours that are run, some of them only if need be; without a gap between them."""
        return tuple(
            step for step in self.steps if isinstance(step, RunHour | RunAgain | RunIfOutdated)
        )

    @property
    def blocked(self) -> tuple[Blocked, ...]:
        """The hours that cannot be run."""
        return tuple(step for step in self.steps if isinstance(step, Blocked))

    @property
    def range(self) -> tuple[Hour, Hour] | None:
        """The half-open range of all hours that are run, or would be; None if none is."""
        hours = [step.hour for step in (*self.runs, *self.blocked)]
        return (min(hours), max(hours).next) if hours else None

    def work(self, *, if_outdated: bool) -> Work:
        """Sum up what the runs read: of those that depend on the hours before, or of the others."""
        works = (r.work for r in self.runs if isinstance(r, RunIfOutdated) is if_outdated)
        return sum((work for work in works if work is not None), Work())

    @property
    def unseen(self) -> int:
        """How many hours are in no sum, since they lie farther than has been looked."""
        return sum(run.work is None for run in self.runs)


def plan(
    name: str,
    facts: Sequence[HourFacts],
    first: Hour,
    end: Hour,
    settings: str,
    *,
    unseen: Iterable[Hour] = (),
    asked: bool = False,
) -> Plan:
    """Decide which hours are run.

    Parameters
    ----------
    name : str
        The pipeline.
    facts : sequence of HourFacts
        In order and without a gap: from the first hour that has to be run for ``first`` to be
        (``first`` itself where all before it is in order) to the last that has been run, or that
        was asked for, or looked at.
    first, end : Hour
        The hours asked for, half-open.
    settings : str
        The fingerprint of the settings under which hours will be run.
    unseen : iterable of Hour
        The hours behind ``facts``, up to the last that has been run.
    asked : bool
        Whether the hours asked for are run in any case.
    """
    followed = max([entry.status.hour for entry in facts if entry.status.ledger], default=None)
    unseen = tuple(unseen)
    followed = max(unseen, default=followed)
    steps: list[Step] = []
    taken: set[str] = set()
    is_running = is_in_gap = False
    for entry in facts:
        hour, ledger = entry.status.hour, entry.status.ledger
        new = [found for found in entry.claimable if found.key not in taken]
        is_asked_for = first <= hour < end
        reasons = _reasons(entry, settings, has_new=bool(new), is_asked_for=is_asked_for)
        if asked and is_asked_for:
            reasons = (Reason.ASKED, *reasons)
        is_due = ledger is None or bool(reasons)
        if hour >= end and not is_running and not is_due:
            continue
        if ledger is None:
            if not is_in_gap and followed is not None and hour < followed:
                steps.append(Gap(hour, _end_of_gap(facts, hour)))
            steps.append(RunHour(hour, _work(entry, new)))
        elif entry.gone and (reasons or is_running):
            steps.append(Blocked(hour, reasons, entry.gone))
        elif reasons:
            steps.append(RunAgain(hour, reasons, _work(entry, new)))
        elif is_running:
            steps.append(RunIfOutdated(hour, _work(entry, new)))
        else:
            steps.append(LeaveAlone(hour))
        is_in_gap = ledger is None
        if is_due:
            is_running = True
            taken |= {found.key for found in new}
    if is_running:
        steps += [RunIfOutdated(hour, None) for hour in unseen]
    return Plan(name, first, end, tuple(steps))


def _reasons(
    entry: HourFacts, settings: str, *, has_new: bool, is_asked_for: bool
) -> tuple[Reason, ...]:
    """Say why an hour that has been run has to be run again, by itself.

    Of an hour that was not asked for only what keeps the hours behind it from being run counts.
    """
    status, ledger = entry.status, entry.status.ledger
    if ledger is None:
        return ()
    holds = {
        Reason.INTERRUPTED: status.state is HourState.INTERRUPTED,
        Reason.OUTDATED: status.state is HourState.OUTDATED and not status.inherited,
        Reason.SETTINGS: is_asked_for and ledger.settings != settings,
        Reason.RELEASE: is_asked_for and ledger.format != FORMAT,
        Reason.NEW_OBJECTS: is_asked_for and has_new,
        Reason.REPLACED: is_asked_for and entry.replaced,
    }
    return tuple(reason for reason, is_so in holds.items() if is_so)


def _work(entry: HourFacts, new: Sequence[StoredObject]) -> Work:
    ledger = entry.status.ledger
    records = {one.key: one.records for one in ledger.claimed} if ledger else {}
    objects = [*entry.claimed, *(one for one in new if one not in entry.claimed)]
    return Work(
        objects=len(objects),
        bytes=sum(found.size for found in objects),
        records=sum(records.get(found.key, 0) for found in objects),
        uncounted=sum(found.key not in records for found in objects),
    )


def _end_of_gap(facts: Sequence[HourFacts], first: Hour) -> Hour:
    end = first
    for entry in facts:
        if entry.status.hour == end and entry.status.ledger is None:
            end = end.next
    return end


def to_json(plan: Plan) -> dict[str, Any]:
    """Return the plan as a JSON document: its steps by name, hours as texts."""

    def of_step(step: Step) -> dict[str, Any]:
        values = {key: str(v) if isinstance(v, Hour) else v for key, v in asdict(step).items()}
        return {"step": type(step).__name__, **values}

    found = plan.range
    return {
        "pipeline": plan.name,
        "from": str(plan.first),
        "to": str(plan.end),
        "steps": [of_step(step) for step in plan.steps],
        "run": {"from": str(found[0]), "to": str(found[1])} if found else None,
        "work": asdict(plan.work(if_outdated=False)),
        "work_if_outdated": asdict(plan.work(if_outdated=True)),
        "unseen": plan.unseen,
    }
