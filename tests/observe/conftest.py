"""Small lakes that the pipeline itself has made."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sessionize.config import load_config
from sessionize.lake import parquet
from sessionize.lake.storage import LocalStorage
from sessionize.model.hours import Hour, hours_between
from sessionize.observe.catalog import Catalog
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline
from tests.pipeline import scenario, web

WEB_HOURS = list(hours_between(Hour.parse("2024-03-01T00"), Hour.parse("2024-03-01T05")))


def opened(pipeline: Pipeline, cache: Path | None = None) -> Catalog:
    """The catalog of a pipeline's lake, read."""
    catalog = Catalog(pipeline.lake, pipeline.config, cache)
    catalog.refresh()
    return catalog


@pytest.fixture(scope="session")
def desktop_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scenario's four hours, run."""
    folder = tmp_path_factory.mktemp("desktop")
    scenario.land_all(LocalStorage(folder / "raw"))
    for hour in scenario.HOURS:
        run_hour(Pipeline.open(scenario.config(folder / "raw", folder / "lake")), hour)
    return folder


@pytest.fixture
def desktop(desktop_folder: Path, tmp_path: Path) -> Pipeline:
    """The scenario's pipeline, after its four hours; a test may do with it what it likes."""
    for name in ("raw", "lake"):
        shutil.copytree(desktop_folder / name, tmp_path / name)
    return Pipeline.open(scenario.config(tmp_path / "raw", tmp_path / "lake"))


@pytest.fixture(scope="session")
def web_lake(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Pipeline]:
    """Web events with columns of their own, by seed: five hours, in files of many row groups."""
    made: dict[int, Pipeline] = {}

    def lake(seed: int) -> Pipeline:
        if seed not in made:
            folder = tmp_path_factory.mktemp(f"web-{seed}")
            file = folder / "web.toml"
            file.write_text(f'raw = "raw"\nlake = "lake"\n{web.CONFIG}')
            pipeline = Pipeline.open(load_config(file))
            landed = web.make_events(seed, WEB_HOURS)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(parquet, "ROW_GROUP_ROWS", 7)
                for hour in WEB_HOURS:
                    prefix = hour.start.strftime(pipeline.config.landing.prefix)
                    for number, records in enumerate(landed[hour]):
                        pipeline.raw.write(
                            f"{prefix}stream-{number}",
                            gzip.compress("".join(records).encode(), mtime=0),
                        )
                    run_hour(pipeline, hour)
            made[seed] = pipeline
        return made[seed]

    return lake
