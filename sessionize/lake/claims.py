"""Which run reads which object: every landed object is claimed by exactly one run.

A run claims what lies under its own hour, and *stragglers*: objects under an earlier hour that no
run has claimed. A claim is written before anything is read, and stands whatever is run again after:
a run that is repeated keeps its objects, and adds those that nobody has claimed since.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass

from sessionize.config import MAX_BATCHES, MAX_SHARDS, PipelineConfig
from sessionize.lake.claim_records import (
    ClaimRecords,
    Index,
    WrittenClaim,
    encoded,
    note_key,
    read_objects,
    read_written,
    write_claim,
)
from sessionize.lake.landed import for_each_hour
from sessionize.lake.layout import Lake
from sessionize.lake.migrations import FORMAT
from sessionize.lake.storage import ABSENT, Storage, StoredObject, side_by_side
from sessionize.model.errors import ClaimChangedError, MissingStateError, OvertakenError
from sessionize.model.hours import Hour
from sessionize.model.landing_prefix import DEFAULT_PREFIX, LandingPrefix

__all__ = [
    "Claim",
    "check_claim",
    "claim_changed",
    "claim_objects",
    "earliest_straggler",
    "read_claim",
]

log = logging.getLogger(__name__)

#: The most objects in a batch: ten thousand empty ones are work too.
BATCH_OBJECTS = 2000


@dataclass(frozen=True)
class Claim:
    """The objects that the run of ``hour`` reads, in landed order, and how its work is cut."""

    hour: Hour
    objects: tuple[StoredObject, ...]
    settings: str
    batch_size: int
    shards: int
    prefix: LandingPrefix = DEFAULT_PREFIX

    @property
    def id(self) -> str:
        """Name the work: changes with the objects, their content, the settings and the cut."""
        cut = [FORMAT, self.settings, self.batch_size, self.shards]
        text = json.dumps([str(self.hour), encoded(self.objects), *cut])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def batches(self) -> list[list[StoredObject]]:
        """Cut the objects, in order, into even batches.

        Of about ``batch_size`` bytes and `BATCH_OBJECTS` objects at most, and `MAX_BATCHES` in all.
        """
        weights, capacity = [entry.size for entry in self.objects], self.batch_size
        if len(self.objects) > BATCH_OBJECTS:
            # An object counts as its share of a batch's bytes and its share of a batch's objects.
            weights = [size * BATCH_OBJECTS + self.batch_size for size in weights]
            capacity *= BATCH_OBJECTS
        total = sum(weights)
        count = min(max(1, -(-total // capacity)), MAX_BATCHES)
        batches: dict[int, list[StoredObject]] = {}
        before = 0
        for entry, weight in zip(self.objects, weights, strict=True):
            # By the middle of the object: batches come out even.
            number = (2 * before + weight) * count // (2 * total + 1)
            batches.setdefault(number, []).append(entry)
            before += weight
        return list(batches.values())

    @property
    def stragglers(self) -> list[StoredObject]:
        """The objects that landed under an earlier hour."""
        return [entry for entry in self.objects if self.landed_under(entry) != self.hour]

    def landed_under(self, entry: StoredObject) -> Hour:
        """Return the hour under which an object landed."""
        return _under(entry, self.prefix, self.hour)


def claim_objects(raw: Storage, lake: Lake, hour: Hour, config: PipelineConfig) -> Claim:
    """Claim the hour's objects and the stragglers of earlier hours, and write the claim down.

    Costs a listing of the claims for each month, and of the raw objects for each day, that the
    look-back reaches into, a read and a write; and reads of older claims where something has landed
    under their hours since.

    Raises
    ------
    IntervalError
        If the hour lies before the pipeline's ``start``.
    MissingStateError
        If the hour before has not been claimed.
    ClaimChangedError
        If another attempt has claimed other objects for the hour meanwhile.
    ForeignFileError
        If a record of the claims is not the pipeline's.
    StorageError
        If the raw prefix or the lake cannot be reached.
    """
    config.check_hour(hour)
    first = earliest_straggler(hour, config)
    prefix = config.landing.prefix
    records = ClaimRecords(lake, first, hour)
    mine_before = records.of(hour)
    own = read_written(lake, hour) if mine_before.claim else None
    before = own.objects if own else ()
    if hour > config.start and not records.is_claimed(hour.previous):
        missing = _first_unclaimed(lake, records, hour, config)
        raise MissingStateError(
            f"{hour} cannot be run before {hour.previous}",
            f"Run {missing} first"
            + (f", then on to {hour.previous}, in order." if missing < hour.previous else "."),
        )
    landed, index = _unclaimed(raw, prefix, lake, records, first, hour, before)
    is_published = bool(before) and lake.ledger(hour) is not None
    # What has vanished is dropped, unless it has been published, or lies farther than is listed.
    mine = {
        entry.key: entry
        for entry in before
        if is_published or entry.key in landed.seen or _under(entry, prefix, hour) < first
    }
    mine |= landed.unclaimed
    objects = tuple(sorted(mine.values(), key=lambda entry: entry.key.encode()))
    claim = _claim(hour, objects, config)
    _note_stragglers(lake, claim, records)
    if own != WrittenClaim(objects, claim.settings):
        replaces = mine_before.claim.version if mine_before.claim else ABSENT
        try:
            write_claim(lake, hour, objects, index, claim.settings, replaces)
        except OvertakenError as error:
            # An attempt that has claimed the same may have known more, or less, of other hours.
            if read_written(lake, hour) != WrittenClaim(objects, claim.settings):
                raise claim_changed(hour) from error
    if claim.stragglers:
        names = ", ".join(entry.key for entry in claim.stragglers)
        log.info("%s claims %d stragglers: %s", hour, len(claim.stragglers), names)
    return claim


def read_claim(lake: Lake, hour: Hour, config: PipelineConfig) -> Claim | None:
    """Return the hour's claim as it is written down; None if it has not been claimed.

    Raises
    ------
    ForeignFileError
        If the record is not a claim.
    """
    objects = read_objects(lake, hour)
    return None if objects is None else _claim(hour, objects, config)


def check_claim(lake: Lake, claim: Claim) -> None:
    """Make sure that no other attempt has claimed the hour anew, with another outcome to come.

    Raises
    ------
    ClaimChangedError
        If one has claimed other objects, or the same under other settings.
    """
    written = read_written(lake, claim.hour)
    if written is None or written.objects != claim.objects:
        raise claim_changed(claim.hour)
    if written.settings not in (claim.settings, ""):
        raise claim_changed(claim.hour)


def claim_changed(hour: Hour) -> ClaimChangedError:
    """Return the error for an hour that another attempt has begun anew."""
    return ClaimChangedError(
        f"{hour}: the claimed objects or the settings have changed while the hour was run: another "
        "attempt has claimed it since",
        "Run the hour again from `claim`.",
    )


@dataclass(frozen=True)
class _Landed:
    """What lies under some hours.

    Attributes
    ----------
    unclaimed : dict of str to StoredObject
        The objects that no other run has claimed.
    seen : set of str
        The keys of the run's own earlier claim that are still there.
    """

    unclaimed: dict[str, StoredObject]
    seen: set[str]


@dataclass(frozen=True)
class _UnderHour:
    """What lies under one hour, and the proof that it is all claimed, if it is."""

    hour: Hour
    count: int
    unclaimed: list[StoredObject]
    seen: list[str]
    proof: str | None


def _unclaimed(
    raw: Storage,
    prefix: LandingPrefix,
    lake: Lake,
    records: ClaimRecords,
    first: Hour,
    hour: Hour,
    before: Iterable[StoredObject],
) -> tuple[_Landed, Index | None]:
    """Find what the run of ``hour`` may claim, and index what needs no look from now on.

    Nothing is claimed on the word of the index: it only says where not to look.
    """
    index = records.index_of(hour.previous)
    own = {entry.key: _under(entry, prefix, hour) for entry in before}
    own_hours = set(own.values())
    notes_on_own_hour = records.owned(hour, hour)

    def look(under: Hour, entries: list[StoredObject]) -> _UnderHour:
        seen = [entry.key for entry in entries if entry.key in own]
        if under == hour:
            free = [entry for entry in entries if entry.key not in notes_on_own_hour]
            return _UnderHour(under, len(entries), free, seen, None)
        if not records.is_claimed(under):
            # What lies under an hour that has not been claimed is that hour's, not a straggler.
            return _UnderHour(under, len(entries), [], [], None)
        proof = records.proof(under, hour, (entry.key for entry in entries))
        if proof and proof == index.proofs.get(under) and under not in own_hours:
            return _UnderHour(under, len(entries), [], [], proof)
        owned = records.owned(under, hour)
        free = [entry for entry in entries if entry.key not in owned]
        return _UnderHour(under, len(entries), free, seen, None if free else proof)

    looked = list(for_each_hour(raw, prefix, first, hour, look, index.landed))
    free = {entry.key: entry for part in looked for entry in part.unclaimed}
    under = {key: _under(entry, prefix, hour) for key, entry in free.items()}
    late = {key: landed for key, landed in under.items() if landed != hour}
    # A run that died can have left a claim without its note: ask every run that could have one.
    asked = [other for other in records.claimed() if late and min(late.values()) < other < hour]
    for claimed in side_by_side(
        lake.storage, lambda other: late.keys() & records.claimed_keys(other), asked
    ):
        for key in claimed:
            free.pop(key, None)
    proofs = {part.hour: part.proof for part in looked if part.proof}
    counted = sum(part.count for part in looked)
    seen = {key for part in looked for key in part.seen}
    return _Landed(free, seen), Index(counted, proofs) if records.have_etags else None


def _under(entry: StoredObject, prefix: LandingPrefix, claimed_by: Hour) -> Hour:
    """Return the hour under which an object landed.

    One that was claimed when the settings named another prefix counts as its run's own.
    """
    return prefix.hour_of(entry.key) or claimed_by


def _claim(hour: Hour, objects: tuple[StoredObject, ...], config: PipelineConfig) -> Claim:
    size = sum(entry.size for entry in objects)
    by_size = min(max(1, -(-size // config.run.shard_size)), MAX_SHARDS)
    return Claim(
        hour=hour,
        objects=objects,
        settings=config.fingerprint(),
        batch_size=max(config.run.batch_size, -(-size // MAX_BATCHES)),
        shards=config.run.shards or by_size,
        prefix=config.landing.prefix,
    )


def _first_unclaimed(lake: Lake, records: ClaimRecords, hour: Hour, config: PipelineConfig) -> Hour:
    """Return the hour from which the hours before ``hour`` must be run for it to be the next."""
    before = [claimed for claimed in records.claimed() if claimed < hour]
    if not before:
        # Claims are listed as far back as stragglers are; a longer gap shows in the ledgers.
        before = [done for done in lake.done_hours() if done < hour.previous][-1:]
        before = [done for done in before if read_objects(lake, done) is not None]
    return max(before[-1].next, config.start) if before else config.start


def earliest_straggler(hour: Hour, config: PipelineConfig) -> Hour:
    """Return the earliest hour whose stragglers the hour may claim."""
    try:
        earliest = hour.start - config.landing.straggler_lookback
    except OverflowError:
        return config.start
    return max(Hour.containing(earliest), config.start)


def _note_stragglers(lake: Lake, claim: Claim, records: ClaimRecords) -> None:
    """Note beside each earlier hour's claim which of its late objects this claim holds.

    Written before the claim: an hour that is run again finds at its own place what later hours have
    taken. If the run dies in between, the next run of any later hour sees that the claim does not
    hold the object, and takes it. ``records`` know the notes of earlier attempts: no others are
    replaced.
    """
    noted = {under: records.of(under).notes[claim.hour] for under in records.noted_by(claim.hour)}
    late: dict[Hour, list[str]] = {}
    for entry in claim.stragglers:
        late.setdefault(claim.landed_under(entry), []).append(entry.key)

    def write(under: Hour) -> None:
        replaces = noted[under].version if under in noted else ABSENT
        lake.write_json(note_key(under, claim.hour), late[under], replaces)

    try:
        side_by_side(lake.storage, write, late)
    except OvertakenError as error:
        raise claim_changed(claim.hour) from error
    side_by_side(
        lake.storage,
        lambda under: lake.storage.delete(noted[under].key, noted[under].version),
        sorted(noted.keys() - late.keys()),
    )
