"""Hours become visible, in order: their files side by side, ledger after ledger."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sessionize.bulk.assembling import AssembledHour
from sessionize.bulk.stretch import Stretch
from sessionize.lake.claims import Claim, check_claim
from sessionize.lake.commit import (
    Begun,
    Published,
    begin_commit,
    end_commit,
    place_files,
    remove_leftovers,
)
from sessionize.lake.ledger import Ledger
from sessionize.lake.state_store import previous_ledger
from sessionize.lake.storage import LocalStorage, Storage
from sessionize.lake.temporary import temporary_folder
from sessionize.model.errors import ClaimChangedError, SessionizeError
from sessionize.pipeline.partitions import check_run, ledger_of
from sessionize.pipeline.stages import Pipeline, warn_of_nothing


@dataclass(frozen=True)
class Placement:
    """Files of an hour that are to be brought from the staging area to their place.

    Attributes
    ----------
    begun : Begun
    staged : dict of str to str
        The key in the staging area of each file of the ledger, by its key in the lake.
    """

    begun: Begun
    staged: dict[str, str]


@dataclass(frozen=True)
class _Due:
    """An hour that adds up, and the one that it stands on."""

    claim: Claim
    ledger: Ledger
    previous: Ledger | None
    staged: dict[str, str]


Place = Callable[[Stretch, Sequence[Placement]], None]


def publish_hours(
    pipeline: Pipeline,
    stretch: Stretch,
    claims: Sequence[Claim],
    hours: Sequence[AssembledHour],
    place: Place,
    at_once: int,
) -> Iterator[Published]:
    """Publish assembled hours, in order; yield each as soon as its ledger is there.

    Parameters
    ----------
    pipeline : Pipeline
        Where they are published.
    stretch : Stretch
        The hours.
    claims, hours : sequence
        Of all hours of the stretch.
    place : callable
        Brings files to their place, on whatever machines: see `place_hour`.
    at_once : int
        The files of so many hours are placed before the first of them has its ledger.

    Raises
    ------
    UnbalancedError, LimitExceededError
        Of the first hour that does not add up, or exceeds a limit; those before it are published.
    ClaimChangedError, OvertakenError
        If another attempt has begun, or published, one of the hours.
    """
    config, previous = stretch.config, stretch.previous
    due: list[_Due] = []
    for claim, hour in zip(claims, hours, strict=True):
        ledger = ledger_of(
            *(claim, hour.objects, previous, config, hour.written, hour.tallies, hour.duplicates)
        )
        try:
            _check(pipeline, ledger, hour)
        except SessionizeError:
            yield from _publish(pipeline, stretch, due, place)
            raise
        due.append(_Due(claim, ledger, previous, _staged(ledger, hour)))
        previous = ledger
        if len(due) == at_once:
            yield from _publish(pipeline, stretch, due, place)
            due = []
    yield from _publish(pipeline, stretch, due, place)


def place_hour(stretch: Stretch, placement: Placement) -> None:
    """Bring the files of an hour to their place; only versions that were noted are replaced."""
    pipeline = stretch.pipeline()
    with temporary_folder() as folder:
        files = _Fetched(pipeline.staging, placement.staged, folder)
        place_files(pipeline.lake, placement.begun, files)


def _publish(
    pipeline: Pipeline, stretch: Stretch, due: Sequence[_Due], place: Place
) -> Iterator[Published]:
    lake = pipeline.lake
    placements = []
    for hour in due:
        check = functools.partial(check_claim, lake, hour.claim)
        placements.append(Placement(begin_commit(lake, hour.ledger, check), hour.staged))
    place(stretch, [placement for placement in placements if placement.begun.changed])
    for hour, placement in zip(due, placements, strict=True):
        _check_previous(pipeline, hour)
        published = end_commit(lake, placement.begun)
        remove_leftovers(lake, pipeline.staging, hour.ledger)
        if not hour.ledger.claimed:
            warn_of_nothing(pipeline, hour.ledger.hour, hour.previous)
        yield published


def _check(pipeline: Pipeline, ledger: Ledger, hour: AssembledHour) -> None:
    with temporary_folder() as folder:
        quarantine = {"quarantine": hour.written["quarantine"].key}
        fetched = _Fetched(pipeline.staging, quarantine, folder)
        check_run(ledger, pipeline.config.limits, lambda: fetched["quarantine"])


def _check_previous(pipeline: Pipeline, due: _Due) -> None:
    hour = due.ledger.hour
    if previous_ledger(pipeline.lake, hour, pipeline.config) != due.previous:
        raise ClaimChangedError(
            f"{hour}: {hour.previous} has been run again meanwhile, with another outcome",
            f"Run {hour} again.",
        )


def _staged(ledger: Ledger, hour: AssembledHour) -> dict[str, str]:
    staged = {file.key: hour.written[name].key for name, file in ledger.published.items()}
    states = {file.key: hour.written[f"state/{name}"].key for name, file in ledger.state.items()}
    return staged | states


class _Fetched(Mapping[str, Path]):
    """Files of the staging area on local disk, each from when it is asked for."""

    def __init__(self, staging: Storage, keys: Mapping[str, str], folder: Path) -> None:
        self._staging = staging
        self._keys = keys
        self._folder = folder

    def __getitem__(self, key: str) -> Path:
        staged = self._keys[key]
        if isinstance(self._staging, LocalStorage):
            return self._staging.path(staged)
        path = self._folder / staged.rpartition("/")[2]
        with path.open("wb") as file:
            for chunk in self._staging.stream(staged):
                file.write(chunk)
        return path

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)
