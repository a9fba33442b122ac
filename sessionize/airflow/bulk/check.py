"""Before Spark is started: whether the hours are of the pipeline, and nobody else runs them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context, task

from sessionize.airflow.faults import telling
from sessionize.airflow.run_hour import check_begun
from sessionize.config import PipelineConfig, load_config
from sessionize.model.errors import IntervalError, RequestError
from sessionize.model.hours import Hour

if TYPE_CHECKING:
    from airflow.sdk.types import RuntimeTaskInstanceProtocol

log = logging.getLogger(__name__)

#: A paused DAG starts no task; those in one of these states are at work, or about to be.
_AT_WORK = ["queued", "running", "restarting"]


@task
@telling
def check(pipeline_file: str, config: str) -> list[str]:
    """Check the run's params and the hourly DAG; return the options of ``bulk``.

    Parameters
    ----------
    pipeline_file : str
        As it is found here.
    config : str
        As the driver finds it.
    """
    settings = load_config(pipeline_file)
    context = get_current_context()
    first, end = range_of(context["params"], settings, datetime.now(UTC))
    check_idle(context["ti"], f"sessionize_{settings.name}")
    resume = ["--resume"] if context["params"]["resume"] else []
    log.info("Hours %s to %s, which is not one of them", first, end)
    return ["--config", config, "--from", str(first), "--to", str(end), *resume]


def range_of(params: Mapping[str, Any], config: PipelineConfig, now: datetime) -> tuple[Hour, Hour]:
    """Return the hours of the params ``from`` and ``to``, half-open.

    Raises
    ------
    IntervalError
        If they are no range, or not all of its hours are the pipeline's and have begun.
    """
    first, end = Hour.parse(params["from"]), Hour.parse(params["to"])
    if end <= first:
        raise IntervalError(
            f"the param `to`, {end}, is not after `from`, {first}",
            "Give the first hour, and the one after the last.",
        )
    if first < config.start or (config.end is not None and end > config.end):
        hours = f"{config.start} on" if config.end is None else f"{config.start} to {config.end}"
        raise IntervalError(
            f"{first} to {end} are not all hours of the pipeline: it has those from {hours}",
            "Give hours of the pipeline, or mend `start` or `end` in its file.",
        )
    check_begun(end.previous, now)
    return first, end


def check_idle(ti: RuntimeTaskInstanceProtocol, dag_id: str) -> None:
    """Make sure that the hourly DAG is paused, and none of its tasks is at work.

    Raises
    ------
    RequestError
        If it could run an hour meanwhile.
    """
    if not ti.get_dag(dag_id).is_paused:
        raise RequestError(
            f"{dag_id} is not paused: it could run the same hours meanwhile",
            f"Pause it (airflow dags pause {dag_id}), and clear this task once its tasks are done.",
        )
    if at_work := ti.get_ti_count(dag_id, states=_AT_WORK):
        raise RequestError(
            f"{dag_id} is paused, and {at_work} of its tasks are still at work",
            "Wait until they are done, then clear this task.",
        )
