"""A run that fails at any of its requests, and is run again, leaves what an undisturbed run leaves.

Work in progress is kept in the lake, as Airflow's tasks do, so that its requests count too.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sessionize import stages
from sessionize.errors import MissingStateError, OutdatedStateError, SessionizeError
from sessionize.hours import Hour
from sessionize.lake import Lake
from sessionize.publication import Published
from sessionize.stages import Pipeline
from sessionize.storage import LocalStorage
from tests.pipeline import scenario
from tests.pipeline.faults import Fault, FaultyStorage, KilledError, Requests

HOUR = scenario.HOURS[1]


def run(pipeline: Pipeline, hour: Hour) -> Published:
    stages.check_previous(pipeline, hour)
    claim = stages.claim(pipeline, hour)
    for batch in range(len(claim.batches)):
        stages.validate_batch(pipeline, hour, claim.id, batch)
    for batch in range(len(claim.batches)):
        stages.enrich_batch(pipeline, hour, claim.id, batch)
    for shard in range(claim.shards):
        stages.sessionize_shard(pipeline, hour, claim.id, shard)
    return stages.publish(pipeline, hour, claim.id)


def open_pipeline(folder: Path, requests: Requests | None = None, **settings: object) -> Pipeline:
    config = scenario.config(folder / "raw", folder / "lake", **settings)
    raw, lake = LocalStorage(config.raw), LocalStorage(config.lake)
    if requests is None:
        return Pipeline(config, raw, Lake(lake), lake)
    faulty = FaultyStorage(lake, requests)
    return Pipeline(config, FaultyStorage(raw, requests), Lake(faulty), faulty)


def land(folder: Path) -> None:
    (folder / "raw").mkdir()
    scenario.land_all(LocalStorage(folder / "raw"))


def lake_of(folder: Path) -> dict[str, bytes]:
    return scenario.content(LocalStorage(folder / "lake"))


def count_requests(folder: Path, **settings: object) -> int:
    requests = Requests()
    run(open_pipeline(folder, requests, **settings), HOUR)
    return requests.count


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("undisturbed")
    land(folder)
    for hour in scenario.HOURS:
        run(open_pipeline(folder), hour)
    return lake_of(folder)


@pytest.mark.parametrize("fault", Fault)
def test_a_first_run_that_fails_anywhere_is_completed_by_the_next(
    tmp_path: Path, undisturbed: dict[str, bytes], fault: Fault
) -> None:
    total = 1
    at = 0
    while at < total:
        folder = tmp_path / str(at)
        folder.mkdir()
        land(folder)
        run(open_pipeline(folder), scenario.HOURS[0])
        requests = Requests(fault, at)
        with pytest.raises((SessionizeError, KilledError)):
            run(open_pipeline(folder, requests), HOUR)
        if Lake(LocalStorage(folder / "lake")).ledger(HOUR) is None:
            with pytest.raises(MissingStateError):
                run(open_pipeline(folder), HOUR.next)
        for hour in scenario.HOURS[1:]:
            run(open_pipeline(folder), hour)
        assert lake_of(folder) == undisturbed, f"{fault} at request {at}"
        if total == 1:
            total = _requests_of_an_undisturbed_run(tmp_path)
        at += 1
    assert total > 40


def _requests_of_an_undisturbed_run(tmp_path: Path) -> int:
    folder = tmp_path / "counted"
    folder.mkdir()
    land(folder)
    run(open_pipeline(folder), scenario.HOURS[0])
    return count_requests(folder)


@pytest.mark.parametrize("fault", Fault)
def test_a_changed_run_that_fails_anywhere_is_never_built_upon_until_completed(
    tmp_path: Path, fault: Fault
) -> None:
    """An hour with a later one is run again under another timeout: its partitions are replaced."""
    changed = {"session": {"timeout": "5m"}}
    expected = tmp_path / "expected"
    _run_first_three(expected)
    total = count_requests(expected, **changed)
    run(open_pipeline(expected, **changed), scenario.HOURS[2])
    run(open_pipeline(expected, **changed), scenario.HOURS[3])

    for at in range(total):
        folder = tmp_path / str(at)
        _run_first_three(folder)
        before = lake_of(folder)
        with pytest.raises((SessionizeError, KilledError)):
            run(open_pipeline(folder, Requests(fault, at), **changed), HOUR)
        partitions = {key for key in before if not key.startswith("_")}
        if any(lake_of(folder)[key] != before[key] for key in partitions):
            with pytest.raises(OutdatedStateError):
                run(open_pipeline(folder, **changed), scenario.HOURS[3])
        for hour in scenario.HOURS[1:]:
            run(open_pipeline(folder, **changed), hour)
        assert lake_of(folder) == lake_of(expected), f"{fault} at request {at}"


def _run_first_three(folder: Path) -> None:
    folder.mkdir()
    land(folder)
    for hour in scenario.HOURS[:3]:
        run(open_pipeline(folder), hour)
