"""Which run reads which object: every landed object is claimed by exactly one run.

A run claims what lies under its own hour, and *stragglers*: objects under an earlier hour that no
run has claimed. A claim is written before anything is read, and stands whatever is run again after:
a run that is repeated keeps its objects, and adds those that nobody has claimed since.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta

from sessionize.config import MAX_BATCHES, MAX_SHARDS, PipelineConfig
from sessionize.lake.layout import Lake
from sessionize.lake.storage import Storage, StoredObject
from sessionize.model.errors import (
    ClaimChangedError,
    ForeignFileError,
    IntervalError,
    MissingStateError,
)
from sessionize.model.hours import Hour, hour_of_partition

log = logging.getLogger(__name__)

_RECORD = re.compile(r"_claims/(dt=[^/]+/hour=\d\d)(?:\.stragglers-of-([^/.]+))?\.json", re.ASCII)
_LANDED = re.compile(r"(\d{4})/(\d{2})/(\d{2})/(\d{2})/([^/]+)", re.ASCII)


@dataclass(frozen=True)
class Claim:
    """The objects that the run of ``hour`` reads, in landed order, and how its work is cut."""

    hour: Hour
    objects: tuple[StoredObject, ...]
    settings: str
    batch_size: int
    shards: int

    @property
    def id(self) -> str:
        """Name the work: changes with the objects, their content, the settings and the cut."""
        text = json.dumps(
            [str(self.hour), _encoded(self.objects), self.settings, self.batch_size, self.shards]
        )
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def batches(self) -> list[list[StoredObject]]:
        """Cut the objects, in order, into even batches of about ``batch_size`` bytes at most."""
        size = sum(entry.size for entry in self.objects)
        count = max(1, -(-size // self.batch_size))
        batches: dict[int, list[StoredObject]] = {}
        before = 0
        for entry in self.objects:
            # By the middle of the object: batches come out even.
            number = (2 * before + entry.size) * count // (2 * size + 1)
            batches.setdefault(number, []).append(entry)
            before += entry.size
        return list(batches.values())

    @property
    def stragglers(self) -> list[StoredObject]:
        """The objects that landed under an earlier hour."""
        return [entry for entry in self.objects if hour_of(entry.key) != self.hour]


def claim_objects(raw: Storage, lake: Lake, hour: Hour, config: PipelineConfig) -> Claim:
    """Claim the hour's objects and the stragglers of earlier hours, and write the claim down.

    Raises
    ------
    IntervalError
        If the hour lies before the pipeline's ``start``.
    MissingStateError
        If the hour before has not been claimed.
    ClaimChangedError
        If another attempt has claimed other objects for the hour meanwhile.
    StorageError
        If the raw prefix or the lake cannot be reached.
    """
    config.check_hour(hour)
    first = _earliest(hour, config)
    claims, stragglers = _claims_since(lake, first, hour)
    before = claims.pop(hour, ())
    if hour > config.start and hour.previous not in claims:
        raise MissingStateError(
            f"{hour} cannot be run before {hour.previous}",
            "Run the hours in order; `python -m sessionize status` shows which are missing.",
        )
    owners = {entry.key: other for other, objects in claims.items() for entry in objects}
    # A note is written before the claim: of an hour whose claim is at hand, the claim counts.
    owners |= {key: by for (_, by), keys in stragglers.items() if by > hour for key in keys}
    # What lies under an hour that has not been claimed is that hour's, not a straggler.
    landed = {
        entry.key: entry
        for entry in _landed(raw, first, hour)
        if (under := hour_of(entry.key)) == hour or under in claims
    }
    is_published = lake.ledger(hour) is not None
    # What has vanished is dropped, unless it has been published, or lies farther than is listed.
    mine = {
        entry.key: entry
        for entry in before
        if is_published or entry.key in landed or _under(entry) < first
    }
    mine |= {key: entry for key, entry in landed.items() if owners.get(key, hour) == hour}
    objects = tuple(sorted(mine.values(), key=lambda entry: entry.key.encode()))
    claim = _claim(hour, objects, config)
    _note_stragglers(lake, claim, {under for under, other in stragglers if other == hour})
    if (_read(lake, hour) or ()) != before:
        raise ClaimChangedError(
            f"{hour}: another attempt has claimed other objects meanwhile",
            "Run the hour again from `claim`.",
        )
    if objects != before or not before:
        lake.write_json(_key(hour), {"hour": str(hour), "objects": _encoded(objects)})
    if claim.stragglers:
        names = ", ".join(entry.key for entry in claim.stragglers)
        log.info("%s claims %d stragglers: %s", hour, len(claim.stragglers), names)
    return claim


def read_claim(lake: Lake, hour: Hour, config: PipelineConfig) -> Claim | None:
    """Return the hour's claim as it is written down; None if it has not been claimed."""
    objects = _read(lake, hour)
    return None if objects is None else _claim(hour, objects, config)


