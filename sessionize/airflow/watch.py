"""The DAG that looks whether a pipeline is well, and tells if it is not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, CronTriggerTimetable, task

from sessionize.config import PipelineConfig, load_config

_MANUAL = """\
Looks at the ledgers of `{lake}` every ten minutes: hours that are late, outdated or interrupted,
shares over `[limits] warn_…`, empty hours. What is wrong is told to those that `[[alerts.notify]]`
names, once; again when it has doubled; and when it is resolved. If the file names nobody, the task
fails as long as something is wrong.

It remembers what it has told in `_alerts.json` of the lake, and carries nothing from run to run: a
run that is missed is made up by the next. The same, in a shell: `python -m sessionize alerts`.
"""


def build_watch(pipeline_file: str | Path, config: PipelineConfig | None = None) -> DAG | None:
    """Build the DAG ``sessionize_<name>_watch``; None if nobody wants to be told of anything.

    It is not paused at first: who has written ``[alerts]`` wants to be told.

    Raises
    ------
    ConfigError
        If the pipeline file is wrong.
    """
    config = config or load_config(pipeline_file)
    if not config.alerts.are_on:
        return None
    with DAG(
        dag_id=f"sessionize_{config.name}_watch",
        description=f"Tells what is wrong with the hours of {config.lake}",
        doc_md=_MANUAL.format(lake=config.lake),
        schedule=CronTriggerTimetable("*/10 * * * *", timezone="UTC"),
        start_date=config.start.start,
        catchup=False,
        max_active_runs=1,
        # One that hangs must not hold the next for ever.
        dagrun_timeout=timedelta(minutes=30),
        is_paused_upon_creation=False,
        tags=["sessionize", *config.airflow.tags],
        default_args={
            "owner": config.airflow.owner,
            "retries": 0,  # the next run is soon
            "execution_timeout": timedelta(minutes=20),
        },
        auto_register=False,
    ) as dag:
        look(str(pipeline_file))
    return dag


@task
def look(pipeline_file: str) -> int:
    """Look at the pipeline, and tell what is wrong; return how much was told."""
    from sessionize.airflow.alerts import watch

    return watch(pipeline_file)
