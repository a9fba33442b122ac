"""What is wrong with a pipeline, told by its ledgers, its settings and the time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sessionize.alerts.findings import (
    EmptyHours,
    Finding,
    InterruptedHour,
    LateEventsOverLimit,
    LateHours,
    OutdatedHours,
    QuarantinedOverLimit,
)
from sessionize.config import PipelineConfig
from sessionize.lake.layout import Lake
from sessionize.lake.ledger import Ledger
from sessionize.model.hours import Hour, hours_between
from sessionize.pipeline.status import HourState, HourStatus, pipeline_status

_ONE_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Look:
    """What a look at a pipeline has shown.

    Attributes
    ----------
    findings : tuple of Finding
    done : frozenset of Hour
        All hours that are published.
    first : Hour
        The first of the hours whose ledgers were read: what went wrong before is not seen, but for
        hours that are late.
    """

    findings: tuple[Finding, ...]
    done: frozenset[Hour]
    first: Hour


def look(lake: Lake, config: PipelineConfig, now: datetime) -> Look:
    """Read what the check needs of a lake, and return what is wrong.

    All ledgers are listed; those of ``alerts.look_back`` are read, up to the last one published.

    Raises
    ------
    StorageError, ForeignFileError
        If the lake cannot be read.
    """
    done = lake.done_hours()
    first, seen = config.start, []
    if done:
        back = math.ceil(config.alerts.look_back / _ONE_HOUR)
        first = max(config.start, Hour(done[-1].end - back * _ONE_HOUR))
        seen = list(pipeline_status(lake, config, first, done[-1].next, done))
    return Look(tuple(findings_of(done, seen, config, now)), frozenset(done), first)


def findings_of(
    done: Sequence[Hour], seen: Sequence[HourStatus], config: PipelineConfig, now: datetime
) -> list[Finding]:
    """Return what is wrong: a pure function of what is known of the hours.

    Parameters
    ----------
    done : sequence of Hour
        All hours that are published, in order.
    seen : sequence of HourStatus
        The hours that are looked at more closely, in order.
    config : PipelineConfig
        ``start``, ``end``, ``limits`` and ``alerts`` are used.
    now : datetime
        Aware.
    """
    return [
        *_late(set(done), config, now),
        *(_not_to_be_built_upon(seen) if config.alerts.outdated else ()),
        *_over_limits(seen, config),
        *(_empty(seen, config) if config.alerts.empty_hours else ()),
    ]


def _late(done: set[Hour], config: PipelineConfig, now: datetime) -> Iterator[Finding]:
    after = config.alerts.late_after
    if after is None:
        return
    # The hours that have ended `after` ago: those before this one.
    end = Hour.containing(now - after)
    if config.end is not None:
        end = min(end, config.end)
    missing = (hour for hour in hours_between(config.start, end) if hour not in done)
    for first, last in _rows(missing):
        yield LateHours(first, last, _count(first, last), after)


def _not_to_be_built_upon(seen: Iterable[HourStatus]) -> Iterator[Finding]:
    outdated = [status.hour for status in seen if status.state is HourState.OUTDATED]
    if outdated:
        yield OutdatedHours(outdated[0], outdated[-1], len(outdated))
    for status in seen:
        if status.state is HourState.INTERRUPTED:
            yield InterruptedHour(status.hour, status.hour, 1)


def _over_limits(seen: Iterable[HourStatus], config: PipelineConfig) -> Iterator[Finding]:
    ledgers = {status.hour: status.ledger for status in seen if status.ledger is not None}

    def over(
        limit: float | None, count_of: Callable[[Ledger], tuple[int, int]]
    ) -> Iterator[tuple[Hour, Hour, int, Hour, float, float, int, int]]:
        if limit is None:
            return
        counts = {hour: count_of(ledger) for hour, ledger in ledgers.items()}
        shares = {hour: count / max(of, 1) for hour, (count, of) in counts.items()}
        for first, last in _rows(hour for hour, share in shares.items() if share > limit):
            worst = max(hours_between(first, last.next), key=shares.__getitem__)
            yield first, last, _count(first, last), worst, shares[worst], limit, *counts[worst]

    for quarantined in over(
        config.limits.warn_quarantined, lambda it: (it.counts.quarantined, it.counts.records_read)
    ):
        by_reason = ledgers[quarantined[3]].quarantined_by_reason
        reasons = sorted(by_reason.items(), key=lambda item: (-item[1], item[0]))
        yield QuarantinedOverLimit(*quarantined, tuple(reasons))
    for late in over(config.limits.warn_late, lambda it: (it.counts.late, it.counts.valid)):
        yield LateEventsOverLimit(*late)


def _empty(seen: Iterable[HourStatus], config: PipelineConfig) -> Iterator[Finding]:
    empty = {
        status.hour: len(status.ledger.claimed)
        for status in seen
        if status.ledger is not None and not status.ledger.counts.records_read
    }
    for first, last in _rows(empty):
        objects = sum(empty[hour] for hour in hours_between(first, last.next))
        yield EmptyHours(first, last, _count(first, last), objects)


def _rows(hours: Iterable[Hour]) -> Iterator[tuple[Hour, Hour]]:
    """Yield the first and the last of each row of hours that follow one another."""
    first = last = None
    for hour in hours:
        if first is None or last is None:
            first = hour
        elif hour != last.next:
            yield first, last
            first = hour
        last = hour
    if first is not None and last is not None:
        yield first, last


def _count(first: Hour, last: Hour) -> int:
    return (last.end - first.start) // _ONE_HOUR
