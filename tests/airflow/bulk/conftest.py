"""A real Airflow, for runs of the DAG in this process."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def airflow(pipelines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database, and the DAG files of the repository; the hourly DAG is paused, as at first."""
    from airflow.utils.db import initdb

    initdb()
    folder = Path(os.environ["AIRFLOW_HOME"], "dags")
    folder.mkdir(exist_ok=True)
    shutil.copy(REPOSITORY / "dags/sessionize_pipelines.py", folder)
    monkeypatch.setenv("SESSIONIZE_PIPELINES", str(pipelines))
