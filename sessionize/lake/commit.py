"""Commit: a run becomes visible, partition by partition, and its ledger says when it is.

S3 replaces one object in one step and offers nothing larger. So a partition is one file under one
name, the state is named by its content, and the ledger, written last, is the point from which the
hour is done. What a crash can leave in between is marked before it can come about: a marked hour
cannot be built upon until it has been run again.

Two attempts at once. Each notes what is there, to the version, before it asks whether the hour is
still its own, and replaces nothing else. So whatever an attempt of an earlier claim still sends
after a later one has begun to publish is refused: the later one has put other versions there, for
it writes a hour anew, all of it, that it finds marked or without a ledger.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sessionize.lake.chain import onwards, stands_on
from sessionize.lake.layout import Lake, Mark
from sessionize.lake.ledger import Ledger, WrittenFile
from sessionize.lake.staging import staging_prefix
from sessionize.lake.storage import ABSENT, Storage, StoredObject, side_by_side
from sessionize.model.errors import ObjectGoneError, OvertakenError
from sessionize.model.hours import Hour

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Published:
    """A published run.

    Attributes
    ----------
    ledger : Ledger
    changed : bool
        False if the lake already held exactly this run.
    outdated : tuple of Hour
        Later hours, which stand on a state that this run has replaced: run them again, in order.
    """

    ledger: Ledger
    changed: bool
    outdated: tuple[Hour, ...]


@dataclass(frozen=True)
class _Found:
    """What the lake holds of an hour before a run of it is committed.

    Attributes
    ----------
    files : dict of str to StoredObject
        The published files and those of the state, by key.
    intact : set of str
        The keys of those that are, to the byte, what the last ledger says.
    marks : dict of (Hour, str) to str
        The version of each mark.
    before : Ledger or None
        The ledger of the hour,
    before_version : str
        and the version of its object.
    following : Ledger or None
        The ledger of the next hour.
    """

    files: dict[str, StoredObject]
    intact: set[str]
    marks: dict[tuple[Hour, str], str]
    before: Ledger | None
    before_version: str
    following: Ledger | None

    def holds(self, ledger: Ledger) -> bool:
        """Tell whether exactly this run is published, whole."""
        return (
            self.before == ledger
            and not self.is_interrupted(ledger.hour)
            and all(file.key in self.intact for file in ledger.files)
        )

    def is_interrupted(self, hour: Hour) -> bool:
        """Tell whether an attempt may be replacing files of the hour, or has died doing so."""
        return (hour, "interrupted") in self.marks

    def version(self, key: str) -> str:
        """Return the version of the file, which alone may be replaced."""
        return self.files[key].version if key in self.files else ABSENT


def _always() -> None:
    """Find nothing that speaks against the publication."""


def commit_run(
    lake: Lake, ledger: Ledger, files: Mapping[str, Path], check: Callable[[], None] = _always
) -> Published:
    """Write a run's files and, last, its ledger; what is there already is left alone.

    Then states of the hour that the ledger does not name are removed. Only what was there when the
    commit began is replaced or removed, to the version: what another attempt has published since
    stays, and this one fails.

    Parameters
    ----------
    lake : Lake
        The pipeline's lake.
    ledger : Ledger
        The run, which adds up.
    files : mapping of str to Path
        Each file that the ledger names, on local disk, by its key.
    check : callable, optional
        Raises a `SessionizeError` if the hour has been begun anew since this run began. It is
        called once it is known what is going to be replaced, and again before anything is: an
        attempt that begins later sees this one's mark, and writes every file anew.

    Raises
    ------
    ForeignFileError
        If one of the hour's partitions holds a file that is not the pipeline's.
    StorageError
        If a write fails; running the hour again completes it.
    OvertakenError
        If another attempt publishes another run of the hour meanwhile.
    SessionizeError
        What ``check`` raises.
    """
    begun = begin_commit(lake, ledger, check)
    place_files(lake, begun, files)
    return end_commit(lake, begun)


@dataclass(frozen=True)
class Begun:
    """A commit that is under way: what may be replaced is noted, and marked.

    Attributes
    ----------
    ledger : Ledger
    found : _Found
    marks : dict of (Hour, str) to str
        The versions of the marks that this commit may take away.
    changed : bool
        False if the lake holds exactly this run: there is nothing to place.
    """

    ledger: Ledger
    found: _Found
    marks: dict[tuple[Hour, str], str]
    changed: bool


def begin_commit(lake: Lake, ledger: Ledger, check: Callable[[], None] = _always) -> Begun:
    """Note what the commit of a run may replace, and mark what that makes unfit: see `commit_run`.

    The three steps of a commit may be taken by several processes. Commits of several hours are
    begun in order, and ended in order.
    """
    hour = ledger.hour
    found = _look(lake, ledger)
    check()
    marks = {key: version for key, version in found.marks.items() if key[0] in (hour, hour.next)}
    changed = not found.holds(ledger)
    if changed:
        _mark(lake, ledger, found, check, marks)
    return Begun(ledger, found, marks, changed)


def place_files(lake: Lake, begun: Begun, files: Mapping[str, Path]) -> None:
    """Write a run's files, those that are not there as they should be: see `commit_run`."""
    if begun.changed:
        with _explained(begun.ledger.hour):
            _upload(lake, begun.ledger, files, begun.found)


