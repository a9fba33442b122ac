"""The ledger: what a run claimed, read, wrote and carried, and the equations that must hold."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

from sessionize.lake.migrations import FORMAT, LEDGERS, format_of, migrate
from sessionize.model.errors import ForeignFileError, IntervalError, UnbalancedError
from sessionize.model.hours import Hour

#: The fingerprint of the state before a pipeline's first hour.
NO_STATE = "empty"


@dataclass(frozen=True)
class WrittenFile:
    """A file of the lake: its key, rows, bytes and SHA-256."""

    key: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class ObjectCounts:
    """What one claimed object held."""

    key: str
    size: int
    records: int
    valid: int
    quarantined: int


@dataclass(frozen=True)
class Counts:
    """The numbers of a run.

    ``events_open_before``, ``events_closed`` and ``events_open`` count the events in the sessions
    open before the run, closed by it, and open after it.
    """

    records_read: int
    valid: int
    quarantined: int
    pending_before: int
    settled: int
    late: int
    duplicates: int
    pending_after: int
    sessions_closed: int
    sessions_open: int
    events_open_before: int
    events_closed: int
    events_open: int

    def check(self) -> None:
        """Hold the numbers against the equations of contract §4.

        Raises
        ------
        UnbalancedError
            If one does not hold.
        """
        equations = {
            "records read = valid + quarantined": (
                self.records_read,
                self.valid + self.quarantined,
            ),
            "valid + pending before = settled + late + duplicates + pending after": (
                self.valid + self.pending_before,
                self.settled + self.late + self.duplicates + self.pending_after,
            ),
            "events in sessions open before + settled = in sessions closed + in sessions open": (
                self.events_open_before + self.settled,
                self.events_closed + self.events_open,
            ),
        }
        for equation, (left, right) in equations.items():
            if left != right:
                raise UnbalancedError(
                    f"the run does not add up: {equation} would be {left} = {right} ({self})",
                    "Nothing was published. This is a defect: report it, and keep the hour's raw "
                    "objects and the state of the hour before.",
                )


@dataclass(frozen=True)
class Ledger:
    """The record of one published run; the same run always leaves the same ledger.

    ``format`` is that of the release which ran the hour, and of the state that it left.
    """

    pipeline: str
    hour: Hour
    settings: str
    watermark: str
    previous_state: str
    counts: Counts
    quarantined_by_reason: dict[str, int]
    closed_by_reason: dict[str, int]
    claimed: tuple[ObjectCounts, ...]
    published: dict[str, WrittenFile]
    state: dict[str, WrittenFile] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def state_fingerprint(self) -> str:
        """Name the state's content: equal fingerprints, equal states."""
        return fingerprint(self.state)

    @property
    def files(self) -> list[WrittenFile]:
        """All files that the run has written."""
        return [*self.published.values(), *self.state.values()]

    @property
    def fingerprint(self) -> str:
        """Name the whole run: equal fingerprints, equal ledgers."""
        return hashlib.sha256(json.dumps(self.encode()).encode()).hexdigest()[:16]

    def encode(self) -> dict[str, Any]:
        """Return the JSON document."""
        document = {"format": self.format, **asdict(self)}
        document["hour"] = str(self.hour)
        document["state_fingerprint"] = self.state_fingerprint
        return document

    @classmethod
    def decode(cls, document: Any, place: str, hour: Hour | None = None) -> Ledger:
        """Read the JSON document that :meth:`encode` wrote, in this release or an earlier one.

        Raises
        ------
        ForeignFileError
            If the document is not a ledger, or not that of ``hour``, if given.
        NewerFormatError
            If a newer release has written it.
        """
        if not isinstance(document, dict) or "format" not in document:
            raise _not_a_ledger(place, "no format")
        written_in = format_of(document, place)
        document = migrate(LEDGERS, document, place)
        try:
            values = {
                name: value for name, value in document.items() if name != "state_fingerprint"
            }
            ledger = cls(
                **values
                | {
                    "hour": Hour.parse(document["hour"]),
                    "counts": _typed(Counts(**document["counts"])),
                    "claimed": tuple(
                        _typed(ObjectCounts(**entry)) for entry in document["claimed"]
                    ),
                    "published": _files(document["published"]),
                    "state": _files(document["state"]),
                    "format": written_in,
                }
            )
            for name in ("pipeline", "settings", "watermark", "previous_state"):
                _check_type(name, getattr(ledger, name), str)
            for tally in (ledger.quarantined_by_reason, ledger.closed_by_reason):
                for reason, count in tally.items():
                    _check_type(reason, count, int)
        except (AttributeError, KeyError, TypeError, IntervalError) as error:
            raise _not_a_ledger(place, repr(error)) from error
        if hour is not None and ledger.hour != hour:
            raise _not_a_ledger(place, f"it is that of {ledger.hour}")
        return ledger


_Record = TypeVar("_Record", WrittenFile, ObjectCounts, Counts)


def fingerprint(state: dict[str, WrittenFile]) -> str:
    """Name the content of a state's files."""
    text = "\n".join(f"{name} {file.sha256}" for name, file in sorted(state.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _not_a_ledger(place: str, why: str) -> ForeignFileError:
    return ForeignFileError(
        f"{place} is not a ledger of this project ({why})",
        "Restore it from a backup, or move it away and run its hour again.",
    )


def _files(document: dict[str, Any]) -> dict[str, WrittenFile]:
    return {name: _typed(WrittenFile(**entry)) for name, entry in document.items()}


def _typed(record: _Record) -> _Record:
    """Return a record of texts and numbers if that is what it holds."""
    for column in fields(record):
        # Annotations are kept as texts.
        kind = int if column.type == "int" else str
        _check_type(column.name, getattr(record, column.name), kind)
    return record


def _check_type(name: str, value: object, kind: type) -> None:
    if type(value) is not kind:
        raise TypeError(f"{name} is {value!r:.50}")
