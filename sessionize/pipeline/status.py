"""Where a pipeline stands, hour by hour, read from its ledgers and marks."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from sessionize.config import PipelineConfig
from sessionize.lake.chain import onwards, stands_on
from sessionize.lake.claims import read_claim
from sessionize.lake.layout import Lake
from sessionize.lake.ledger import Ledger
from sessionize.lake.storage import side_by_side
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

    ``inherited``: the hour is outdated only because one before it is not done; it stays as it is if
    that one, run again, leaves the state that it left before.
    """

    hour: Hour
    state: HourState
    ledger: Ledger | None
    inherited: bool = False


def pipeline_status(
    lake: Lake, config: PipelineConfig, first: Hour | None = None, end: Hour | None = None
) -> Iterator[HourStatus]:
    """Yield the status of the hours in ``[first, end)``, in order.

    An hour is outdated if it stands on another state than its predecessor has by now, is marked so,
    or stands on an hour that is not done.

    Parameters
    ----------
    lake : Lake
        Its ledgers, claims and marks are read, a few hours' side by side.
    config : PipelineConfig
        ``start`` is used.
    first, end : Hour, optional
        Default: the pipeline's first hour, and the hour after the last that has been run.
    """
    done = set(lake.done_hours())
    marks = lake.marks()
    first = first or config.start
    end = end or (max(done).next if done else first)
    before = lake.ledger(first.previous) if first > config.start else None
    outdated = any(marked < first for marked in marks)
    for hour, ledger, is_unread in _read(lake, config, done, hours_between(first, end)):
        if ledger is None:
            # What stands behind a gap is judged by its own predecessors only.
            yield HourStatus(hour, HourState.MISSING, None)
            before = None
            continue
        is_known = hour == config.start or before is not None
        stands = not is_known or stands_on(ledger, None if hour == config.start else before)
        is_outdated = not stands or "outdated" in marks.get(hour, ())
        if is_unread or "interrupted" in marks.get(hour, ()):
            yield HourStatus(hour, HourState.INTERRUPTED, ledger)
            outdated = True
        elif is_outdated or outdated:
            yield HourStatus(hour, HourState.OUTDATED, ledger, inherited=not is_outdated)
            outdated = True
        else:
            yield HourStatus(hour, HourState.DONE, ledger)
        before = ledger


def hours_to_run(lake: Lake, lines: Iterable[HourStatus]) -> tuple[Hour, ...]:
    """Return what has to be run, in order, for the hours of a status to be done: see `lake.chain`.

    Nothing where they are, or where nothing that has been run stands on the first that is not.
    """
    undone = next((line.hour for line in lines if line.state is not HourState.DONE), None)
    return () if undone is None else onwards(lake.done_hours(), undone)


def _read(
    lake: Lake, config: PipelineConfig, done: set[Hour], hours: Iterator[Hour]
) -> Iterator[tuple[Hour, Ledger | None, bool]]:
    """Yield each hour with its ledger, and whether it has unread objects."""

    def read(hour: Hour) -> tuple[Hour, Ledger | None, bool]:
        ledger = lake.ledger(hour) if hour in done else None
        return hour, ledger, ledger is not None and has_unread(lake, config, ledger)

    while some := list(itertools.islice(hours, _AT_ONCE)):
        yield from side_by_side(lake.storage, read, some)


def has_unread(lake: Lake, config: PipelineConfig, ledger: Ledger) -> bool:
    """Tell whether the hour has claimed objects that its published run has not read."""
    claim = read_claim(lake, ledger.hour, config)
    read = {entry.key for entry in ledger.claimed}
    return claim is not None and any(entry.key not in read for entry in claim.objects)