def end_commit(lake: Lake, begun: Begun) -> Published:
    """Write the ledger of a run whose files are there, and clear up: see `commit_run`."""
    ledger, found, marks = begun.ledger, begun.found, begun.marks
    hour, following = ledger.hour, found.following
    if begun.changed:
        with _explained(hour):
            lake.write_ledger(ledger, found.before_version)
        following = lake.ledger(hour.next)
    # The hour stands now. Marks that another attempt has set meanwhile are not this one's to judge.
    for mark in ("interrupted", "outdated"):
        if (hour, mark) in marks:
            lake.unmark(hour, mark, marks[hour, mark])
    follows_on = _follows_on(following, ledger)
    if follows_on and (hour.next, "outdated") in marks:
        lake.unmark(hour.next, "outdated", marks[hour.next, "outdated"])
    _remove_states(lake, ledger, found)
    outdated = () if follows_on else onwards(lake.done_hours(), hour.next)
    if outdated:
        log.warning(
            "%s was run again and left another state: %s to %s stand on an outdated one; run them "
            "again, in order",
            hour,
            outdated[0],
            outdated[-1],
        )
    what = "published" if begun.changed else "nothing changed"
    log.info("%s: %s: %s", hour, what, ledger.counts)
    return Published(ledger, begun.changed, outdated)


@contextlib.contextmanager
def _explained(hour: Hour) -> Iterator[None]:
    """Say of what another attempt has written that it was first."""
    try:
        yield
    except OvertakenError as error:
        raise OvertakenError(
            f"{hour}: another attempt publishes the hour with another outcome, and was first: "
            f"{error.fault}",
            error.remedy,
        ) from error


def remove_leftovers(lake: Lake, staging: Storage, ledger: Ledger) -> None:
    """Remove the hour's work in progress, and what killed writers of any hour have left."""
    remove_staged(lake, staging, [ledger.hour])


def remove_staged(lake: Lake, staging: Storage, hours: Iterable[Hour]) -> None:
    """Remove the work in progress of some hours, and what killed writers of any hour have left."""
    prefixes = tuple(staging_prefix(hour) for hour in hours)
    # By characters, as listings go.
    common = os.path.commonprefix(prefixes)  # noqa: RUF071
    # Another way of running the hours may have left work in the lake itself.
    for storage in [staging] if staging is lake.storage else [staging, lake.storage]:
        storage.tidy()
        if prefixes:
            keys = [entry.key for entry in storage.list(common)]
            _delete(storage, [key for key in keys if key.startswith(prefixes)])


