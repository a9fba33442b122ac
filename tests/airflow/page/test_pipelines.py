from __future__ import annotations

import os
from pathlib import Path

import pytest

from sessionize.airflow.page.pipelines import default_folder, find_pipelines
from tests.airflow.conftest import write_pipeline


def test_a_pipeline_goes_by_the_id_of_its_dag(pipelines: Path):
    assert list(find_pipelines(pipelines)) == ["sessionize_nitro"]


def test_a_file_that_is_wrong_is_no_other_ones_fault(pipelines: Path):
    (pipelines / "broken.toml").write_text("name = ")
    assert list(find_pipelines(pipelines)) == ["sessionize_nitro"]


def test_of_two_files_with_one_name_neither_counts(pipelines: Path):
    write_pipeline(pipelines, "nitro", file="again")
    write_pipeline(pipelines, "other")
    assert list(find_pipelines(pipelines)) == ["sessionize_other"]


def test_a_file_that_has_changed_is_read_again(pipelines: Path):
    before = find_pipelines(pipelines)["sessionize_nitro"]
    assert find_pipelines(pipelines)["sessionize_nitro"] is before
    file = write_pipeline(pipelines, "nitro", '[session]\ntimeout = "1h"\n')
    os.utime(file, ns=(1, 1))
    assert find_pipelines(pipelines)["sessionize_nitro"].session.timeout.total_seconds() == 3600


def test_a_folder_that_is_not_there_has_none(tmp_path: Path):
    assert find_pipelines(tmp_path / "nowhere") == {}


def test_the_api_server_looks_where_the_dag_files_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(tmp_path / "dags"))
    assert default_folder() == tmp_path / "dags" / "pipelines"
    monkeypatch.setenv("SESSIONIZE_PIPELINES", str(tmp_path / "elsewhere"))
    assert default_folder() == tmp_path / "elsewhere"
