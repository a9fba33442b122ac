from __future__ import annotations

from pathlib import Path

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import ParamValidationError

from sessionize.airflow.bulk.dag import build_bulk
from sessionize.airflow.pipelines import build_dags
from tests.airflow.conftest import write_pipeline

LOCAL = '[bulk]\nengine = "local"\n'


@pytest.fixture
def dag(pipelines: Path) -> DAG:
    dag = build_bulk(write_pipeline(pipelines, "nitro", LOCAL))
    assert dag is not None
    return dag


def test_there_is_none_unless_the_file_says_where(pipelines: Path):
    assert build_bulk(pipelines / "nitro.toml") is None


def test_it_stands_beside_the_pipelines_dag(pipelines: Path):
    write_pipeline(pipelines, "nitro", LOCAL + "[airflow]\ndaily = false\n")
    dags, faults = build_dags(pipelines)
    assert faults == []
    assert [dag.dag_id for dag in dags] == ["sessionize_nitro", "sessionize_nitro_bulk"]


def test_it_runs_by_hand_alone_and_once_at_a_time(dag: DAG):
    assert dag.schedule is None
    assert dag.max_active_runs == 1
    assert dag.get_task("check").downstream_task_ids == {"bulk"}


def test_its_manual_names_the_dags_and_the_first_hour(dag: DAG):
    assert dag.doc_md is not None
    assert "airflow dags pause sessionize_nitro\n" in dag.doc_md
    assert """sessionize_nitro_bulk -c '{"from": "2017-02-04T22", "to": "2""" in dag.doc_md
    assert all(f"`{task.task_id}`" in dag.doc_md for task in dag.tasks)


def test_the_form_asks_for_both_hours(dag: DAG):
    with pytest.raises(ParamValidationError):
        dag.params.validate()
    dag.params["from"], dag.params["to"] = "2017-02-04T22", "2017-02-05T00"
    dag.params.validate()
    with pytest.raises(ParamValidationError):
        dag.params["to"] = "2017-02-05T24"
