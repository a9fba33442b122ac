"""The days of a lake held against their ledgers: files to the byte, and what they are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sessionize.config import PipelineConfig
from sessionize.daily.commit import look
from sessionize.daily.status import DayState, day_statuses
from sessionize.lake.layout import Lake
from sessionize.model.errors import ForeignFileError


@dataclass(frozen=True)
class DayFault:
    """Something of a day that is not as its ledger says.

    Attributes
    ----------
    day : date
    what : str
        What is wrong.
    by_hand : bool
        Whether that says what to do; otherwise the day is run again.
    """

    day: date
    what: str
    by_hand: bool = False


def day_faults(
    lake: Lake, config: PipelineConfig, first: date | None = None, end: date | None = None
) -> Iterator[DayFault]:
    """Yield what is wrong with the days in ``[first, end)``, in order; nothing is changed.

    Reads every file of those days. A day that has not been made is no fault, unless files of it are
    there.

    Raises
    ------
    StorageError
        If the lake cannot be read.
    """
    for status in day_statuses(lake, config, first, end):
        if status.state in (DayState.OUTDATED, DayState.INTERRUPTED):
            yield DayFault(status.day, f"the day {status.day} is {status.state}")
        yield from _of_files(lake, status.day)


def _of_files(lake: Lake, day: date) -> Iterator[DayFault]:
    try:
        found = look(lake, day)
    except ForeignFileError as error:
        yield DayFault(day, str(error), by_hand=True)
        return
    if found.record.ledger is None and found.files and not found.record.is_noted:
        key = min(entry.key for entry in found.files.values())
        yield DayFault(day, f"{lake.storage.url}/{key} belongs to no published day")
    for file in found.damaged(lake):
        yield DayFault(day, f"{lake.storage.url}/{file.key} is gone or damaged")
