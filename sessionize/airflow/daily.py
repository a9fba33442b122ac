"""The daily DAG of a pipeline: wiring, and the asset that wakes it."""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG, Asset, Param, PartitionedAssetTimetable

from sessionize.airflow import tasks
from sessionize.airflow.manual import daily_manual_of
from sessionize.airflow.retries import retry_arguments
from sessionize.config import PipelineConfig, load_config


def build_daily(pipeline_file: str | Path, config: PipelineConfig | None = None) -> DAG | None:
    """Build the DAG ``sessionize_<name>_daily``; None if `[airflow] daily` is off.

    It runs for a day each time that the hourly DAG says that all of the day's hours are done: when
    the last of them is, and again when one has been published anew. One run at a time: a day goes
    on from the one before.

    Raises
    ------
    ConfigError
        If the pipeline file is wrong.
    """
    config = config or load_config(pipeline_file)
    if not config.airflow.daily:
        return None
    made = Asset(name=f"sessionize_{config.name}_daily")
    with DAG(
        dag_id=f"sessionize_{config.name}_daily",
        description=f"A day's sessions, machines and summary, in {config.lake}",
        doc_md=daily_manual_of(config),
        schedule=PartitionedAssetTimetable(assets=days_asset(config)),
        start_date=config.start.start,
        max_active_runs=1,
        is_paused_upon_creation=True,
        tags=["sessionize", *config.airflow.tags],
        params={"date": _date_param()},
        default_args={
            "owner": config.airflow.owner,
            **retry_arguments(config.airflow.retries, config.airflow.retry_delay),
            "execution_timeout": config.airflow.task_timeout,
        },
        auto_register=False,
    ) as dag:
        tasks.make_days.override(outlets=[made])(str(pipeline_file), made)
    return dag


def days_asset(config: PipelineConfig) -> Asset:
    """Return the asset whose partitions are the days of which all hours are done.

    A roll-up of the hours by Airflow would not do: it wants all 24 anew before it runs a day again,
    and it waits for ever on a day of which the pipeline has only a part, the first or the last.
    """
    return Asset(name=f"sessionize_{config.name}_days")


def _date_param() -> Param:
    return Param(
        None,
        type=["null", "string"],
        pattern=r"^\d{4}-\d{2}-\d{2}$",
        title="Day",
        description="For a manual run: the day to make, in UTC, such as 2017-02-04.",
    )
