"""Publication: a run becomes visible, partition by partition, and its ledger says when it is.

S3 replaces one object in one step and offers nothing larger. So a partition is one file under one
name, the state is named by its content, and the ledger, written last, is the point from which the
hour is done. What a crash can leave in between is marked before it can come about: a marked hour
cannot be built upon until it has been run again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sessionize.lake.layout import Lake
from sessionize.lake.ledger import Ledger
from sessionize.lake.staging import staging_prefix
from sessionize.lake.storage import Storage
from sessionize.model.errors import ClaimChangedError
from sessionize.model.hours import Hour
from sessionize.pipeline.partitions import AssembledRun

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


def reveal(lake: Lake, run: AssembledRun) -> Published:
    """Write the run's files and, last, its ledger; what is there already is left alone.

    Raises
    ------
    ForeignFileError
        If one of the hour's partitions holds a file that is not the pipeline's.
    StorageError
        If a write fails; running the hour again completes it.
    ClaimChangedError
        If another attempt publishes another run of the hour meanwhile.
    """
    ledger, hour = run.ledger, run.ledger.hour
    there = lake.partition_files(hour)
    before = lake.ledger(hour)
    following = lake.ledger(hour.next)
    follows_on = following is None or following.previous_state == ledger.state_fingerprint
    # What an interrupted attempt has left may be another run's file of the same size.
    is_whole = "interrupted" not in lake.marks().get(hour, ())
    states = {entry.key: entry.size for entry in lake.storage.list(_state_prefix(hour))}
    complete = (
        is_whole
        and all(states.get(file.key) == file.bytes for file in ledger.state.values())
        and all(
            name in there and there[name].size == file.bytes
            for name, file in ledger.published.items()
        )
    )
    changed = before != ledger or not complete
    if changed:
        if before is not None:
            lake.mark(hour, "interrupted", "its partitions are being replaced")
        if not follows_on:
            lake.mark(hour.next, "outdated", f"{hour} was run again and left another state")
        _check_unchanged(lake, before, ledger)
        for file in ledger.state.values():
            lake.storage.upload(file.key, run.files[file.key])
        for name, file in ledger.published.items():
            is_there = is_whole and name in there and there[name].size == file.bytes
            if not (is_there and before is not None and before.published.get(name) == file):
                lake.storage.upload(file.key, run.files[file.key])
        _check_unchanged(lake, before, ledger)
        lake.write_ledger(ledger)
        following = lake.ledger(hour.next)
        follows_on = following is None or following.previous_state == ledger.state_fingerprint
    # What an earlier, interrupted attempt has marked holds no more.
    marks = lake.marks()
    if "interrupted" in marks.get(hour, ()):
        lake.unmark(hour, "interrupted")
    if "outdated" in marks.get(hour, ()):
        lake.unmark(hour, "outdated")
    if follows_on and "outdated" in marks.get(hour.next, ()):
        lake.unmark(hour.next, "outdated")
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
    """Remove the hour's work in progress, and states that its ledger does not name."""
    # Another way of running the hour may have left work in the lake itself.
    for storage in (staging, lake.storage):
        for entry in list(storage.list(staging_prefix(ledger.hour))):
            storage.delete(entry.key)
    states = list(lake.storage.list(_state_prefix(ledger.hour)))
    named = {file.key for file in ledger.state.values()}
    for entry in states:
        # If a later attempt has published since, what is left over is its to judge.
        if entry.key not in named and lake.ledger(ledger.hour) == ledger:
            lake.storage.delete(entry.key)


def _state_prefix(hour: Hour) -> str:
    return f"_state/{hour.partition}/"


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
