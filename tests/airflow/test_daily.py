from __future__ import annotations

from pathlib import Path

import pytest
from airflow.sdk import DAG, PartitionedAssetTimetable

from sessionize.airflow.dag import build_dag
from sessionize.airflow.daily import build_daily

from .conftest import write_pipeline


@pytest.fixture
def dag(pipelines: Path) -> DAG:
    dag = build_daily(pipelines / "nitro.toml")
    assert dag is not None
    return dag


def test_it_starts_paused_and_makes_one_day_after_the_other(dag: DAG):
    assert dag.dag_id == "sessionize_nitro_daily"
    assert dag.is_paused_upon_creation
    assert dag.max_active_runs == 1


def test_it_is_woken_by_the_asset_that_the_hourly_dag_stamps(dag: DAG, pipelines: Path):
    assert isinstance(dag.timetable, PartitionedAssetTimetable)
    (outlet,) = build_dag(pipelines / "nitro.toml").get_task("complete_day").outlets
    assert dag.timetable.asset_condition == outlet


def test_its_manual_names_it_and_its_first_day(dag: DAG):
    assert dag.doc_md is not None
    assert """dags trigger sessionize_nitro_daily -c '{"date": "2017-02-04"}'""" in dag.doc_md
    assert all(f"`{task.task_id}`" in dag.doc_md for task in dag.tasks)


def test_without_it_hours_complete_no_day(pipelines: Path):
    file = write_pipeline(pipelines, "other", "[airflow]\ndaily = false\n")
    assert build_daily(file) is None
    assert "complete_day" not in {task.task_id for task in build_dag(file).tasks}
