"""Airflow reads its environment when it is first imported: give it a home of its own before."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

for _name in [name for name in os.environ if name.startswith(("AIRFLOW_", "SESSIONIZE_"))]:
    del os.environ[_name]
_home = tempfile.mkdtemp(prefix="airflow-")
atexit.register(shutil.rmtree, _home, ignore_errors=True)
os.environ |= {
    "AIRFLOW_HOME": _home,
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
}

PIPELINE = """\
name  = "{name}"
raw   = "{raw}"
lake  = "{lake}"
start = 2017-02-04T22:00:00Z
"""


@pytest.fixture
def pipelines(tmp_path: Path) -> Path:
    """A folder with one pipeline file, ``nitro.toml``."""
    folder = tmp_path / "pipelines"
    folder.mkdir()
    write_pipeline(folder, "nitro")
    return folder


def write_pipeline(folder: Path, name: str, more: str = "", file: str | None = None) -> Path:
    """Write the file of a pipeline whose raw objects and lake lie beside the folder."""
    raw, lake = folder.parent / "raw", folder.parent / "lake"
    raw.mkdir(exist_ok=True)
    path = folder / f"{file or name}.toml"
    path.write_text(PIPELINE.format(name=name, raw=raw, lake=lake) + more)
    return path
