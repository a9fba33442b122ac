"""An hour in a few hundred bytes: what its ledger and its claim say, as far as views ask for it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from sessionize.lake.claim_records import read_objects
from sessionize.lake.layout import Lake
from sessionize.lake.ledger import Counts, Ledger, ObjectCounts
from sessionize.lake.storage import ABSENT, StoredObject
from sessionize.model.errors import ForeignFileError, NewerFormatError
from sessionize.model.hours import Hour
from sessionize.pipeline.status import holds_unread

#: The objects of an hour that a row names.
WORST = 10


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """What a ledger says of a dataset's file, beside its key."""

    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class CatalogRow:
    """What is kept of an hour.

    Attributes
    ----------
    version, claim_version : str
        The objects that it was told from: the ledger, and the claim (``""``: there is none).
    problem : str or None
        Why the ledger or the claim cannot be read; then there is nothing else.
    keys_read, keys_claimed : str
        Digests of the objects' keys in the ledger, and in the claim (``""``: there is none).
    has_unread : bool
        Whether the hour has claimed objects that its run has not read.
    worst : list of ObjectCounts
        The objects with the most quarantined records; at most `WORST`, each with some.
    """

    version: str
    claim_version: str = ABSENT
    problem: str | None = None
    settings: str | None = None
    previous_state: str | None = None
    state_fingerprint: str | None = None
    counts: Counts | None = None
    quarantined_by_reason: dict[str, int] = field(default_factory=dict)
    closed_by_reason: dict[str, int] = field(default_factory=dict)
    objects: int = 0
    bytes_landed: int = 0
    worst: list[ObjectCounts] = field(default_factory=list)
    published: dict[str, PublishedFile] = field(default_factory=dict)
    keys_read: str = ""
    keys_claimed: str = ""
    has_unread: bool = False

    def file(self, dataset: str) -> PublishedFile:
        """Return the file of a dataset; one of no rows where the run has not published it."""
        return self.published.get(dataset, _NO_FILE)


_NO_FILE = PublishedFile(0, 0, "")


def read_row(
    lake: Lake,
    hour: Hour,
    ledger: StoredObject,
    claim: StoredObject | None,
    before: CatalogRow | None = None,
) -> CatalogRow | None:
    """Read of an hour's ledger and claim what has changed since an earlier row was told from them.

    The row has the listed versions: where an object has been replaced since, the next listing shows
    another one, and the hour is read again.

    Returns
    -------
    CatalogRow or None
        None: the ledger is gone since it was listed.
    """
    claim_version = claim.version if claim else ABSENT
    if before is not None and before.problem is not None:
        before = None
    try:
        claimed = None
        if before is not None and before.claim_version == claim_version:
            keys_claimed = before.keys_claimed
        else:
            claimed = read_objects(lake, hour) if claim else None
            keys_claimed = "" if claimed is None else _digest(entry.key for entry in claimed)
        if (
            before is not None
            and before.version == ledger.version
            and keys_claimed in ("", before.keys_read)
        ):
            return replace(
                before, claim_version=claim_version, keys_claimed=keys_claimed, has_unread=False
            )
        found = lake.ledger(hour)
        if found is None:
            return None
        row = _of_ledger(found, ledger.version)
        has_unread = False
        if keys_claimed not in ("", row.keys_read):
            claimed = read_objects(lake, hour) if claimed is None else claimed
            has_unread = holds_unread(claimed or (), found)
    except (ForeignFileError, NewerFormatError) as error:
        return CatalogRow(ledger.version, claim_version, problem=str(error))
    return replace(
        row, claim_version=claim_version, keys_claimed=keys_claimed, has_unread=has_unread
    )


def _of_ledger(ledger: Ledger, version: str) -> CatalogRow:
    return CatalogRow(
        version=version,
        settings=ledger.settings,
        previous_state=ledger.previous_state,
        state_fingerprint=ledger.state_fingerprint,
        counts=ledger.counts,
        quarantined_by_reason=ledger.quarantined_by_reason,
        closed_by_reason=ledger.closed_by_reason,
        objects=len(ledger.claimed),
        bytes_landed=sum(entry.size for entry in ledger.claimed),
        worst=[entry for entry in worst_first(ledger.claimed)[:WORST] if entry.quarantined],
        published={
            name: PublishedFile(file.rows, file.bytes, file.sha256)
            for name, file in ledger.published.items()
        },
        keys_read=_digest(entry.key for entry in ledger.claimed),
    )


def _digest(keys: Iterable[str]) -> str:
    return hashlib.sha256(json.dumps(sorted(keys)).encode()).hexdigest()[:16]


def worst_first(claimed: Iterable[ObjectCounts]) -> list[ObjectCounts]:
    """Return objects by their quarantined records, the most first; else in landed order."""
    return sorted(claimed, key=lambda entry: -entry.quarantined)
