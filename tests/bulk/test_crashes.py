"""A driver that dies at any of its requests, and is started again: the lake of hourly runs.

Every seventeenth request goes wrong in one of the four ways; with SESSIONIZE_EXHAUSTIVE=1 each
does, in each.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from sessionize.bulk.driver import Cut, bulk
from sessionize.lake.layout import Lake
from sessionize.lake.storage import LocalStorage
from sessionize.model.errors import ClaimChangedError, SessionizeError
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline
from tests.bulk.in_process import InProcess
from tests.bulk.lakes import Lakes
from tests.pipeline import scenario
from tests.pipeline.faults import Fault, FaultyStorage, KilledError, Requests

FIRST, SECOND, THIRD, LAST = scenario.HOURS
STRIDE = 1 if os.environ.get("SESSIONIZE_EXHAUSTIVE") else 17 * len(Fault)
CUT = Cut(stretch=3, shards=2, at_once=2)


@pytest.fixture
def lakes(tmp_path: Path) -> Lakes:
    lakes = Lakes(tmp_path / "x", '[run]\nbatch_size = "1B"\n', FIRST)
    scenario.land_all(LocalStorage(lakes.raw))
    return lakes


def faulty(pipeline: Pipeline, requests: Requests) -> Pipeline:
    lake = FaultyStorage(pipeline.lake.storage, requests)
    raw = FaultyStorage(pipeline.raw, requests)
    return replace(pipeline, raw=raw, lake=Lake(lake), staging=lake)


@pytest.mark.slow
@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("before", ["nothing", "the same hours, under another rule"])
def test_it_is_completed_by_the_next(lakes: Lakes, fault: Fault, before: str):
    if before == "nothing":
        (lakes.folder / "before").mkdir()
    else:
        lakes.hourly("before", scenario.HOURS, '[session]\ntimeout = "5m"\n')
    lakes.copy("hourly", "before")
    lakes.hourly("hourly", scenario.HOURS[:3])
    requests = Requests()
    lakes.copy("counted", "before")
    list(bulk(faulty(lakes.pipeline("counted"), requests), InProcess(), scenario.HOURS[:3], CUT))
    lakes.assert_same("hourly", "counted")
    assert requests.count > 90

    for at in range(17 * list(Fault).index(fault) % STRIDE, requests.count, STRIDE):
        lakes.copy("bulk", "before")
        pipeline = faulty(lakes.pipeline("bulk"), Requests(fault, at))
        try:
            published = [*bulk(pipeline, InProcess(), scenario.HOURS[:3], CUT)]
        except (SessionizeError, KilledError):
            published = []
        assert not published, f"{fault} at request {at} went unnoticed"
        lakes.in_bulk("bulk", scenario.HOURS[:3], InProcess(1), CUT)
        lakes.assert_same("hourly", "bulk")
        shutil.rmtree(lakes.folder / "bulk")


def test_an_hour_before_that_was_run_meanwhile(lakes: Lakes):
    """Another attempt publishes the hour before with another outcome: this one ends."""

    class Overtaken(InProcess):
        def place(self, stretch, placements):
            super().place(stretch, placements)
            late = lakes.raw / FIRST.landing_prefix / "stream-1-late"
            late.write_bytes(scenario.json.dumps(scenario.event("z9", "22:01:00")).encode())
            run_hour(lakes.pipeline("bulk"), FIRST)

    lakes.hourly("bulk", [FIRST])
    with pytest.raises(ClaimChangedError, match=f"Run {SECOND} again"):
        lakes.in_bulk("bulk", [SECOND, THIRD], Overtaken())
    assert lakes.pipeline("bulk").lake.done_hours() == [FIRST]
    lakes.in_bulk("bulk", [SECOND, THIRD], InProcess())
    assert lakes.pipeline("bulk").lake.marks() == {}


def test_an_hour_that_is_claimed_anew_meanwhile(lakes: Lakes):
    class Overtaken(InProcess):
        def assembled(self, stretch, tasks):
            found = super().assembled(stretch, tasks)
            late = lakes.raw / SECOND.landing_prefix / "stream-1-late"
            late.write_bytes(scenario.json.dumps(scenario.event("z9", "23:01:00")).encode())
            run_hour(lakes.pipeline("bulk"), SECOND)
            return found

    lakes.hourly("bulk", [FIRST])
    with pytest.raises(ClaimChangedError, match="Run the hour again from `claim`"):
        lakes.in_bulk("bulk", [SECOND, THIRD], Overtaken())
    assert lakes.pipeline("bulk").lake.done_hours() == [FIRST, SECOND]
