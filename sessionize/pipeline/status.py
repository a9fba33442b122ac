"""Where a pipeline stands, hour by hour, read from its ledgers and marks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sessionize.config import PipelineConfig
from sessionize.lake.chain import onwards, stands_on
from sessionize.lake.claims import read_claim
from sessionize.lake.layout import Lake
from sessionize.lake.ledger import Ledger
from sessionize.lake.storage import StoredObject, side_by_side
from sessionize.model.hours import Hour, hours_between

#: Hours that are read side by side.
_AT_ONCE = 64


class HourState(StrEnum):
    """What can be said of an hour.

    Interrupted: its publication was broken off, or objects that it has claimed since have not been
    read; run it again.
    """

    DONE = "done"
    MISSING = "missing"
    OUTDATED = "outdated"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class HourStatus:
    """An hour, its state, and the ledger of its last published run (None if missing).

    ``inherited``: see `Judged`.
    """

    hour: Hour
    state: HourState
    ledger: Ledger | None
    inherited: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """What the chain of states needs to know of an hour that has been run.

    Attributes
    ----------
    previous_state, state_fingerprint : str or None
        The state that it stands upon, and the one that it has left; None: not known (yet).
    has_unread : bool
        Whether it has claimed objects that its published run has not read.
    """

    previous_state: str | None
    state_fingerprint: str | None
    has_unread: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """How an hour stands.

    Attributes
    ----------
    hour : Hour
    state : HourState
    chain_broken : bool
        Whether it stands on another state than the hour before has by now.
    inherited : bool
        Whether it is outdated only because one before it is not done: it stays as it is if that
        one, run again, leaves the state that it left before.
    is_blocked : bool
        Whether it is missing, and another one has to be run before it can.
    """

    hour: Hour
    state: HourState
    chain_broken: bool = False
    inherited: bool = False
    is_blocked: bool = False


def pipeline_status(
    lake: Lake,
    config: PipelineConfig,
    first: Hour | None = None,
    end: Hour | None = None,
    done: Collection[Hour] | None = None,
) -> Iterator[HourStatus]:
    """Yield the status of the hours in ``[first, end)``, in order: see `judge`.

    Parameters
    ----------
    lake : Lake
        Its ledgers, claims and marks are read, a few hours' side by side.
    config : PipelineConfig
        ``start`` is used.
    first, end : Hour, optional
        Default: the pipeline's first hour, and the hour after the last that has been run.
    done : collection of Hour, optional
        Those of the hours that have a ledger, where it is known; default: listed.
    """
    published = set(lake.done_hours() if done is None else done)
    marks = lake.marks()
    first = first or config.start
    end = end or (max(published).next if published else first)
    read = _read(lake, config, published, hours_between(first, end))
    ledgers: dict[Hour, Ledger | None] = {}

    def link(hour: Hour) -> Link | None:
        # What lies before the hours that are shown is asked for its state alone.
        ledger, has_unread = (lake.ledger(hour), False) if hour < first else next(read)
        ledgers[hour] = ledger
        if ledger is None:
            return None
        return Link(ledger.previous_state, ledger.state_fingerprint, has_unread)

    for judged in judge(link, marks, config.start, first, end):
        ledger = ledgers.pop(judged.hour)
        yield HourStatus(judged.hour, judged.state, ledger, judged.inherited)


def judge(
    link: Callable[[Hour], Link | None],
    marks: Mapping[Hour, Collection[str]],
    start: Hour,
    first: Hour,
    end: Hour,
) -> Iterator[Judged]:
    """Yield how the hours in ``[first, end)`` stand, in order.

    An hour is outdated if it stands on another state than its predecessor has by now, is marked so,
    or stands on an hour that is not done.

    Parameters
    ----------
    link : callable
        What is known of an hour; None: it has not been run. Asked once for each hour, in order,
        from the one before ``first`` on.
    marks : mapping of Hour to str
        The marks of the lake.
    start : Hour
        The pipeline's first hour, which stands on no state.
    first, end : Hour
        The hours that are judged.
    """
    before = link(first.previous) if first > start else None
    outdated = any(marked < first for marked in marks)
    for hour in hours_between(first, end):
        found = link(hour)
        if found is None:
            # What stands behind a gap is judged by its own predecessors only.
            is_blocked = outdated or (hour > start and before is None)
            yield Judged(hour, HourState.MISSING, is_blocked=is_blocked)
            before = None
            continue
        is_known = hour == start or before is not None
        broken = is_known and not stands_on(found, None if hour == start else before)
        mark = marks.get(hour, ())
        if found.has_unread or "interrupted" in mark:
            yield Judged(hour, HourState.INTERRUPTED, broken)
            outdated = True
        elif broken or "outdated" in mark:
            yield Judged(hour, HourState.OUTDATED, broken)
            outdated = True
        elif outdated:
            yield Judged(hour, HourState.OUTDATED, inherited=True)
        else:
            yield Judged(hour, HourState.DONE)
        before = found


def hours_to_run(lake: Lake, lines: Iterable[HourStatus]) -> tuple[Hour, ...]:
    """Return what has to be run, in order, for the hours of a status to be done: see `lake.chain`.

    Nothing where they are, or where nothing that has been run stands on the first that is not.
    """
    undone = next((line.hour for line in lines if line.state is not HourState.DONE), None)
    return () if undone is None else onwards(lake.done_hours(), undone)


def _read(
    lake: Lake, config: PipelineConfig, done: set[Hour], hours: Iterator[Hour]
) -> Iterator[tuple[Ledger | None, bool]]:
    """Yield the ledger of each hour, and whether the hour has unread objects."""

    def read(hour: Hour) -> tuple[Ledger | None, bool]:
        ledger = lake.ledger(hour) if hour in done else None
        return ledger, ledger is not None and has_unread(lake, config, ledger)

    while some := list(itertools.islice(hours, _AT_ONCE)):
        yield from side_by_side(lake.storage, read, some)


def has_unread(lake: Lake, config: PipelineConfig, ledger: Ledger) -> bool:
    """Tell whether the hour has claimed objects that its published run has not read."""
    claim = read_claim(lake, ledger.hour, config)
    return claim is not None and holds_unread(claim.objects, ledger)


def holds_unread(claimed: Iterable[StoredObject], ledger: Ledger) -> bool:
    """Tell whether there is an object that the published run has not read."""
    read = {entry.key for entry in ledger.claimed}
    return any(entry.key not in read for entry in claimed)
