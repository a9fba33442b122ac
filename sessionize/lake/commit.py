"""Commit: a run becomes visible, partition by partition, and its ledger says when it is.

S3 replaces one object in one step and offers nothing larger. So a partition is one file under one
name, the state is named by its content, and the ledger, written last, is the point from which the
hour is done. What a crash can leave in between is marked before it can come about: a marked hour
cannot be built upon until it has been run again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sessionize.lake.layout import Lake
from sessionize.lake.ledger import Ledger, WrittenFile
from sessionize.lake.staging import staging_prefix
from sessionize.lake.storage import Storage, StoredObject, side_by_side
from sessionize.model.errors import ClaimChangedError
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
        Later hours that stand on a state which this run has replaced: run them again, in order.
    """

    ledger: Ledger
    changed: bool
    outdated: tuple[Hour, ...]


@dataclass(frozen=True)
class _Found:
    """What the lake holds of an hour before a run of it is committed.

    Attributes
    ----------
    partitions : dict of str to StoredObject
        The published files, by dataset.
    states : dict of str to int
        The size of each state file, by key.
    marks : dict of Hour to set of str
    before, following : Ledger or None
        The ledgers of the hour and of the next one.
    """

    partitions: dict[str, StoredObject]
    states: dict[str, int]
    marks: dict[Hour, set[str]]
    before: Ledger | None
    following: Ledger | None

    def holds(self, ledger: Ledger) -> bool:
        """Tell whether exactly this run is published, whole."""
        return (
            self.before == ledger
            and not self.is_interrupted(ledger.hour)
            and all(self.states.get(file.key) == file.bytes for file in ledger.state.values())
            and all(self.has(name, file) for name, file in ledger.published.items())
        )

    def is_interrupted(self, hour: Hour) -> bool:
        """Tell whether a file of the hour may be another run's, of the same size."""
        return "interrupted" in self.marks.get(hour, ())

    def has(self, dataset: str, file: WrittenFile) -> bool:
        """Tell whether the partition's file has the size of this one."""
        return dataset in self.partitions and self.partitions[dataset].size == file.bytes


def commit_run(lake: Lake, ledger: Ledger, files: Mapping[str, Path]) -> Published:
    """Write a run's files and, last, its ledger; what is there already is left alone.

    Then states of the hour that the ledger does not name are removed.

    Parameters
    ----------
    lake : Lake
        The pipeline's lake.
    ledger : Ledger
        The run, which adds up.
    files : mapping of str to Path
        Each file that the ledger names, on local disk, by its key.

    Raises
    ------
    ForeignFileError
        If one of the hour's partitions holds a file that is not the pipeline's.
    StorageError
        If a write fails; running the hour again completes it.
    ClaimChangedError
        If another attempt publishes another run of the hour meanwhile.
    """
    hour = ledger.hour
    found = _look(lake, ledger)
    marked = {(of, mark) for of in (hour, hour.next) for mark in found.marks.get(of, ())}
    following, changed = found.following, not found.holds(ledger)
    if changed:
        if found.before is not None:
            lake.mark(hour, "interrupted", "its partitions are being replaced")
            marked.add((hour, "interrupted"))
        if not _follows_on(following, ledger):
            lake.mark(hour.next, "outdated", f"{hour} was run again and left another state")
            marked.add((hour.next, "outdated"))
        if found.before is not None:
            _check_unchanged(lake, found.before, ledger)
        _upload(lake, ledger, files, found)
        _check_unchanged(lake, found.before, ledger)
        lake.write_ledger(ledger)
        following = lake.ledger(hour.next)
    # The hour stands now. Marks that another attempt has set meanwhile are not this one's to judge.
    for mark in ("interrupted", "outdated"):
        if (hour, mark) in marked:
            lake.unmark(hour, mark)
    follows_on = _follows_on(following, ledger)
    if follows_on and (hour.next, "outdated") in marked:
        lake.unmark(hour.next, "outdated")
    _remove_states(lake, ledger, found.states)
    outdated = () if follows_on else _done_after(lake, hour)
    if outdated:
        log.warning(
            "%s was run again and left another state: %s to %s stand on an outdated one; run them "
            "again, in order",
            hour,
            outdated[0],
            outdated[-1],
        )
    log.info("%s: %s: %s", hour, "published" if changed else "nothing changed", ledger.counts)
    return Published(ledger, changed, outdated)


def remove_leftovers(lake: Lake, staging: Storage, ledger: Ledger) -> None:
    """Remove the hour's work in progress."""
    # Another way of running the hour may have left work in the lake itself.
    for storage in [staging] if staging is lake.storage else [staging, lake.storage]:
        _delete(storage, (entry.key for entry in storage.list(staging_prefix(ledger.hour))))


def _look(lake: Lake, ledger: Ledger) -> _Found:
    """Look at what is there: first what lies in the hour's folders, then what is said of it.

    So the ledger that counts is the newest that could be had before the first write.
    """
    hour = ledger.hour

    def list_states() -> dict[str, int]:
        return {entry.key: entry.size for entry in lake.storage.list(f"_state/{hour.partition}/")}

    partitions = lake.partition_files(hour, ledger.published)
    states, marks, following, before = _all(
        lake, list_states, lake.marks, lambda: lake.ledger(hour.next), lambda: lake.ledger(hour)
    )
    return _Found(partitions, states, marks, before, following)


def _all(lake: Lake, *requests: Callable[[], object]) -> list:  # type: ignore[type-arg]
    return side_by_side(lake.storage, lambda request: request(), requests)


def _upload(lake: Lake, ledger: Ledger, files: Mapping[str, Path], found: _Found) -> None:
    """Upload the files that are not there as they should be, side by side."""
    before = found.before

    def is_there(name: str, file: WrittenFile) -> bool:
        return (
            before is not None
            and before.published.get(name) == file
            and not found.is_interrupted(ledger.hour)
            and found.has(name, file)
        )

    missing = [file.key for file in ledger.state.values()]
    missing += [file.key for name, file in ledger.published.items() if not is_there(name, file)]
    side_by_side(lake.storage, lambda key: lake.storage.upload(key, files[key]), missing)


def _remove_states(lake: Lake, ledger: Ledger, states: Iterable[str]) -> None:
    named = {file.key for file in ledger.state.values()}
    superseded = [key for key in states if key not in named]
    # If a later attempt has published since, what is left over is its to judge.
    if superseded and lake.ledger(ledger.hour) == ledger:
        _delete(lake.storage, superseded)


def _delete(storage: Storage, keys: Iterable[str]) -> None:
    side_by_side(storage, storage.delete, keys)


def _follows_on(following: Ledger | None, ledger: Ledger) -> bool:
    return following is None or following.previous_state == ledger.state_fingerprint


def _check_unchanged(lake: Lake, before: Ledger | None, mine: Ledger) -> None:
    """Make sure that no other attempt has published another run of the hour meanwhile.

    If one has, its partitions may be replaced in part by now: the hour is marked.
    """
    if lake.ledger(mine.hour) in (before, mine):
        return
    lake.mark(mine.hour, "interrupted", "a lagging attempt met a later one")
    raise ClaimChangedError(
        f"{mine.hour}: another attempt has published the hour meanwhile, with another outcome",
        "Run the hour again from `claim`.",
    )


def _done_after(lake: Lake, hour: Hour) -> tuple[Hour, ...]:
    """Return the unbroken line of done hours that follows."""
    done = set(lake.done_hours())
    outdated = []
    while (hour := hour.next) in done:
        outdated.append(hour)
    return tuple(outdated)
