"""The claims as they are written down, and the index that saves reading old ones.

===================================================  ===============================================
key                                                  what
===================================================  ===============================================
``_claims/dt=…/hour=….json``                         the objects that the hour's run reads
``_claims/dt=…/hour=….stragglers-of-HOUR.json``      which of the objects that landed under this
                                                     hour the run of ``HOUR`` has claimed
===================================================  ===============================================

The index. A run has to know which of the objects under the last 168 hours nobody has claimed. The
claim of hour ``h`` therefore carries a *proof* for each hour ``u`` before it: one digest over the
keys that lie under ``u``, and over the etags of the records that, between them, claim all of those
keys: the claim of ``u``, the notes beside it and the claims that these are of. Where the run of
``h`` + 1 comes upon the same digest, nothing under ``u`` is left to claim, and none of the records
is read. A proof hangs on no moment: it says "records of this content claim these keys". One that is
missing, or does not match, costs reads and nothing else.

A folder has no etags, so its lakes have no index: every claim is read, which costs little there.
(Modification times would do for a proof, but two runs of one hour would then differ.)
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sessionize.lake.layout import Lake
from sessionize.lake.storage import StoredObject, side_by_side
from sessionize.model.errors import ForeignFileError, IntervalError
from sessionize.model.hours import Hour, hour_of_partition

_RECORD = re.compile(r"_claims/(dt=[^/]+/hour=\d\d)(?:\.stragglers-of-([^/.]+))?\.json", re.ASCII)


@dataclass
class HourRecords:
    """The records of one hour, as a listing shows them."""

    claim: StoredObject | None = None
    notes: dict[Hour, StoredObject] = field(default_factory=dict)


@dataclass(frozen=True)
class Index:
    """What a claim says of the hours before it.

    Attributes
    ----------
    landed : int or None
        How many objects lie under all hours that are looked back to; None if that is not known.
    proofs : dict of Hour to str
    """

    landed: int | None = None
    proofs: dict[Hour, str] = field(default_factory=dict)

    def encode(self) -> dict[str, Any]:
        """Return the JSON document."""
        proofs = {str(hour): proof for hour, proof in sorted(self.proofs.items())}
        return {"landed": self.landed, "proofs": proofs}

    @classmethod
    def decode(cls, document: Any) -> Index:
        """Read what `encode` wrote; anything else is an index of nothing."""
        try:
            proofs = {Hour.parse(hour): str(proof) for hour, proof in document["proofs"].items()}
            return cls(int(document["landed"]), proofs)
        except (AttributeError, KeyError, TypeError, ValueError, IntervalError):
            return cls()


@dataclass(frozen=True)
class WrittenClaim:
    """What a claim says: the objects, and the settings under which the hour was claimed last.

    Claims of release 0.1 say nothing of settings.
    """

    objects: tuple[StoredObject, ...]
    settings: str = ""


class ClaimRecords:
    """The records of the hours from ``first`` to ``last``: listed at once, read when asked for."""

    def __init__(self, lake: Lake, first: Hour, last: Hour) -> None:
        self._lake = lake
        self._kept: tuple[Hour, set[str]] | None = None
        self._hours: dict[Hour, HourRecords] = {}
        # A listing a month: one a day would be eight requests for a week.
        listed = side_by_side(
            lake.storage,
            lambda month: list(lake.storage.list(f"_claims/dt={month}-")),
            _months(first, last),
        )
        for entry in (entry for month in listed for entry in month):
            match = _RECORD.fullmatch(entry.key)
            hour = hour_of_partition(match[1]) if match else None
            if match is None or hour is None or not first <= hour <= last:
                continue
            records = self._hours.setdefault(hour, HourRecords())
            if match[2] is None:
                records.claim = entry
            else:
                with contextlib.suppress(IntervalError):  # some other file
                    records.notes[Hour.parse(match[2])] = entry

    def is_claimed(self, hour: Hour) -> bool:
        """Tell whether the hour has a claim."""
        return self.of(hour).claim is not None

    @property
    def have_etags(self) -> bool:
        """Whether the store tells one content from another; a lake without claims yet: no."""
        return any(records.claim and records.claim.etag for records in self._hours.values())

    def claimed(self) -> list[Hour]:
        """Return the hours that have a claim, in order."""
        return sorted(hour for hour in self._hours if self.is_claimed(hour))

    def noted_by(self, hour: Hour) -> set[Hour]:
        """Return the hours beside whose claim the run of ``hour`` has left a note."""
        return {under for under, records in self._hours.items() if hour in records.notes}

    def of(self, hour: Hour) -> HourRecords:
        """Return the records of an hour, as they were listed."""
        return self._hours.get(hour, HourRecords())

    def owned(self, under: Hour, viewer: Hour) -> set[str]:
        """Return the objects of an hour that other runs than ``viewer``'s own have claimed.

        Those that the hour itself claims, and those that notes beside its claim speak of. A note is
        written before the claim: of an hour before ``viewer``, the claim counts.
        """
        keys: set[str] = set()
        if under != viewer:
            keys |= self.claimed_keys(under)
        for by, entry in self.of(under).notes.items():
            if by > viewer:
                keys |= self.note(entry)
            elif by < viewer and self.is_claimed(by):
                keys |= self.claimed_keys(by)
        return keys

    def index_of(self, hour: Hour) -> Index:
        """Return the index that an hour's claim carries; it may be empty.

        The claim's keys are kept, for they are asked for next.
        """
        document = _read(self._lake, hour) if self.is_claimed(hour) else None
        if document is None:
            return Index()
        self._kept = (hour, {entry.key for entry in _objects(self._lake, hour, document)})
        return Index.decode(document.get("index"))

    def claimed_keys(self, hour: Hour) -> set[str]:
        """Return the keys that the hour's claim holds."""
        if self._kept is not None and self._kept[0] == hour:
            return self._kept[1]
        return {entry.key for entry in read_objects(self._lake, hour) or ()}

    def note(self, entry: StoredObject) -> set[str]:
        """Read a note.

        Raises
        ------
        ForeignFileError
            If it is none.
        """
        keys = self._lake.read_json(entry.key)
        if keys is None:
            return set()
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise ForeignFileError(
                f"{self._lake.storage.url}/{entry.key} is not a list of object keys",
                "Restore it from a backup, or move it away and run the hour again.",
            )
        return set(keys)

    def proof(self, under: Hour, viewer: Hour, keys: Iterable[str]) -> str | None:
        """Name the records that speak of an hour's objects, and the keys that lie there.

        None where they prove nothing to every later run: a store without etags; a note of a run
        that is not before ``viewer``, or whose claim is not there.
        """
        records = self.of(under)
        named = [records.claim]
        for by, entry in sorted(records.notes.items()):
            named += [entry, self.of(by).claim if by < viewer else None]
        digest = hashlib.sha256()
        for record in named:
            if record is None or not record.etag:
                return None
            digest.update(f"{record.key} {record.etag}\n".encode())
        digest.update(json.dumps(list(keys)).encode())
        return digest.hexdigest()[:32]


