"""A run that fails at any of its requests, and is run again, leaves what an undisturbed run leaves.

Work in progress is kept in the lake, as Airflow's tasks do, so that its requests count too. Every
request fails in each of four ways with SESSIONIZE_EXHAUSTIVE=1; without it, every sixth one in one.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from sessionize.lake.commit import Published
from sessionize.lake.layout import Lake
from sessionize.lake.storage import LocalStorage
from sessionize.model.errors import MissingStateError, OutdatedStateError, SessionizeError
from sessionize.model.hours import Hour
from sessionize.pipeline import stages
from sessionize.pipeline.stages import Pipeline
from tests.pipeline import scenario
from tests.pipeline.faults import Fault, FaultyStorage, KilledError, Requests

FIRST, HOUR, LATER, LAST = scenario.HOURS
STRIDE = 1 if os.environ.get("SESSIONIZE_EXHAUSTIVE") else 6 * len(Fault)
CHANGED = {"session": {"timeout": "5m"}}


def run(pipeline: Pipeline, hour: Hour) -> Published:
    stages.check_previous(pipeline, hour)
    claim = stages.claim(pipeline, hour)
    for batch in range(len(claim.batches)):
        stages.validate_batch(pipeline, hour, claim.id, batch)
        stages.enrich_batch(pipeline, hour, claim.id, batch)
    for shard in range(claim.shards):
        stages.sessionize_shard(pipeline, hour, claim.id, shard)
    return stages.publish(pipeline, hour, claim.id)


def open_pipeline(folder: Path, requests: Requests | None = None, **settings: object) -> Pipeline:
    config = scenario.config(folder / "raw", folder / "lake", **settings)
    raw = LocalStorage(config.raw)
    lake = LocalStorage(config.lake, durable=False)
    if requests is None:
        return Pipeline(config, raw, Lake(lake), lake)
    faulty = FaultyStorage(lake, requests)
    return Pipeline(config, FaultyStorage(raw, requests), Lake(faulty), faulty)


def lake_of(folder: Path) -> dict[str, bytes]:
    return scenario.content(LocalStorage(folder / "lake"))


def prepared(folder: Path, *hours: Hour) -> Path:
    """Land the scenario in a new folder and run some hours of it."""
    (folder / "raw").mkdir(parents=True)
    scenario.land_all(LocalStorage(folder / "raw"))
    for hour in hours:
        run(open_pipeline(folder), hour)
    return folder


def failing(folder: Path, fault: Fault, **settings: object):  # type: ignore[no-untyped-def]
    """Yield, for each request that a run of HOUR makes, a copy of the folder with it failed."""
    counted = shutil.copytree(folder, folder.with_name("counted"))
    requests = Requests()
    run(open_pipeline(counted, requests, **settings), HOUR)
    for at in range(6 * list(Fault).index(fault) % STRIDE, requests.count, STRIDE):
        copy = shutil.copytree(folder, folder.with_name(f"failing-{at}"))
        with pytest.raises((SessionizeError, KilledError)):
            run(open_pipeline(copy, Requests(fault, at), **settings), HOUR)
        yield at, copy
        shutil.rmtree(copy)
    assert requests.count > 40


@pytest.mark.parametrize("fault", Fault)
def test_a_first_run_that_fails_anywhere_is_completed_by_the_next(
    tmp_path: Path, fault: Fault
) -> None:
    base = prepared(tmp_path / "base", FIRST)
    undisturbed = lake_of(prepared(tmp_path / "undisturbed", FIRST, HOUR))
    for at, folder in failing(base, fault):
        is_done = Lake(LocalStorage(folder / "lake")).ledger(HOUR) is not None
        if not is_done:
            with pytest.raises(MissingStateError, match=f"Run {HOUR} first"):
                stages.check_previous(open_pipeline(folder), LATER)
        run(open_pipeline(folder), HOUR)
        assert lake_of(folder) == undisturbed, f"{fault} at request {at}"


@pytest.mark.parametrize("fault", Fault)
def test_a_changed_run_that_fails_anywhere_is_never_built_upon_until_completed(
    tmp_path: Path, fault: Fault
) -> None:
    """An hour with a later one is run again under another timeout: its partitions are replaced."""
    base = prepared(tmp_path / "base", FIRST, HOUR, LATER)
    before = lake_of(base)
    expected = shutil.copytree(base, tmp_path / "expected")
    run(open_pipeline(expected, **CHANGED), HOUR)
    undisturbed = lake_of(expected)
    assert Lake(LocalStorage(expected / "lake")).marks() == {LATER: {"outdated"}}

    for at, folder in failing(base, fault, **CHANGED):
        now = lake_of(folder)
        if any(now[key] != before[key] for key in before if key.startswith(("s", "e", "o", "q"))):
            with pytest.raises(OutdatedStateError, match="in order"):
                stages.check_previous(open_pipeline(folder), LAST)
        run(open_pipeline(folder, **CHANGED), HOUR)
        assert lake_of(folder) == undisturbed, f"{fault} at request {at}"
