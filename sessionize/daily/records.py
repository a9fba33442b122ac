"""The records of days: which days there are, and what is said of each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from sessionize.config import PipelineConfig
from sessionize.daily.ledger import DayLedger
from sessionize.lake.layout import Lake
from sessionize.lake.storage import ABSENT
from sessionize.model.days import day_of, day_partition, hours_of, parse_day
from sessionize.model.errors import IntervalError
from sessionize.model.hours import Hour

_KEY = re.compile(r"_days/dt=([^/]+)\.json", re.ASCII)


@dataclass(frozen=True)
class DayRecord:
    """What is recorded of a day.

    Attributes
    ----------
    ledger : DayLedger or None
        None if the day has not been published, or is being published, or an attempt to do so has
        been broken off.
    version : str
        The version of the record's object.
    """

    ledger: DayLedger | None
    version: str

    @property
    def is_noted(self) -> bool:
        """Whether the record is there without a ledger: the note of such an attempt."""
        return self.ledger is None and self.version != ABSENT


def record_key(day: date) -> str:
    """Return the key of a day's record."""
    return f"_days/{day_partition(day)}.json"


def read_record(lake: Lake, day: date) -> DayRecord:
    """Return what is recorded of a day.

    Raises
    ------
    ForeignFileError, NewerFormatError
        If that is nothing that this release understands.
    """
    key = record_key(day)
    document, version = lake.read_json_version(key)
    place = f"{lake.storage.url}/{key}"
    return DayRecord(None if document is None else DayLedger.decode(document, place, day), version)


def recorded_days(lake: Lake) -> list[date]:
    """Return the days that have a record, in order."""
    days = []
    for entry in lake.storage.list("_days/"):
        match = _KEY.fullmatch(entry.key)
        try:
            days += [parse_day(match[1])] if match else []
        except IntervalError:
            continue
    return days


def first_day(config: PipelineConfig) -> date:
    """Return the pipeline's first day, which may begin after midnight."""
    return day_of(config.start)


def is_of(config: PipelineConfig, hour: Hour) -> bool:
    """Tell whether an hour is one of the pipeline's."""
    return hour >= config.start and (config.end is None or hour < config.end)


def day_hours(config: PipelineConfig, day: date) -> list[Hour]:
    """Return the pipeline's hours in a day; the first and the last day may have fewer than 24.

    Raises
    ------
    IntervalError
        If it has none.
    """
    hours = [hour for hour in hours_of(day) if is_of(config, hour)]
    if not hours:
        raise IntervalError(
            f"{day} is no day of {config.name!r}, which begins with {config.start}"
            + (f" and ends before {config.end}" if config.end else ""),
            "Run a day that has hours of the pipeline.",
        )
    return hours