def read_objects(lake: Lake, hour: Hour) -> tuple[StoredObject, ...] | None:
    """Return the objects of the hour's claim; None if it has not been claimed.

    Raises
    ------
    ForeignFileError
        If the record is not a claim.
    """
    written = read_written(lake, hour)
    return None if written is None else written.objects


def read_written(lake: Lake, hour: Hour) -> WrittenClaim | None:
    """Return the hour's claim as it is written down; None if it has not been claimed.

    Raises
    ------
    ForeignFileError
        If the record is not a claim.
    """
    document = _read(lake, hour)
    if document is None:
        return None
    return WrittenClaim(_objects(lake, hour, document), str(document.get("settings", "")))


def claims_listed(lake: Lake) -> dict[Hour, StoredObject]:
    """Return the claims of all hours as a listing shows them."""
    found = {}
    for entry in lake.storage.list("_claims/"):
        match = _RECORD.fullmatch(entry.key)
        hour = hour_of_partition(match[1]) if match and match[2] is None else None
        if hour is not None:
            found[hour] = entry
    return found


def write_claim(
    lake: Lake,
    hour: Hour,
    objects: Iterable[StoredObject],
    index: Index | None,
    settings: str = "",
    replaces: str | None = None,
) -> None:
    """Write a claim down.

    Parameters
    ----------
    lake : Lake
        Where it is written.
    hour : Hour
        The hour whose run reads the objects.
    objects : iterable of StoredObject
        What it reads.
    index : Index or None
        What is known of the hours before.
    settings : str
        The fingerprint of the settings under which the hour is run. It tells an attempt that the
        hour has been begun anew, under others, since.
    replaces : str, optional
        The version of the record that is replaced: see `Storage.write`.

    Raises
    ------
    OvertakenError
        If another claim is there by now.
    """
    document: dict[str, Any] = {"hour": str(hour), "objects": encoded(objects)}
    if settings:
        document["settings"] = settings
    if index is not None:
        document["index"] = index.encode()
    lake.write_json(claim_key(hour), document, replaces)


