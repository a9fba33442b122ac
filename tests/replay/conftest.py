from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.pipeline import scenario
from tests.replay.lab import A, B, C, D, Lab


@pytest.fixture(scope="session")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which objects have landed, and nothing has been run."""
    folder = tmp_path_factory.mktemp("replay") / "landed"
    scenario.land_all(Lab(folder).raw)
    return folder


@pytest.fixture(scope="session")
def done(landed: Path) -> Path:
    """The same, with all hours run."""
    folder = shutil.copytree(landed, landed.with_name("done"))
    Lab(folder).run(A, B, C, D)
    return folder


@pytest.fixture
def empty(landed: Path, tmp_path: Path) -> Lab:
    return Lab(shutil.copytree(landed, tmp_path / "lab"))


@pytest.fixture
def lab(done: Path, tmp_path: Path) -> Lab:
    return Lab(shutil.copytree(done, tmp_path / "lab"))
