"""Where a pipeline stands, hour by hour, read from its ledgers and marks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sessionize.config import PipelineConfig
from sessionize.lake.claims import read_claim
from sessionize.lake.layout import Lake
from sessionize.lake.ledger import NO_STATE, Ledger
from sessionize.lake.storage import StoredObject
from sessionize.model.hours import Hour, hours_between


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
    """An hour, its state, and the ledger of its last published run (None if missing)."""

    hour: Hour
    state: HourState
    ledger: Ledger | None


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
    """An hour's state, and whether its own link to the hour before is broken.

    ``is_blocked`` tells of an hour that is missing that another one has to be run before it can.
    """

    hour: Hour
    state: HourState
    chain_broken: bool = False
    is_blocked: bool = False


def pipeline_status(
    lake: Lake, config: PipelineConfig, first: Hour | None = None, end: Hour | None = None
) -> Iterator[HourStatus]:
    """Yield the status of the hours in ``[first, end)``, in order: see `judge`.

    Parameters
    ----------
    lake : Lake
        Its ledgers and marks are read.
    config : PipelineConfig
        ``start`` is used.
    first, end : Hour, optional
        Default: the pipeline's first hour, and the hour after the last that has been run.
    """
    done = set(lake.done_hours())
    marks = lake.marks()
    first = first or config.start
    end = end or (max(done).next if done else first)
    ledgers: dict[Hour, Ledger] = {}

    def link(hour: Hour) -> Link | None:
        ledgers.clear()
        ledger = lake.ledger(hour) if hour in done else None
        if ledger is None:
            return None
        ledgers[hour] = ledger
        # What lies before the hours that are shown is asked for its state alone.
        unread = hour >= first and has_unread(lake, config, ledger)
        return Link(ledger.previous_state, ledger.state_fingerprint, unread)

    for judged in judge(link, marks, config.start, first, end):
        yield HourStatus(judged.hour, judged.state, ledgers.get(judged.hour))


def judge(
    link: Callable[[Hour], Link | None],
    marks: Mapping[Hour, Collection[str]],
    start: Hour,
    first: Hour,
    end: Hour,
) -> Iterator[Judged]:
    """Yield how the hours in ``[first, end)`` stand, in order.

    An hour is outdated if it stands on another state than its predecessor has by now, or on an
    outdated hour.

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
        if hour == start:
            chain_broken = found.previous_state not in (NO_STATE, None)
        else:
            chain_broken = before is not None and _differ(found, before)
        outdated = outdated or chain_broken
        if "interrupted" in marks.get(hour, ()) or found.has_unread:
            state = HourState.INTERRUPTED
        else:
            state = HourState.OUTDATED if outdated else HourState.DONE
        outdated = outdated or state is not HourState.DONE
        yield Judged(hour, state, chain_broken)
        before = found


def _differ(found: Link, before: Link) -> bool:
    """Tell whether an hour is known to stand on another state than the one before has left."""
    states = (found.previous_state, before.state_fingerprint)
    return None not in states and states[0] != states[1]


def has_unread(lake: Lake, config: PipelineConfig, ledger: Ledger) -> bool:
    """Tell whether the hour has claimed objects that its published run has not read."""
    claim = read_claim(lake, ledger.hour, config)
    return claim is not None and holds_unread(claim.objects, ledger)


def holds_unread(claimed: Iterable[StoredObject], ledger: Ledger) -> bool:
    """Tell whether there is an object that the published run has not read."""
    read = {entry.key for entry in ledger.claimed}
    return any(entry.key not in read for entry in claimed)
