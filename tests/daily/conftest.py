"""A pipeline of three days, the first and the last of them in part, whose hours are done."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from sessionize.lake.layout import Lake
from sessionize.lake.storage import LocalStorage, Storage
from sessionize.model.hours import Hour, hours_between
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline
from tests.pipeline import scenario

FIRST, SECOND, THIRD = date(2017, 2, 4), date(2017, 2, 5), date(2017, 2, 6)
END = Hour.parse("2017-02-06T02")
HOURS = list(hours_between(scenario.START, END))
LATER = {"2017-02-05T09": ["b2", "f6"], "2017-02-05T23": ["a1"], "2017-02-06T00": ["f6", "a7"]}


def open_pipeline(
    folder: Path, wrap: Callable[[Storage], Storage] = lambda storage: storage, **settings: object
) -> Pipeline:
    """Open the pipeline in a folder."""
    config = scenario.config(
        folder / "raw", folder / "lake", **{"end": END.start, "run": {"shards": 1}} | settings
    )
    lake = wrap(LocalStorage(config.lake, durable=False))
    return Pipeline(config, LocalStorage(config.raw), Lake(lake), lake)


def land(folder: Path, hour: Hour, name: str, *machines: str) -> None:
    """Land an object with two events of each machine."""
    events = [
        scenario.event(machine, "12:00:00", event_id=f"{hour}-{name}-{machine}-{minute}")
        | {"timestamp": f"{hour}:{minute}:00Z"}
        for machine in machines
        for minute in ("10", "30")
    ]
    scenario.land(LocalStorage(folder / "raw"), hour, name, events)


@pytest.fixture(scope="session")
def _hours_done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("daily")
    (folder / "raw").mkdir()
    scenario.land_all(LocalStorage(folder / "raw"))
    for hour, machines in LATER.items():
        land(folder, Hour.parse(hour), "later", *machines)
    pipeline = open_pipeline(folder)
    for hour in HOURS:
        run_hour(pipeline, hour)
    return folder


@pytest.fixture
def folder(_hours_done: Path, tmp_path: Path) -> Path:
    """A folder of one's own with the raw objects and the lake."""
    return shutil.copytree(_hours_done, tmp_path / "pipeline")
