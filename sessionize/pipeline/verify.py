"""A whole lake held against its ledgers: files to the byte, states upon those before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from sessionize.config import PipelineConfig
from sessionize.lake.chain import onwards, ranges, stands_on
from sessionize.lake.commit import is_intact
from sessionize.lake.layout import Lake
from sessionize.lake.ledger import Ledger, WrittenFile
from sessionize.lake.storage import StoredObject, side_by_side
from sessionize.model.errors import ForeignFileError, SessionizeError
from sessionize.model.hours import Hour, hour_of_partition, hours_between
from sessionize.pipeline.status import has_unread


class Remedy(StrEnum):
    """What mends a fault: its hour run again, that and all later ones, or what the fault says."""

    HOUR = "hour"
    ONWARDS = "onwards"
    BY_HAND = "by hand"


@dataclass(frozen=True)
class Fault:
    """Something in the lake that is not as its ledgers say.

    Attributes
    ----------
    hour : Hour
        The hour that it belongs to.
    what : str
        What is wrong, and with which file.
    remedy : Remedy
    """

    hour: Hour
    what: str
    remedy: Remedy


def faults_of(
    lake: Lake, config: PipelineConfig, first: Hour | None = None, end: Hour | None = None
) -> Iterator[Fault]:
    """Yield what is wrong in the hours ``[first, end)``, in order; nothing is changed.

    Reads every file of those hours. Each hour that has been run must have the files that its ledger
    names, with their sizes and SHA-256, and no other; it must stand on the state that the hour
    before has left, and carry no mark.

    Parameters
    ----------
    lake : Lake
        The pipeline's lake.
    config : PipelineConfig
        Names ``start``, and the datasets.
    first, end : Hour, optional
        Default: the pipeline's first hour, and the hour after the last of which there is anything.

    Raises
    ------
    StorageError
        If the lake cannot be read.
    """
    datasets = [*config.schemas.datasets, "_state"]
    there = _files_by_hour(lake, datasets)
    done, marks = set(lake.done_hours()), lake.marks()
    first = first or config.start
    known = [*there, *done, *marks]
    end = end or (max(known).next if known else first)
    before, fault = _ledger(lake, first.previous) if first.previous in done else (None, None)
    is_known = first == config.start or before is not None
    for hour in hours_between(first, max(first, end)):
        found = there.get(hour, {})
        ledger, fault = _ledger(lake, hour) if hour in done else (None, None)
        if fault:
            yield fault
        elif ledger is None:
            yield from _of_missing(lake, hour, found, is_followed=any(it > hour for it in done))
        else:
            yield from _of_files(lake, ledger, found)
            yield from _of_claim(lake, config, ledger)
            if is_known and not stands_on(ledger, before):
                upon = "an empty state" if hour == config.start else f"that of {hour.previous}"
                what = f"{hour} does not stand on {upon}, as it is now"
                yield Fault(hour, what, Remedy.ONWARDS)
        for mark in sorted(marks.get(hour, ())):
            yield Fault(hour, f"{hour} is marked as {mark}", Remedy.ONWARDS)
        before, is_known = ledger, ledger is not None


def hours_to_run(lake: Lake, faults: Iterable[Fault]) -> list[tuple[Hour, Hour]]:
    """Return which hours mend the faults, run again in order: half-open ranges."""
    done = lake.done_hours()
    hours: set[Hour] = set()
    first: Hour | None = None
    for fault in faults:
        if fault.remedy is not Remedy.BY_HAND:
            hours.add(fault.hour)
        if fault.remedy is Remedy.ONWARDS:
            first = fault.hour if first is None else min(first, fault.hour)
    return ranges(hours if first is None else hours.union(onwards(done, first)))


def _files_by_hour(lake: Lake, datasets: list[str]) -> dict[Hour, dict[str, StoredObject]]:
    """List the files of all partitions and states, by hour and key."""
    listed = side_by_side(lake.storage, lambda name: list(lake.storage.list(f"{name}/")), datasets)
    there: dict[Hour, dict[str, StoredObject]] = {}
    for entry in (entry for entries in listed for entry in entries):
        _, _, rest = entry.key.partition("/")
        folder, _, name = rest.rpartition("/")
        hour = hour_of_partition("/".join(folder.split("/")[:2]))
        if hour is not None and name and not name.startswith((".", "_")):
            there.setdefault(hour, {})[entry.key] = entry
    return there


def _ledger(lake: Lake, hour: Hour) -> tuple[Ledger | None, Fault | None]:
    try:
        return lake.ledger(hour), None
    except SessionizeError as error:
        return None, Fault(hour, str(error), Remedy.BY_HAND)


def _of_missing(
    lake: Lake, hour: Hour, found: dict[str, StoredObject], is_followed: bool
) -> Iterator[Fault]:
    if is_followed:
        yield Fault(hour, f"{hour} has no ledger, though later hours have", Remedy.ONWARDS)
    for key in sorted(found):
        what = f"{lake.storage.url}/{key} belongs to no published run"
        yield Fault(hour, what, Remedy.ONWARDS)


def _of_claim(lake: Lake, config: PipelineConfig, ledger: Ledger) -> Iterator[Fault]:
    try:
        if has_unread(lake, config, ledger):
            what = f"{ledger.hour} has claimed objects that its published run has not read"
            yield Fault(ledger.hour, what, Remedy.ONWARDS)
    except ForeignFileError as error:
        yield Fault(ledger.hour, str(error), Remedy.BY_HAND)


def _of_files(lake: Lake, ledger: Ledger, found: dict[str, StoredObject]) -> Iterator[Fault]:
    url = lake.storage.url

    def wrong_with(file: WrittenFile) -> str | None:
        if file.key not in found:
            return "is gone"
        if found[file.key].size != file.bytes:
            return f"has {found[file.key].size:,} bytes, not {file.bytes:,}"
        return None if is_intact(lake, file, found) else "is damaged: its SHA-256 is another one"

    for file, wrong in zip(
        ledger.files, side_by_side(lake.storage, wrong_with, ledger.files), strict=True
    ):
        if wrong:
            yield Fault(ledger.hour, f"{url}/{file.key} {wrong}", Remedy.HOUR)
    named = {file.key for file in ledger.files}
    for key in sorted(found.keys() - named):
        if key.startswith("_state/"):
            what = f"{url}/{key} is a state that no ledger names"
            yield Fault(ledger.hour, what, Remedy.HOUR)
        else:
            what = f"{url}/{key} is named by no ledger, and readers of the partition read it too"
            yield Fault(ledger.hour, f"{what}: move it away", Remedy.BY_HAND)
