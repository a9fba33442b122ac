from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.sdk import DAG, TriggerRule
from airflow.sdk.exceptions import ParamValidationError

from sessionize.airflow.dag import build_dag
from sessionize.airflow.retries import retry_arguments
from sessionize.model.errors import ConfigError

from .conftest import write_pipeline

SETTINGS = """\
end = 2017-02-05T22:00:00Z
[airflow]
owner = "web"
tags = ["desktop"]
retries = 5
retry_delay = "2m"
task_timeout = "3h"
delivery_wait = "20m"
max_active_runs = 7
catchup = false
"""


@pytest.fixture
def dag(pipelines: Path) -> DAG:
    return build_dag(pipelines / "nitro.toml")


def test_the_dag_is_named_after_the_pipeline_and_starts_paused(dag: DAG):
    assert dag.dag_id == "sessionize_nitro"
    assert dag.is_paused_upon_creation
    assert dag.start_date == datetime(2017, 2, 4, 22, tzinfo=UTC)
    assert dag.end_date is None
    assert dag.catchup


def test_the_settings_of_the_file_are_those_of_the_dag(pipelines: Path):
    dag = build_dag(write_pipeline(pipelines, "other", SETTINGS))

    assert dag.tags == {"sessionize", "firehose", "desktop"}
    assert dag.max_active_runs == 7
    assert not dag.catchup
    # The last run is the one whose hour ends at `end`.
    assert dag.end_date == datetime(2017, 2, 5, 21, tzinfo=UTC)
    claim = dag.get_task("claim")
    assert (claim.owner, claim.retries) == ("web", 5)
    assert claim.retry_delay == timedelta(minutes=2)
    assert claim.execution_timeout == timedelta(hours=3)
    assert dag.get_task("wait_for_delivery").wait == timedelta(minutes=20)


def test_the_tasks_follow_one_another(dag: DAG):
    downstream = {task.task_id: task.downstream_task_ids for task in dag.tasks}
    assert downstream == {
        "wait_for_delivery": {"claim"},
        "claim": {"validate", "enrich", "check_state", "sessionize", "publish"},
        "validate": {"enrich"},
        "enrich": {"previous_hour"},
        "previous_hour": {"check_state", "publish"},
        "check_state": {"sessionize"},
        "sessionize": {"publish"},
        "publish": {"complete_day"},
        "complete_day": set(),
    }


def test_batches_and_shards_are_mapped(dag: DAG):
    assert {task.task_id for task in dag.tasks if task.is_mapped} == {
        "validate",
        "enrich",
        "sessionize",
    }


def test_hours_are_claimed_in_order_and_pass_the_turnstile_one_by_one(dag: DAG):
    assert {task.task_id for task in dag.tasks if task.depends_on_past} == {
        "claim",
        "previous_hour",
    }
    turnstile = dag.get_task("previous_hour")
    assert turnstile.wait_for_downstream
    # A mapped task that shrinks leaves `removed` instances: they would hold the next hour for ever.
    assert not any(dag.get_task(name).is_mapped for name in turnstile.downstream_task_ids)
    assert "publish" in turnstile.downstream_task_ids


def test_an_empty_hour_goes_on_and_a_failed_batch_stops_it(dag: DAG):
    rules = {task.task_id: task.trigger_rule for task in dag.tasks}
    assert rules.pop("previous_hour") == TriggerRule.NONE_FAILED
    assert set(rules.values()) == {TriggerRule.ALL_SUCCESS}


def test_the_retries_are_those_of_the_file_and_only_they_back_off(pipelines: Path):
    for task in build_dag(write_pipeline(pipelines, "other", SETTINGS)).tasks:
        assert (task.retries, task.retry_delay) == (5, timedelta(minutes=2))
        expected = retry_arguments(5, timedelta(minutes=2))
        assert (task.retries, task.retry_delay) == (5, timedelta(minutes=2))
        if policy := expected.get("retry_policy"):
            # Airflow's own back-off counts the tries of earlier runs of the hour.
            assert not task.retry_exponential_backoff
            assert vars(task.retry_policy) == vars(policy)
        else:  # Airflow 3.2
            assert task.retry_exponential_backoff


def test_the_manual_names_the_dag_and_its_first_hour(dag: DAG):
    assert dag.doc_md is not None
    assert (
        "airflow dags backfill sessionize_nitro -s 2017-02-04T22:00 -e 2017-02-05T03:00"
        in dag.doc_md
    )
    assert "--reprocess-behavior completed" in dag.doc_md
    assert all(f"`{task.task_id}`" in dag.doc_md for task in dag.tasks)


def test_publish_stamps_the_asset_of_the_sessions(dag: DAG, pipelines: Path):
    (asset,) = dag.get_task("publish").outlets
    assert asset.name == "sessionize_nitro"
    assert asset.extra == {"sessions": f"{pipelines.parent}/lake/sessions"}


def test_a_wrong_file_is_an_error_that_names_the_setting(pipelines: Path):
    file = write_pipeline(pipelines, "wrong", "[airflow]\nretrys = 1\n")
    with pytest.raises(ConfigError, match=r"wrong\.toml.*`airflow\.retrys`.*`airflow\.retries`"):
        build_dag(file)


@pytest.mark.parametrize("hour", ["2017-02-04T23", "2016-12-31T00", None])
def test_the_form_takes_hours(dag: DAG, hour: str | None):
    dag.params["hour"] = hour
    dag.params.validate()


@pytest.mark.parametrize(
    "hour", ["2017-02-04T24", "2017-02-04T25", "2017-13-04T23", "2017-02-32T23", "2017-2-4T23", ""]
)
def test_the_form_takes_nothing_else(dag: DAG, hour: str):
    with pytest.raises(ParamValidationError):
        dag.params["hour"] = hour
