from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag

from sessionize.airflow.pipelines import FOLDER_VARIABLE
from sessionize.config import load_config

from .conftest import write_pipeline

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def read_dags(pipelines: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(pipelines))
    return lambda: DagBag(REPOSITORY / "dags")


def test_every_pipeline_file_is_a_dag(pipelines: Path, read_dags):
    write_pipeline(pipelines, "other")
    bag = read_dags()
    assert set(bag.dags) == {
        *("sessionize_nitro", "sessionize_nitro_daily"),
        *("sessionize_other", "sessionize_other_daily"),
    }
    assert bag.import_errors == {}
    assert all(dag.fileloc.endswith("sessionize_pipelines.py") for dag in bag.dags.values())


def test_a_broken_pipeline_file_leaves_the_others_alone_and_is_shown(pipelines: Path, read_dags):
    write_pipeline(pipelines, "wrong", "[session]\ntimeout = 30\n")
    (pipelines / "unreadable.toml").write_text("name =")
    bag = read_dags()
    assert set(bag.dags) == {"sessionize_nitro", "sessionize_nitro_daily"}
    ((file, error),) = bag.import_errors.items()
    assert file.endswith("check_pipelines.py")
    assert "wrong.toml: setting `session.timeout`" in error
    assert "unreadable.toml is not TOML" in error


def test_two_files_of_one_name_give_no_dag(pipelines: Path, read_dags):
    write_pipeline(pipelines, "nitro", file="copy")
    write_pipeline(pipelines, "other")
    bag = read_dags()
    assert set(bag.dags) == {"sessionize_other", "sessionize_other_daily"}
    (error,) = bag.import_errors.values()
    assert "copy.toml: setting `name`" in error
    assert "nitro.toml: setting `name`" in error


def test_of_two_files_that_give_dags_of_one_name_only_the_others_count(pipelines: Path, read_dags):
    write_pipeline(pipelines, "nitro_daily", "[airflow]\ndaily = false\n")
    bag = read_dags()
    assert set(bag.dags) == {"sessionize_nitro"}
    (error,) = bag.import_errors.values()
    assert "another file gives sessionize_nitro_daily too" in error


_WOKEN = """\
name  = "nitro"
raw   = "s3://events/raw"
lake  = "s3://events/lake"
start = 2017-02-04T22:00:00Z

[airflow]
trigger = "sqs"
queue   = "landed"
"""


def test_a_pipeline_that_is_woken_by_data_has_a_dag_for_that(pipelines: Path, read_dags):
    (pipelines / "nitro.toml").write_text(_WOKEN)
    bag = read_dags()
    assert bag.import_errors == {}
    names = ("nitro", "nitro_daily", "nitro_wake")
    assert set(bag.dags) == {f"sessionize_{name}" for name in names}


def test_a_name_that_is_another_pipelines_second_dag_is_told(pipelines: Path, read_dags):
    (pipelines / "nitro.toml").write_text(_WOKEN)
    write_pipeline(pipelines, "nitro_wake", "[airflow]\ndaily = false\n")
    bag = read_dags()
    assert set(bag.dags) == {"sessionize_nitro", "sessionize_nitro_daily"}
    (error,) = bag.import_errors.values()
    assert error.count("another file gives sessionize_nitro_wake too") == 2


def test_a_missing_folder_is_shown(read_dags, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(FOLDER_VARIABLE, "/no/such/folder")
    (error,) = read_dags().import_errors.values()
    assert "/no/such/folder: there is no such folder" in error


def test_the_example_has_the_settings_of_the_contract():
    config = load_config(REPOSITORY / "dags/pipelines/nitro.toml")
    assert (config.name, config.raw, config.lake) == (
        "nitro",
        "s3://events/raw",
        "s3://events/lake",
    )
    assert str(config.start) == "2017-02-04T22"


def test_reading_the_dag_files_imports_nothing_heavy():
    program = (
        "import sys, runpy\n"
        "import airflow.sdk\n"
        "before = set(sys.modules)\n"
        "for name in ('sessionize_pipelines', 'check_pipelines'):\n"
        "    runpy.run_path(f'dags/{name}.py')\n"
        "print(*(set(sys.modules) - before))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPOSITORY,
        env=os.environ,
        check=True,
        capture_output=True,
        text=True,
    )
    heavy = {"boto3", "numpy", "pandas", "pyarrow", "sessionize.pipeline.stages"}
    assert not heavy & set(done.stdout.split())
