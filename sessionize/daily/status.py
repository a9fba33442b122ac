"""Where the days of a pipeline stand, read from the ledgers of days and hours."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sessionize.config import PipelineConfig
from sessionize.daily.inputs import machines_before, sessions_of
from sessionize.daily.ledger import DayLedger
from sessionize.daily.records import first_day, is_of, read_record, recorded_days
from sessionize.lake.layout import Lake
from sessionize.model.days import ONE_DAY, day_of, days_between, hours_of
from sessionize.pipeline.status import HourState, pipeline_status


class DayState(StrEnum):
    """What can be said of a day.

    Missing: its hours are done, it is not. Waiting: not all of its hours are done. Outdated: it has
    been made of other hours, or upon another day before, than there are now. Interrupted: its
    publication was broken off, or is under way.
    """

    DONE = "done"
    MISSING = "missing"
    OUTDATED = "outdated"
    INTERRUPTED = "interrupted"
    WAITING = "waiting"


@dataclass(frozen=True)
class DayStatus:
    """A day, how many of its hours are done, and its ledger, if it has been published."""

    day: date
    state: DayState
    hours_done: int
    hours: int
    ledger: DayLedger | None


def day_statuses(
    lake: Lake, config: PipelineConfig, first: date | None = None, end: date | None = None
) -> Iterator[DayStatus]:
    """Yield the status of the days in ``[first, end)``, in order.

    Parameters
    ----------
    lake : Lake
        Every ledger of those days and of their hours is read.
    config : PipelineConfig
        ``start`` and ``end`` are used.
    first, end : date, optional
        Default: the pipeline's first day, and the day after the last of which an hour is done.
    """
    first = max(first or first_day(config), first_day(config))
    hours = [h for day in days_between(first, end or _end(lake, config)) for h in hours_of(day)]
    hours = [hour for hour in hours if is_of(config, hour)]
    if not hours:
        return
    statuses = pipeline_status(lake, config, hours[0], hours[-1].next)
    outdated = False
    for day, of_day in itertools.groupby(statuses, lambda entry: day_of(entry.hour)):
        found = list(of_day)
        done = sum(entry.state is HourState.DONE for entry in found)
        record = read_record(lake, day)
        if record.ledger is None:
            missing = DayState.MISSING if done == len(found) else DayState.WAITING
            state = DayState.INTERRUPTED if record.is_noted else missing
        else:
            now = sessions_of([entry.ledger for entry in found if entry.ledger is not None])
            before = machines_before(lake, config, day)
            is_made_of_them = (record.ledger.hours, record.ledger.machines_before) == (now, before)
            stands = is_made_of_them and done == len(found) and not outdated
            state = DayState.DONE if stands else DayState.OUTDATED
        outdated = state is not DayState.DONE
        yield DayStatus(day, state, done, len(found), record.ledger)


def _end(lake: Lake, config: PipelineConfig) -> date:
    hours = [hour for hour in lake.done_hours() if is_of(config, hour)]
    known = [*(day_of(hour) for hour in hours[-1:]), *recorded_days(lake)[-1:]]
    return max(known) + ONE_DAY if known else first_day(config)


def outdated_after(lake: Lake, day: date) -> tuple[date, date]:
    """Return the days that hang on a day which has changed, half-open: all after it, to a gap."""
    recorded, end = set(recorded_days(lake)), day + ONE_DAY
    while end in recorded:
        end += ONE_DAY
    return day + ONE_DAY, end
