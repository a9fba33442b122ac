"""Pipelines over the same raw objects, one run hour by hour, the others in bulk."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from sessionize.bulk.driver import Cut, Engine, bulk
from sessionize.config import PipelineConfig, load_config
from sessionize.lake.commit import Published
from sessionize.lake.storage import LocalStorage
from sessionize.model.hours import Hour
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline
from tests.pipeline import scenario


class Lakes:
    """A raw folder, and lakes beside it that are made from it.

    Parameters
    ----------
    folder : Path
    settings : str
        The rest of the pipeline file.
    start : Hour
    """

    def __init__(self, folder: Path, settings: str, start: Hour) -> None:
        self.folder = folder
        self.raw = folder / "raw"
        self.raw.mkdir(parents=True)
        self._head = f'name = "t"\nraw = "raw"\nstart = {start}:00:00Z\n'
        self._settings = settings

    def config(self, name: str, settings: str | None = None) -> PipelineConfig:
        file = self.folder / f"{name}.toml"
        rest = self._settings if settings is None else settings
        file.write_text(f'{self._head}lake = "{name}"\n{rest}')
        return load_config(file)

    def pipeline(self, name: str, settings: str | None = None) -> Pipeline:
        config = self.config(name, settings)
        lake = Pipeline.open(config, staging=LocalStorage(config.lake, durable=False))
        return lake

    def hourly(
        self, name: str, hours: Sequence[Hour], settings: str | None = None
    ) -> list[Published]:
        pipeline = self.pipeline(name, settings)
        return [run_hour(pipeline, hour) for hour in hours]

    def in_bulk(
        self,
        name: str,
        hours: Sequence[Hour],
        engine: Engine,
        cut: Cut | None = None,
        settings: str | None = None,
    ) -> list[Published]:
        return [*bulk(self.pipeline(name, settings), engine, hours, cut)]

    def copy(self, name: str, of: str) -> None:
        shutil.copytree(self.folder / of, self.folder / name)

    def content(self, name: str) -> dict[str, bytes]:
        return scenario.content(LocalStorage(self.folder / name))

    def assert_same(self, one: str, other: str) -> None:
        """The two are the same to the byte: partitions, states, ledgers, claims and marks."""
        first, second = self.content(one), self.content(other)
        assert second.keys() == first.keys()
        assert [key for key in first if first[key] != second[key]] == []
