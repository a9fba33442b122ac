from __future__ import annotations

from pathlib import Path

import pytest

from sessionize.airflow.pipelines import build_dags
from sessionize.airflow.watch import build_watch

from .conftest import write_pipeline

NOTIFY = '[[alerts.notify]]\nkind = "email"\nto = ["data@example.com"]\n'


@pytest.mark.parametrize(
    "settings", ['[alerts]\nlate_after = "45m"\n', "[alerts]\nempty_hours = true\n", NOTIFY]
)
def test_who_sets_an_alert_has_a_watch_that_runs_at_once(pipelines: Path, settings: str):
    dag = build_watch(write_pipeline(pipelines, "nitro", settings))
    assert dag is not None
    assert dag.dag_id == "sessionize_nitro_watch"
    assert dag.is_paused_upon_creation is False
    assert (dag.catchup, dag.max_active_runs) == (False, 1)
    assert not any(task.depends_on_past for task in dag.tasks)


@pytest.mark.parametrize("settings", ["", "[alerts]\nfailures = false\noutdated = true\n"])
def test_who_sets_none_has_none(pipelines: Path, settings: str):
    assert build_watch(write_pipeline(pipelines, "nitro", settings)) is None


def test_it_stands_beside_the_pipelines_dag(pipelines: Path):
    write_pipeline(pipelines, "nitro", NOTIFY)
    write_pipeline(pipelines, "other")
    dags, faults = build_dags(pipelines)
    assert faults == []
    assert [dag.dag_id for dag in dags] == [
        "sessionize_nitro",
        "sessionize_nitro_daily",
        "sessionize_nitro_watch",
        "sessionize_other",
        "sessionize_other_daily",
    ]


def test_a_pipeline_whose_name_is_that_of_a_watch_is_refused(pipelines: Path):
    write_pipeline(pipelines, "nitro", NOTIFY)
    write_pipeline(pipelines, "nitro_watch", "[airflow]\ndaily = false\n")
    dags, faults = build_dags(pipelines)
    assert [dag.dag_id for dag in dags] == ["sessionize_nitro", "sessionize_nitro_daily"]
    assert [fault.partition(":")[0].rpartition("/")[2] for fault in faults] == [
        "nitro.toml",
        "nitro_watch.toml",
    ]
