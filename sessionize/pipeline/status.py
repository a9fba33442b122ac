"""Where a pipeline stands, hour by hour, read from its ledgers and marks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sessionize.config import PipelineConfig
from sessionize.lake.claims import read_claim
from sessionize.lake.layout import Lake
from sessionize.lake.ledger import NO_STATE, Ledger
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


def pipeline_status(
    lake: Lake, config: PipelineConfig, first: Hour | None = None, end: Hour | None = None
) -> Iterator[HourStatus]:
    """Yield the status of the hours in ``[first, end)``, in order.

    An hour is outdated if it stands on another state than its predecessor has by now, or on an
    outdated hour.

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
    before = lake.ledger(first.previous) if first > config.start else None
    expected = before.state_fingerprint if before else NO_STATE
    outdated = any(marked < first for marked in marks)
    for hour in hours_between(first, end):
        ledger = lake.ledger(hour) if hour in done else None
        if ledger is None:
            # What stands behind a gap is judged by its own predecessors only.
            yield HourStatus(hour, HourState.MISSING, None)
            continue
        stands_on_another = hour.previous in done and ledger.previous_state != expected
        if hour == config.start:
            stands_on_another = ledger.previous_state != NO_STATE
        outdated = outdated or stands_on_another
        if "interrupted" in marks.get(hour, ()) or has_unread(lake, config, ledger):
            state = HourState.INTERRUPTED
        else:
            state = HourState.OUTDATED if outdated else HourState.DONE
        outdated = outdated or state is not HourState.DONE
        yield HourStatus(hour, state, ledger)
        expected = ledger.state_fingerprint


def has_unread(lake: Lake, config: PipelineConfig, ledger: Ledger) -> bool:
    """Tell whether the hour has claimed objects that its published run has not read."""
    claim = read_claim(lake, ledger.hour, config)
    read = {entry.key for entry in ledger.claimed}
    return claim is not None and any(entry.key not in read for entry in claim.objects)
