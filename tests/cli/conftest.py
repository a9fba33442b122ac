"""A pipeline in a folder, for the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from sessionize.lake.storage import LocalStorage
from tests.pipeline import scenario


@pytest.fixture
def config(tmp_path: Path) -> str:
    (tmp_path / "raw").mkdir()
    scenario.land_all(LocalStorage(tmp_path / "raw"))
    file = tmp_path / "pipeline.toml"
    file.write_text(f'name = "t"\nraw = "raw"\nlake = "lake"\nstart = {scenario.HOURS[0]}:00:00Z\n')
    return str(file)