def encoded(objects: Iterable[StoredObject]) -> list[dict[str, object]]:
    """Return objects as JSON says them."""
    return [{"key": entry.key, "size": entry.size, "etag": entry.etag} for entry in objects]


def claim_key(hour: Hour) -> str:
    """Return the key of an hour's claim."""
    return f"_claims/{hour.partition}.json"


def note_key(under: Hour, claimed_by: Hour) -> str:
    """Return the key of the note of what a later run has claimed of an hour's objects."""
    return f"_claims/{under.partition}.stragglers-of-{claimed_by}.json"


def _months(first: Hour, last: Hour) -> Iterator[str]:
    day = first.start.date().replace(day=1)
    while day <= last.start.date():
        yield f"{day:%Y-%m}"
        day = (day + timedelta(days=31)).replace(day=1)


def _read(lake: Lake, hour: Hour) -> dict[str, Any] | None:
    document = lake.read_json(claim_key(hour))
    if document is not None and not isinstance(document, dict):
        raise _not_a_claim(lake, hour, f"a {type(document).__name__}")
    if document is not None and document.get("hour") != str(hour):
        raise _not_a_claim(lake, hour, f"its hour is {document.get('hour')!r:.50}")
    return document


def _objects(lake: Lake, hour: Hour, document: dict[str, Any]) -> tuple[StoredObject, ...]:
    try:
        objects = tuple(StoredObject(**entry) for entry in document["objects"])
        foreign = [entry for entry in objects if not _is_object(entry)]
        if foreign:
            raise TypeError(f"an entry is not an object that has landed: {foreign[0]!r:.200}")
    except (KeyError, TypeError) as error:
        raise _not_a_claim(lake, hour, repr(error)) from error
    return objects


def _is_object(entry: StoredObject) -> bool:
    return (
        isinstance(entry.key, str)
        and type(entry.size) is int
        and isinstance(entry.etag, str)
        and _lies_in_a_folder(entry.key)
    )


def _lies_in_a_folder(key: str) -> bool:
    """Tell whether an object could have landed there, whatever the prefix was at the time."""
    *folders, name = key.split("/")
    parts = [*folders, name]
    return bool(folders) and not any(p in ("", "..") or p.startswith(".") for p in parts)


def _not_a_claim(lake: Lake, hour: Hour, why: str) -> ForeignFileError:
    return ForeignFileError(
        f"{lake.storage.url}/{claim_key(hour)} is not a claim of this project ({why})",
        "Restore it from a backup, or move it away and run the hour again.",
    )
