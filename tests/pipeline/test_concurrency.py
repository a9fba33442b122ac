"""Two attempts of one task at once, and one that wakes up when all is over: the lake stays right.

Attempts change places at requests to the storage, where alone they can meet.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sessionize.lake.layout import Lake
from sessionize.lake.storage import LocalStorage
from sessionize.model.errors import SessionizeError
from sessionize.pipeline import stages
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline
from sessionize.pipeline.status import HourState, pipeline_status
from tests.pipeline import scenario
from tests.pipeline.faults import FaultyStorage, Requests
from tests.pipeline.test_crashes import CHANGED, lake_of, open_pipeline, prepared, run

FIRST, HOUR, LATER = scenario.HOURS[:3]
EXHAUSTIVE = bool(os.environ.get("SESSIONIZE_EXHAUSTIVE"))
SEEDS = range(30 if EXHAUSTIVE else 2)
#: Gives events other contents: the one fixing rule is replaced by one that finds nothing.
UNFIXED = {"fix": [{"column": "build_id", "pattern": "^never", "replace": ""}]}
STEPS = ("claim", "validate", "enrich", "sessionize", "publish")


class Turns:
    """Lets one of two attempts go on to its next request, by lot."""

    def __init__(self, seed: int) -> None:
        self._lots = random.Random(seed)
        self._changed = threading.Condition()
        self._turn = 0
        self._done: set[int] = set()

    def of(self, attempt: int) -> Requests:
        return _Turn(self, attempt)

    def perform(self, attempt: int, request: Callable[[], Any]) -> Any:
        with self._changed:
            self._changed.wait_for(lambda: self._turn == attempt or 1 - attempt in self._done)
            try:
                return request()
            finally:
                self._turn = self._lots.randrange(2)
                self._changed.notify_all()

    def finish(self, attempt: int) -> None:
        with self._changed:
            self._done.add(attempt)
            self._changed.notify_all()


class _Turn(Requests):
    def __init__(self, turns: Turns, attempt: int) -> None:
        super().__init__()
        self._turns, self._attempt = turns, attempt

    def perform(self, request: Any) -> Any:
        return self._turns.perform(self._attempt, request)


class Pause(Requests):
    """Does something else before the n-th request."""

    def __init__(self, at: int, meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self._pause_at, self._meanwhile = at, meanwhile

    def perform(self, request: Any) -> Any:
        if self.count == self._pause_at:
            self._meanwhile()
        return super().perform(request)


def pipeline(folder: Path, requests: Requests | None = None, **settings: Any) -> Pipeline:
    run = {"shards": 2, "batch_size": "1B", "threads": 1}
    return open_pipeline(folder, requests, run=run, **settings)


def perform(pipeline: Pipeline, step: str, claim: stages.Claim | None) -> None:
    """Do one stage of HOUR, all its tasks."""
    if claim is None:
        stages.claim(pipeline, HOUR)
    elif step in ("validate", "enrich"):
        for batch in range(len(claim.batches)):
            getattr(stages, f"{step}_batch")(pipeline, HOUR, claim.id, batch)
    elif step == "sessionize":
        for shard in range(claim.shards):
            stages.sessionize_shard(pipeline, HOUR, claim.id, shard)
    else:
        stages.publish(pipeline, HOUR, claim.id)


def up_to(folder: Path, step: str, **settings: Any) -> stages.Claim | None:
    """Do the stages of HOUR before ``step``; return the claim, once there is one."""
    claim, there = None, pipeline(folder, **settings)
    for earlier in STEPS[: STEPS.index(step)]:
        perform(there, earlier, claim)
        claim = stages.read_claim(there.lake, HOUR, there.config)
    return claim


def attempt(pipeline: Pipeline, step: str, claim: stages.Claim | None) -> None:
    """Do one stage; if it fails, then with one of the errors that say what to do."""
    with contextlib.suppress(SessionizeError):
        perform(pipeline, step, claim)


def states(folder: Path) -> list[HourState]:
    there = pipeline(folder)
    return [line.state for line in pipeline_status(there.lake, there.config)]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared(tmp_path_factory.mktemp("two") / "base", FIRST)


@pytest.fixture(scope="module")
def undisturbed(base: Path) -> dict[str, bytes]:
    folder = shutil.copytree(base, base.with_name("undisturbed"))
    run(pipeline(folder), HOUR)
    return lake_of(folder)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("step", STEPS)
def test_two_attempts_of_a_task_at_once_leave_what_one_leaves(
    base: Path, undisturbed: dict[str, bytes], tmp_path: Path, step: str, seed: int
) -> None:
    folder = shutil.copytree(base, tmp_path / "place")
    claim = up_to(folder, step)
    turns = Turns(seed)

    def go(number: int) -> None:
        try:
            attempt(pipeline(folder, turns.of(number)), step, claim)
        finally:
            turns.finish(number)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(go, range(2)))
    run(pipeline(folder), HOUR)
    assert lake_of(folder) == undisturbed
    assert states(folder) == [HourState.DONE] * 2


def pauses(folder: Path, step: str, claim: stages.Claim | None, **settings: Any) -> Iterator[int]:
    """Count the requests of a stage in a copy, and yield those at which it is to pause."""
    counted = shutil.copytree(folder, folder.with_name("counted"))
    requests = Requests()
    perform(pipeline(counted, requests, **settings), step, claim)
    return iter(range(0, requests.count, 1 if EXHAUSTIVE else max(requests.count // 3, 1)))


@pytest.mark.parametrize("step", STEPS)
def test_an_attempt_that_goes_on_after_the_hour_was_published_damages_nothing(
    base: Path, undisturbed: dict[str, bytes], tmp_path: Path, step: str
) -> None:
    start = shutil.copytree(base, tmp_path / "start")
    claim = up_to(start, step)
    for at in pauses(start, step, claim):
        folder = shutil.copytree(start, tmp_path / f"at-{at}")
        attempt(pipeline(folder, Pause(at, lambda to=folder: run(pipeline(to), HOUR))), step, claim)
        now = {key: value for key, value in lake_of(folder).items() if "_staging" not in key}
        assert now == undisturbed, f"{step} paused at request {at}"
        run(pipeline(folder), HOUR)
        assert lake_of(folder) == undisturbed
        assert states(folder) == [HourState.DONE] * 2


@pytest.mark.parametrize("is_published", [False, True])
@pytest.mark.parametrize("changed", [CHANGED, UNFIXED], ids=["sessions", "events"])
def test_a_publication_that_lags_behind_another_outcome_leaves_it_alone_and_says_so(
    base: Path, tmp_path: Path, is_published: bool, changed: dict[str, Any]
) -> None:
    """The settings are changed, and the hour run under them, while an old attempt publishes.

    With ``UNFIXED`` it is the old attempt that writes other events than lie there.
    """
    start = shutil.copytree(base, tmp_path / "start")
    if is_published:
        run(pipeline(start, session={"timeout": "10m"}), HOUR)
    old, new = ({}, changed) if changed is CHANGED else (changed, {})
    claim = up_to(start, "publish", **old)
    for at in pauses(start, "publish", claim, **old):
        folder = shutil.copytree(start, tmp_path / f"at-{at}")
        right: dict[str, bytes] = {}

        def overtake(to: Path = folder, right: dict[str, bytes] = right) -> None:
            ledger = run(pipeline(to, **new), HOUR).ledger
            keys = {file.key for file in ledger.files} | {f"_runs/{HOUR.partition}.json"}
            right |= {key: content for key, content in lake_of(to).items() if key in keys}

        attempt(pipeline(folder, Pause(at, overtake), **old), "publish", claim)
        assert right
        now = lake_of(folder)
        assert right.items() <= now.items(), f"paused at request {at}"
        run(pipeline(folder, **new), HOUR)
        assert right.items() <= lake_of(folder).items()
        assert states(folder) == [HourState.DONE] * 2
        # No state is left over but those that the ledgers name.
        states_now = [key for key in lake_of(folder) if key.startswith(f"_state/{HOUR.partition}/")]
        assert set(states_now) <= right.keys()


@pytest.mark.parametrize("turn", SEEDS)
def test_two_whole_runs_of_an_hour_at_once_leave_what_one_leaves(
    base: Path, undisturbed: dict[str, bytes], tmp_path: Path, turn: int
) -> None:
    folder = shutil.copytree(base, tmp_path / "place")
    both = threading.Barrier(2)

    def go(_: int) -> None:
        there = pipeline(folder)
        both.wait()
        with contextlib.suppress(SessionizeError):
            run_hour(there, HOUR)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(go, range(2)))
    run_hour(pipeline(folder), HOUR)
    assert lake_of(folder) == undisturbed
    assert states(folder) == [HourState.DONE] * 2


def test_an_interrupted_hour_is_published_anew_whatever_the_sizes_say(
    base: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    folder = shutil.copytree(base, tmp_path / "place")
    run(pipeline(folder), HOUR)
    lake = Lake(LocalStorage(folder / "lake"))
    key = f"sessions/{HOUR.partition}/part-0.parquet"
    lake.mark(HOUR, "interrupted", "its partitions are being replaced")
    lake.storage.write(key, bytes(len(undisturbed[key])))
    run(pipeline(folder), HOUR)
    assert lake_of(folder) == undisturbed


def test_an_object_noted_but_not_claimed_by_a_run_that_died_is_claimed_by_the_next(
    base: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(base, tmp_path / "place")
    run(pipeline(folder), HOUR)
    there = pipeline(folder)
    scenario.land(there.raw, FIRST, "late", [scenario.event("f6", "22:30:00")])

    class DyingLake(FaultyStorage):
        def write(self, key: str, content: bytes, replaces: str | None = None) -> str:
            if key == f"_claims/{HOUR.partition}.json":
                raise SessionizeError("the process was killed", "Start it again.")
            return super().write(key, content, replaces)

    dying = DyingLake(there.lake.storage, Requests())
    with pytest.raises(SessionizeError, match="killed"):
        stages.claim(Pipeline(there.config, there.raw, Lake(dying), dying), HOUR)
    assert there.lake.storage.read(f"_claims/{FIRST.partition}.stragglers-of-{HOUR}.json")
    late = f"{FIRST.landing_prefix}stream-1-late"
    claimed = {entry.key for entry in run(pipeline(folder), LATER).ledger.claimed}
    assert late in claimed
    for again in (FIRST, HOUR):
        assert late not in {entry.key for entry in stages.claim(pipeline(folder), again).objects}


def test_an_object_claimed_but_not_read_by_a_run_that_died_shows_in_the_status(
    base: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(base, tmp_path / "place")
    run(pipeline(folder), HOUR)
    there = pipeline(folder)
    scenario.land(there.raw, FIRST, "late", [scenario.event("f6", "22:30:00")])
    stages.claim(there, HOUR)
    assert states(folder) == [HourState.DONE, HourState.INTERRUPTED]
    run(there, HOUR)
    assert states(folder) == [HourState.DONE] * 2


def test_a_state_that_was_lost_is_there_again_once_its_hour_is_run_again(
    base: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    folder = shutil.copytree(base, tmp_path / "place")
    run(pipeline(folder), HOUR)
    shutil.rmtree(folder / "lake" / "_state" / HOUR.partition)
    run(pipeline(folder), HOUR)
    assert lake_of(folder) == undisturbed
