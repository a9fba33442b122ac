"""The DAG of a pipeline: wiring, and the order of hours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import (
    DAG,
    Asset,
    CronDataIntervalTimetable,
    Param,
    TriggerRule,
)

from sessionize.airflow import tasks
from sessionize.airflow.alerts import deadline_of, failure_callback
from sessionize.airflow.daily import days_asset
from sessionize.airflow.delivery import DeliveryOperator
from sessionize.airflow.manual import manual_of
from sessionize.airflow.notify import check_installed
from sessionize.airflow.retries import retry_arguments
from sessionize.config import PipelineConfig, load_config

#: What the form takes for an hour: no month 13, no day 32, no T24.
HOUR_PATTERN = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3])$"


def build_dag(pipeline_file: str | Path, config: PipelineConfig | None = None) -> DAG:
    """Build the hourly DAG ``sessionize_<name>`` of a pipeline file.

    Objects are claimed strictly in the order of hours. Hours are validated and enriched side by
    side; ``previous_hour`` holds ``sessionize`` until the hour before has been published.

    Raises
    ------
    ConfigError
        If the pipeline file is wrong.
    """
    config = config or load_config(pipeline_file)
    file = str(pipeline_file)
    check_installed(config, file)
    sessions = sessions_asset(config)
    with DAG(
        dag_id=f"sessionize_{config.name}",
        description=f"Sessions of {config.raw}, hour by hour, into {config.lake}",
        doc_md=manual_of(config),
        schedule=_schedule(config),
        start_date=config.start.start,
        # Airflow's end date is the start of the last interval.
        end_date=config.end.previous.start if config.end else None,
        catchup=config.airflow.catchup,
        max_active_runs=config.airflow.max_active_runs,
        is_paused_upon_creation=True,
        tags=["sessionize", "firehose", *config.airflow.tags],
        params={"hour": _hour_param()},
        deadline=deadline_of(config, file),
        default_args={
            "owner": config.airflow.owner,
            **retry_arguments(config.airflow.retries, config.airflow.retry_delay),
            "execution_timeout": config.airflow.task_timeout,
            "on_failure_callback": failure_callback(config, file),
        },
        # The DAG file puts it where Airflow looks; the file that only checks does not.
        auto_register=False,
    ) as dag:
        delivery = DeliveryOperator(
            task_id="wait_for_delivery",
            pipeline_file=file,
            wait=config.airflow.delivery_wait,
            execution_timeout=config.airflow.delivery_wait + config.airflow.task_timeout,
        )
        batches = tasks.claim.override(depends_on_past=True)(file)
        claim_id = batches["claim_id"]  # type: ignore[index]
        validated = tasks.validate.partial(pipeline_file=file, claim_id=claim_id).expand(
            batch=batches
        )
        enriched = tasks.enrich.partial(pipeline_file=file, claim_id=claim_id).expand(batch=batches)
        # The turnstile of hours. It lets hour h pass once, in the run of h-1, this task and those
        # right after it (`check_state` and, for this reason, `publish`) are done. A mapped task
        # must not stand right after it: when an hour is run again with fewer shards, Airflow marks
        # the surplus `removed`, and a removed task would hold the next hour for ever.
        # An empty hour has no batches (skipped): that must not stop it, a failed batch must.
        previous_hour = EmptyOperator(
            task_id="previous_hour",
            doc_md="Without a state it waits until `publish` of the hour before is done. The note "
            "of the run says which hour that is, and how it stands.",
            wait_for_downstream=True,
            trigger_rule=TriggerRule.NONE_FAILED,
        )
        shards = tasks.check_state(file, batches["shards"])  # type: ignore[index]
        sessionized = tasks.sessionize.partial(pipeline_file=file, claim_id=claim_id).expand(
            shard=shards
        )
        published = tasks.publish.override(outlets=[sessions])(file, claim_id, sessions)

        delivery >> batches >> validated >> enriched >> previous_hour >> [shards, published]
        sessionized >> published
        if config.airflow.daily:
            days = days_asset(config)
            published >> tasks.complete_day.override(outlets=[days])(file, days)
    return dag


def _schedule(config: PipelineConfig) -> Any:
    """Return the timetable: at the hour's end, or, where data starts the runs, behind it."""
    if config.airflow.trigger == "sqs":
        from sessionize.airflow.timetable import NetTimetable

        return NetTimetable(config.airflow.delivery_wait)
    return CronDataIntervalTimetable("0 * * * *", timezone="UTC")


def sessions_asset(config: PipelineConfig) -> Asset:
    """Return the asset of a pipeline's sessions; its partition keys are hours.

    It goes by its name alone. An ``s3://`` URI would make Airflow import the AWS client whenever a
    DAG file is read, and consumers would have to repeat it to the letter.
    """
    lake = config.lake.rstrip("/")
    return Asset(name=f"sessionize_{config.name}", extra={"sessions": f"{lake}/sessions"})


def _hour_param() -> Param:
    return Param(
        None,
        type=["null", "string"],
        pattern=HOUR_PATTERN,
        title="Hour",
        description="For a manual run: the hour to run, in UTC, such as 2017-02-04T23.",
    )
