"""The ledger of a day: what it was made of, and the files that it has written.

``_days/dt=….json`` holds it. While the day's files are being replaced, that record holds a *note*
of the attempt that does so: see `daily.commit`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any

import pyarrow as pa

from sessionize.lake.ledger import WrittenFile
from sessionize.model.days import parse_day
from sessionize.model.errors import (
    ForeignFileError,
    IntervalError,
    NewerFormatError,
    UnbalancedError,
)

#: Of the ledgers of days, and of the machines that they carry on.
DAY_FORMAT = 1
#: What stands for the machines before a pipeline's first day.
NO_MACHINES = "empty"


@dataclass(frozen=True)
class DayCounts:
    """The numbers of a day: its sessions, their events, its machines and all machines ever."""

    sessions: int
    events: int
    machines: int
    new_machines: int
    machines_before: int
    machines_after: int

    def check(self, sessions_closed: int) -> None:
        """Make sure that all sessions and machines are there, and once.

        Raises
        ------
        UnbalancedError
            If they are not.
        """
        machines = self.machines_before + self.new_machines
        if (self.sessions, self.machines_after) != (sessions_closed, machines):
            raise UnbalancedError(
                f"the day does not add up: {sessions_closed} sessions were closed in its hours, "
                f"and {machines} machines are known by its end ({self})",
                "Nothing was published. This is a defect: report it, and keep the files of the "
                "day's hours and of the day before.",
            )


@dataclass(frozen=True)
class DayLedger:
    """The record of a published day; the same day always leaves the same ledger.

    Attributes
    ----------
    pipeline : str
    day : date
    hours : dict of str to str
        The SHA-256 of the ``sessions`` file of each of the day's hours: what it was made of,
    machines_before : str
        and that of the day before's ``machines``, or `NO_MACHINES`.
    columns : str
        Names the columns that the day was made with.
    counts : DayCounts
    published : dict of str to WrittenFile
        By dataset.
    format : int
    """

    pipeline: str
    day: date
    hours: dict[str, str]
    machines_before: str
    columns: str
    counts: DayCounts
    published: dict[str, WrittenFile]
    format: int = DAY_FORMAT

    @property
    def machines(self) -> WrittenFile:
        """The file that the next day goes on from."""
        return self.published["machines"]

    @property
    def fingerprint(self) -> str:
        """Name the whole day: equal fingerprints, equal ledgers."""
        return hashlib.sha256(json.dumps(self.encode()).encode()).hexdigest()[:16]

    def encode(self) -> dict[str, Any]:
        """Return the JSON document."""
        return {"format": self.format, **asdict(self), "day": self.day.isoformat()}

    @classmethod
    def decode(cls, document: Any, place: str, day: date) -> DayLedger | None:
        """Read what is recorded of a day; None if it is the note of a publication under way.

        Raises
        ------
        ForeignFileError
            If it is not a record of this day.
        NewerFormatError
            If a newer release has written it.
        """
        number = document.get("format") if isinstance(document, dict) else None
        if type(number) is not int:
            raise _not_a_ledger(place, "no format")
        if number > DAY_FORMAT:
            raise NewerFormatError(
                f"{place} was written by a newer release of sessionize, in format {number}; this "
                f"release reads days up to format {DAY_FORMAT}",
                "Run the newer release, or remove what `_days/` holds and run all days again. "
                "Nothing was written.",
            )
        try:
            if parse_day(document["day"]) != day:
                raise ValueError(document["day"])
            if "publishing" in document:
                return None
            published = {name: WrittenFile(**file) for name, file in document["published"].items()}
            counts = DayCounts(**document["counts"])
            ledger = cls(**document | {"day": day, "counts": counts, "published": published})
            _check_types(ledger)
        except (AttributeError, KeyError, TypeError, ValueError, IntervalError) as error:
            raise _not_a_ledger(place, repr(error)) from error
        return ledger


def note(ledger: DayLedger) -> dict[str, Any]:
    """Return the record that says that a day's files are being replaced, and by what."""
    return {
        "format": ledger.format,
        "day": ledger.day.isoformat(),
        "publishing": ledger.fingerprint,
    }


def columns_fingerprint(schemas: Mapping[str, pa.Schema]) -> str:
    """Name the columns of a day's datasets and their types."""
    text = "\n".join(
        f"{dataset}.{field.name}: {field.type}"
        for dataset, schema in schemas.items()
        for field in schema
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _check_types(ledger: DayLedger) -> None:
    records: list[WrittenFile | DayCounts] = [ledger.counts, *ledger.published.values()]
    for record in records:
        for column in fields(record):
            # Annotations are kept as texts.
            kind = int if column.type == "int" else str
            if type(getattr(record, column.name)) is not kind:
                raise TypeError(column.name)
    given = [ledger.pipeline, ledger.machines_before, ledger.columns, *ledger.hours.values()]
    if not all(type(text) is str for text in given) or "machines" not in ledger.published:
        raise TypeError("a name is no text, or `machines` is missing")


def _not_a_ledger(place: str, why: str) -> ForeignFileError:
    return ForeignFileError(
        f"{place} is not a ledger of a day of this project ({why})",
        "Restore it from a backup, or move it away and run its day again.",
    )
