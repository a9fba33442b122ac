"""A look at the lake before runs of a pipeline of this project are created."""

from __future__ import annotations

import logging
from datetime import datetime

from sessionize.airflow.backfill.errors import BackfillError
from sessionize.airflow.page.pipelines import default_folder, find_pipelines
from sessionize.config import PipelineConfig
from sessionize.model.errors import (
    IntervalError,
    MissingStateError,
    OutdatedStateError,
    SessionizeError,
)
from sessionize.model.hours import Hour

log = logging.getLogger(__name__)


def check_first_hour(dag_id: str, date: datetime) -> None:
    """Make sure that the first hour of a backfill has a state to build upon.

    The task checks this by itself; to be told before anything is created is only kinder. So where
    the pipeline or its lake cannot be seen from here, nothing is said.

    Raises
    ------
    BackfillError
        If the hour lies before the pipeline's start, or the state before it is missing or outdated.
    """
    config = config_of(dag_id)
    if config is None:
        return
    hour = Hour(date)
    if hour < config.start:
        raise BackfillError(
            f"{hour} lies before the pipeline's first hour, {config.start}",
            f"Begin there: -s {config.start}:00. Or set `start` earlier, and run all from there.",
        )
    from sessionize.airflow.connection import credentials_of
    from sessionize.pipeline.stages import Pipeline, check_previous

    try:
        check_previous(Pipeline.open(config, credentials_of(config.airflow.aws_conn_id)), hour)
    except (MissingStateError, OutdatedStateError, IntervalError) as error:
        raise BackfillError(error.fault, error.remedy) from error
    except SessionizeError:
        log.debug("the lake of %s cannot be seen from here", dag_id, exc_info=True)


def config_of(dag_id: str) -> PipelineConfig | None:
    """Return the settings of the pipeline that makes the DAG; None if no file here does."""
    return find_pipelines(default_folder()).get(dag_id)
