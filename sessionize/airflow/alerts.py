"""When the operator is told: by the watch, by a missed deadline, by a task that has failed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

# Airflow's stubs lack them.
from airflow.sdk import (  # type: ignore[attr-defined]
    AsyncCallback,
    DeadlineAlert,
    DeadlineReference,
)

from sessionize.airflow.run_hour import hour_of_run
from sessionize.config import PipelineConfig, load_config

if TYPE_CHECKING:
    from airflow.sdk import Context

    from sessionize.lake.layout import Lake

log = logging.getLogger(__name__)


def watch(pipeline_file: str) -> int:
    """Look at a pipeline, and tell what is wrong; return how much was told.

    Raises
    ------
    FindingsError
        If something is wrong, and the pipeline file names nobody to tell.
    NotToldError
        If somebody could not be told.
    """
    from sessionize.airflow.notify import recipients_of
    from sessionize.alerts.check import look
    from sessionize.alerts.messages import line_of
    from sessionize.alerts.tell import tell_look
    from sessionize.model.errors import FindingsError

    config = load_config(pipeline_file)
    lake, now = _lake(config), datetime.now(UTC)
    seen = look(lake, config, now)
    lines = [line_of(finding, config.name) for finding in seen.findings]
    for line in lines:
        log.warning("%s. %s", line.text, line.remedy)
    recipients = recipients_of(config)
    if lines and not recipients:
        raise FindingsError(
            "; ".join(line.text for line in lines),
            "The log says what to do. To be told elsewhere, name somebody in `[[alerts.notify]]`.",
        )
    if not recipients:
        return 0
    return tell_look(lake, config.name, seen, recipients, now, page_of(config))


def deadline_of(config: PipelineConfig, pipeline_file: str) -> DeadlineAlert | None:
    """Return the deadline of each run: an hour is published `late_after` its run is queued.

    A run of the schedule is queued when its hour ends. The deadline does not go by the logical
    date: a run that is started by its hour alone has none, and Airflow then refuses it; and all
    hours of a backfill would have missed it from the start.
    """
    late = config.alerts.late_after
    if late is None or not config.alerts.notify:
        return None
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        # Airflow serializes a plain one only.
        interval=timedelta(seconds=late.total_seconds()),
        callback=AsyncCallback(deadline_missed, kwargs={"pipeline_file": pipeline_file}),
        name=f"published within {late}",
    )


async def deadline_missed(pipeline_file: str) -> None:
    """Look at once: the triggerer calls this, where no executor and no scheduled run is needed.

    What the watch has told already is not told again.
    """
    await asyncio.to_thread(watch, pipeline_file)


def failure_callback(
    config: PipelineConfig, pipeline_file: str
) -> Callable[[Context], None] | None:
    """Return what Airflow calls when a task has failed for good; None if nobody is to be told."""
    if not config.alerts.failures or not config.alerts.notify:
        return None
    return partial(task_failed, pipeline_file)


def task_failed(pipeline_file: str, context: Context) -> None:
    """Tell of a task that has failed, once an hour; the watch tells when the hour is published.

    If the lake is what has failed, nobody can remember: then it is told at each failure.
    """
    from sessionize.airflow.notify import recipients_of
    from sessionize.alerts.findings import FailedTask
    from sessionize.alerts.messages import line_of, message_of
    from sessionize.alerts.tell import tell_failure
    from sessionize.model.errors import NotToldError

    config = load_config(pipeline_file)
    hour = hour_of_run(context)
    failure = FailedTask(hour, hour, 1, context["ti"].task_id, _said(context.get("exception")))
    recipients, page = recipients_of(config), page_of(config)
    try:
        tell_failure(_lake(config), config.name, failure, recipients, datetime.now(UTC), page)
    except NotToldError:
        raise
    except Exception:
        log.warning("What has been told cannot be remembered", exc_info=True)
        message = message_of(config.name, [line_of(failure, config.name)], page)
        for send in recipients.values():
            send(message)


def page_of(config: PipelineConfig) -> str | None:
    """Return the address of the DAG's page; None if Airflow does not know its own."""
    from airflow.sdk.configuration import conf

    base = conf.get("api", "base_url", fallback=None)
    return f"{base.rstrip('/')}/dags/sessionize_{config.name}" if base else None


def _said(error: Any) -> str:
    """Say what went wrong, without records: what a limit's error shows of them is for the log."""
    if error is None:
        return "its process has ended"
    from sessionize.model.errors import SessionizeError

    # In Airflow 3.2 a task may raise another error, from it: see `retries.as_airflow_asks`.
    for each in (error, getattr(error, "__cause__", None)):
        if isinstance(each, SessionizeError):
            return each.fault.partition("; such as ")[0]
    return f"{type(error).__name__}: {error}"


def _lake(config: PipelineConfig) -> Lake:
    from sessionize.airflow.connection import credentials_of
    from sessionize.pipeline.stages import Pipeline

    return Pipeline.open(config, credentials_of(config.airflow.aws_conn_id)).lake
