"""What a day is made of: its hours, once all of them are done, and the day before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sessionize.config import PipelineConfig
from sessionize.daily.ledger import NO_MACHINES, DayLedger
from sessionize.daily.records import day_hours, first_day, read_record, recorded_days
from sessionize.lake.layout import Lake
from sessionize.lake.ledger import Ledger
from sessionize.lake.storage import side_by_side
from sessionize.model.days import ONE_DAY
from sessionize.model.errors import DayNotReadyError
from sessionize.pipeline.status import HourState, pipeline_status


@dataclass(frozen=True)
class Inputs:
    """What a day is made of.

    Attributes
    ----------
    day : date
    hours : tuple of Ledger
        Those of the day's hours, in order.
    before : DayLedger or None
        That of the day before; None on the pipeline's first day, which begins with no machines.
    """

    day: date
    hours: tuple[Ledger, ...]
    before: DayLedger | None

    @property
    def fingerprints(self) -> dict[str, str]:
        """The SHA-256 of each hour's sessions."""
        return sessions_of(self.hours)

    @property
    def machines_before(self) -> str:
        """The SHA-256 of the machines of the day before."""
        return self.before.machines.sha256 if self.before else NO_MACHINES

    @property
    def sessions(self) -> int:
        """How many sessions the hours have closed."""
        return sum(ledger.published["sessions"].rows for ledger in self.hours)


def inputs_of(lake: Lake, config: PipelineConfig, day: date) -> Inputs:
    """Find what a day is made of.

    Reads the ledgers of its hours and of those of the day before, and two of days.

    Raises
    ------
    DayNotReadyError
        If an hour is missing, outdated or interrupted, or the day before is: the error names the
        hours or days to run first.
    IntervalError
        If the pipeline has no hour in the day.
    """
    hours = day_hours(config, day)
    done = lake.done_hours(day)
    found = list(pipeline_status(lake, config, hours[0], hours[-1].next, done))
    missing = [entry.hour for entry in found if entry.ledger is None]
    if missing:
        raise DayNotReadyError(
            f"{day} cannot be made: {len(missing)} of its {len(hours)} hours have not been run",
            f"Run the hours {missing[0]} to {missing[-1]} first, in order.",
        )
    unfit = [entry.hour for entry in found if entry.state is not HourState.DONE]
    if unfit:
        first = min([unfit[0], *(hour for hour in lake.marks() if hour < unfit[0])])
        raise DayNotReadyError(
            f"{day} cannot be made: {len(unfit)} of its hours are outdated or interrupted",
            f"Run the hours {first} to {unfit[-1]} again, in order, then the day.",
        )
    ledgers = tuple(entry.ledger for entry in found if entry.ledger is not None)
    return Inputs(day, ledgers, _day_before(lake, config, day))


def is_ready(lake: Lake, config: PipelineConfig, day: date) -> bool:
    """Tell whether all hours of a day are done, and none up to its end is marked.

    Costs two listings; `inputs_of` looks closer.
    """
    hours = day_hours(config, day)
    return set(hours) <= set(lake.done_hours(day)) and not any(
        marked <= hours[-1] for marked in lake.marks()
    )


def is_due(lake: Lake, config: PipelineConfig, day: date) -> bool:
    """Tell whether a day is ready, and is not made yet of what there is now."""
    return is_ready(lake, config, day) and not stands(lake, config, day)


def stands(lake: Lake, config: PipelineConfig, day: date) -> bool:
    """Tell whether a day is done: published, and made of what there is now."""
    ledger = read_record(lake, day).ledger
    return ledger is not None and is_current(lake, config, ledger)


def is_current(lake: Lake, config: PipelineConfig, ledger: DayLedger) -> bool:
    """Tell whether a day is made of what its hours and the day before it hold now."""
    hours = day_hours(config, ledger.day)
    found = side_by_side(lake.storage, lake.ledger, hours)
    now = sessions_of([hour for hour in found if hour is not None])
    return ledger.hours == now and ledger.machines_before == machines_before(
        lake, config, ledger.day
    )


def machines_before(lake: Lake, config: PipelineConfig, day: date) -> str | None:
    """Return the SHA-256 of the machines that a day goes on from; None without the day before."""
    if day == first_day(config):
        return NO_MACHINES
    before = read_record(lake, day - ONE_DAY).ledger
    return before.machines.sha256 if before else None


def sessions_of(hours: tuple[Ledger, ...] | list[Ledger]) -> dict[str, str]:
    """Return the SHA-256 of the sessions of some hours, by hour."""
    return {str(hour.hour): hour.published["sessions"].sha256 for hour in hours}


def first_missing_day(lake: Lake, config: PipelineConfig, day: date) -> date:
    """Return the first of the days without a record that lie right before ``day``; or ``day``."""
    recorded = [earlier for earlier in recorded_days(lake) if earlier < day]
    return max(recorded[-1] + ONE_DAY, first_day(config)) if recorded else first_day(config)


def _day_before(lake: Lake, config: PipelineConfig, day: date) -> DayLedger | None:
    if day == first_day(config):
        return None
    before = day - ONE_DAY
    record = read_record(lake, before)
    if record.ledger is None and not record.is_noted:
        first = first_missing_day(lake, config, day)
        raise DayNotReadyError(
            f"{day} goes on from the machines of {before}, which has not been made",
            f"Run the days {first} to {before} first, in order: "
            f"python -m sessionize daily --from {first} --to {day}.",
        )
    if record.ledger is None or not is_current(lake, config, record.ledger):
        how = "was interrupted" if record.ledger is None else "is outdated"
        raise DayNotReadyError(
            f"{day} goes on from the machines of {before}, which {how}",
            f"Run the day {before} again first: python -m sessionize daily --date {before}.",
        )
    return record.ledger