def _look(lake: Lake, ledger: Ledger) -> _Found:
    """Look at what is there: first what lies in the hour's folders, then what is said of it.

    So the ledger that counts is the newest that could be had before the first write.
    """
    hour = ledger.hour
    partitions = lake.partition_files(hour, ledger.published).values()
    states, marks, following, (before, version) = _all(
        lake,
        lambda: list(lake.storage.list(f"_state/{hour.partition}/")),
        lake.mark_versions,
        lambda: lake.ledger(hour.next),
        lambda: lake.ledger_version(hour),
    )
    files = {entry.key: entry for entry in (*partitions, *states)}
    intact: set[str] = set()
    if before is not None and (hour, "interrupted") not in marks:
        # What is the same, to the ledger, would be kept: only if it is the same to the byte.
        kept = [file for file in ledger.files if file in before.files]
        whole = side_by_side(lake.storage, lambda file: is_intact(lake, file, files), kept)
        intact = {file.key for file, is_whole in zip(kept, whole, strict=True) if is_whole}
    return _Found(files, intact, marks, before, version, following)


def is_intact(lake: Lake, file: WrittenFile, found: Mapping[str, StoredObject]) -> bool:
    """Tell whether a file of a ledger is there as it was written; reads it if its size is right."""
    if file.key not in found or found[file.key].size != file.bytes:
        return False
    digest = hashlib.sha256()
    try:
        for chunk in lake.storage.stream(file.key):
            digest.update(chunk)
    except ObjectGoneError:
        return False
    return digest.hexdigest() == file.sha256


def _all(lake: Lake, *requests: Callable[[], object]) -> list:  # type: ignore[type-arg]
    return side_by_side(lake.storage, lambda request: request(), requests)


def _mark(
    lake: Lake,
    ledger: Ledger,
    found: _Found,
    check: Callable[[], None],
    marks: dict[tuple[Hour, str], str],
) -> None:
    """Mark what the publication makes unfit to be built upon, and note the versions in ``marks``.

    Nothing is marked in vain where another attempt has begun the hour anew.
    """

    def mark(hour: Hour, kind: Mark, why: str) -> None:
        run, before = ledger.fingerprint, found.marks.get((hour, kind), ABSENT)
        try:
            marks[hour, kind] = lake.mark(hour, kind, why, run, before)
        except OvertakenError:
            check()
            marks[hour, kind] = lake.mark(hour, kind, why, run)

    if found.before is not None or any(not key.startswith("_state/") for key in found.files):
        mark(ledger.hour, "interrupted", "its partitions are being replaced")
    if not _follows_on(found.following, ledger):
        why = f"{ledger.hour} was run again and left another state"
        mark(ledger.hour.next, "outdated", why)
    if marks:
        check()


def _upload(lake: Lake, ledger: Ledger, files: Mapping[str, Path], found: _Found) -> None:
    """Upload the files that are not there as they should be, side by side.

    The state comes last: an attempt that is overtaken at its partitions leaves none behind.
    """

    def upload(key: str) -> None:
        lake.storage.upload(key, files[key], found.version(key))

    for part in (ledger.published, ledger.state):
        keys = [file.key for file in part.values()]
        side_by_side(lake.storage, upload, [key for key in keys if key not in found.intact])


def _remove_states(lake: Lake, ledger: Ledger, found: _Found) -> None:
    named = {file.key for file in ledger.state.values()}
    states = [entry for key, entry in found.files.items() if key.startswith("_state/")]
    superseded = [entry for entry in states if entry.key not in named]
    # If a later attempt has published since, what is left over is its to judge.
    if superseded and lake.ledger(ledger.hour) == ledger:
        side_by_side(
            lake.storage,
            lambda entry: lake.storage.delete(entry.key, entry.version),
            superseded,
        )


def _delete(storage: Storage, keys: Iterable[str]) -> None:
    side_by_side(storage, storage.delete, keys)


def _follows_on(following: Ledger | None, ledger: Ledger) -> bool:
    return following is None or stands_on(following, ledger)