def hour_of(key: str) -> Hour | None:
    """Return the hour under which an object landed; None if the key is not that of an object."""
    match = _LANDED.fullmatch(key)
    # A name that begins with a dot is a leftover of some tool, never Firehose's.
    if match is None or match[5].startswith("."):
        return None
    try:
        return Hour.parse(f"{match[1]}-{match[2]}-{match[3]}T{match[4]}")
    except IntervalError:
        return None


def _under(entry: StoredObject) -> Hour:
    hour = hour_of(entry.key)
    assert hour is not None, "a claimed object's key names its hour"
    return hour


def _claim(hour: Hour, objects: tuple[StoredObject, ...], config: PipelineConfig) -> Claim:
    size = sum(entry.size for entry in objects)
    by_size = min(max(1, -(-size // config.run.shard_size)), MAX_SHARDS)
    return Claim(
        hour=hour,
        objects=objects,
        settings=config.fingerprint(),
        batch_size=max(config.run.batch_size, -(-size // MAX_BATCHES)),
        shards=config.run.shards or by_size,
    )


def _earliest(hour: Hour, config: PipelineConfig) -> Hour:
    """Return the earliest hour whose stragglers the hour may claim."""
    try:
        earliest = hour.start - config.landing.straggler_lookback
    except OverflowError:
        return config.start
    return max(Hour(earliest.replace(minute=0, second=0, microsecond=0)), config.start)


def _landed(raw: Storage, first: Hour, last: Hour) -> Iterator[StoredObject]:
    # A listing a day: one an hour would be twenty-four times the requests.
    for day in _days(first, last):
        for entry in raw.list(f"{day:%Y/%m/%d/}"):
            hour = hour_of(entry.key)
            if hour is not None and first <= hour <= last:
                yield entry


def _claims_since(
    lake: Lake, first: Hour, last: Hour
) -> tuple[dict[Hour, tuple[StoredObject, ...]], dict[tuple[Hour, Hour], list[str]]]:
    """Return the claims of the hours from ``first`` to ``last``, and the stragglers among theirs.

    Returns
    -------
    claims : dict of Hour to objects
    stragglers : dict of (hour under which they landed, hour that claims them) to object keys
        Whatever later hour claims them.
    """
    claims, stragglers = {}, {}
    for day in _days(first, last):
        for entry in lake.storage.list(f"_claims/{day:dt=%Y-%m-%d}/"):
            match = _RECORD.fullmatch(entry.key)
            hour = hour_of_partition(match[1]) if match else None
            if match is None or hour is None or not first <= hour <= last:
                continue
            if match[2]:
                keys = lake.read_json(entry.key, entry.etag) or []
                if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
                    raise ForeignFileError(
                        f"{lake.storage.url}/{entry.key} is not a list of object keys",
                        "Restore it from a backup, or move it away and run the hour again.",
                    )
                stragglers[hour, Hour.parse(match[2])] = keys
            else:
                claims[hour] = _read(lake, hour, entry.etag) or ()
    return claims, stragglers


def _note_stragglers(lake: Lake, claim: Claim, noted: set[Hour]) -> None:
    """Note beside each earlier hour's claim which of its late objects this claim holds.

    Written before the claim: an hour that is run again finds at its own place what later hours have
    taken. If the run dies in between, the next run of any later hour sees that the claim does not
    hold the object, and takes it. ``noted`` are the hours that hold a note of an earlier attempt.
    """
    late: dict[Hour, list[str]] = {}
    for entry in claim.stragglers:
        late.setdefault(_under(entry), []).append(entry.key)
    for under, keys in late.items():
        lake.write_json(_stragglers_key(under, claim.hour), keys)
    for under in noted - late.keys():
        lake.storage.delete(_stragglers_key(under, claim.hour))


def _days(first: Hour, last: Hour) -> Iterator[date]:
    day = first.start.date()
    while day <= last.start.date():
        yield day
        day += timedelta(days=1)


def _read(lake: Lake, hour: Hour, etag: str = "") -> tuple[StoredObject, ...] | None:
    key = _key(hour)
    document = lake.read_json(key, etag)
    if document is None:
        return None
    try:
        return tuple(StoredObject(**entry) for entry in document["objects"])
    except (KeyError, TypeError) as error:
        raise ForeignFileError(
            f"{lake.storage.url}/{key} is not a claim of this project ({error!r})",
            "Restore it from a backup, or move it away and run the hour again.",
        ) from error


def _encoded(objects: Iterable[StoredObject]) -> list[dict[str, object]]:
    return [asdict(entry) for entry in objects]


def _key(hour: Hour) -> str:
    return f"_claims/{hour.partition}.json"


def _stragglers_key(under: Hour, claimed_by: Hour) -> str:
    return f"_claims/{under.partition}.stragglers-of-{claimed_by}.json"
