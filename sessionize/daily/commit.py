"""Commit: a day becomes visible, a file a dataset, and its ledger says when all of it is.

The record of the day, ``_days/dt=….json``, arbitrates. An attempt notes what is there, to the
version, before it reads what the day is made of. Then it puts a note of itself in the place of the
record that it has found, replaces the files, and puts the ledger in the place of its own note. So:

- a crash leaves the note: the day is *interrupted*, and the next attempt writes all of it anew;
- an attempt that lags behind finds another record than it has noted, and writes nothing; one whose
  note is replaced while it writes cannot put its ledger, and what it still writes is refused where
  the later one has written.

The files of the day before are never touched: a day that is broken off can be made again. The
published ``machines`` are themselves what the next day goes on from, held against the SHA-256 in
the ledger; a second copy would double what grows with all machines.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sessionize.daily.ledger import DayLedger, note
from sessionize.daily.records import DayRecord, read_record, record_key
from sessionize.lake.commit import is_intact
from sessionize.lake.layout import Lake
from sessionize.lake.ledger import WrittenFile
from sessionize.lake.storage import ABSENT, StoredObject, side_by_side
from sessionize.model.errors import OvertakenError
from sessionize.model.schemas import DAILY_DATASETS

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FoundDay:
    """What the lake holds of a day before it is made."""

    record: DayRecord
    files: dict[str, StoredObject]

    def damaged(self, lake: Lake) -> list[WrittenFile]:
        """Return the published files that are gone, or not as written to the byte; reads them."""
        files = list(self.record.ledger.published.values()) if self.record.ledger else []
        found = {entry.key: entry for entry in self.files.values()}
        intact = side_by_side(lake.storage, lambda file: is_intact(lake, file, found), files)
        return [file for file, is_right in zip(files, intact, strict=True) if not is_right]


def look(lake: Lake, day: date) -> FoundDay:
    """Note what there is of a day, to the version: nothing else will be replaced.

    Raises
    ------
    ForeignFileError
        If a partition of the day holds a file that is not the pipeline's.
    """
    return FoundDay(read_record(lake, day), lake.day_files(day, DAILY_DATASETS))


def commit_day(lake: Lake, found: FoundDay, ledger: DayLedger, files: Mapping[str, Path]) -> None:
    """Publish a day.

    Parameters
    ----------
    lake : Lake
        The pipeline's lake.
    found : FoundDay
        What there was before the day's inputs were read.
    ledger : DayLedger
        The day, which adds up.
    files : mapping of str to Path
        Each dataset's file, on local disk.

    Raises
    ------
    OvertakenError
        If another attempt publishes the day meanwhile, otherwise.
    StorageError
        If a write fails; running the day again completes it.
    """

    def upload(dataset: str) -> None:
        before = found.files.get(dataset)
        version = before.version if before else ABSENT
        lake.storage.upload(ledger.published[dataset].key, files[dataset], version)

    key = record_key(ledger.day)
    try:
        mine = lake.write_json(key, note(ledger), found.record.version)
        side_by_side(lake.storage, upload, ledger.published)
        lake.write_json(key, ledger.encode(), mine)
    except OvertakenError as error:
        raise OvertakenError(
            f"{ledger.day}: another attempt publishes the day with another outcome, and was "
            f"first: {error.fault}",
            "See where the day stands with `python -m sessionize daily --status`; run it again "
            "unless it is done.",
        ) from error
    # A killed writer may have left a nameless part of a file.
    lake.storage.tidy()
    log.info("%s: published: %s", ledger.day, ledger.counts)
