"""The DAG that starts an hour's run when the data says that the hour has been delivered.

Firehose delivers its buffers one after the other. So an object of a *later* hour says more than the
clock does: what was buffered when the hour ended has landed. Nothing hangs on it: the run claims
what the listing shows, as every run does, and where no message comes, the schedule starts it.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Asset, AssetWatcher, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from sessionize.airflow.faults import telling
from sessionize.airflow.landed_trigger import LandedTrigger
from sessionize.config import PipelineConfig, load_config
from sessionize.model.errors import IntervalError
from sessionize.model.hours import Hour, hours_between

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)

_MANUAL = """\
Starts a run of `{dag_id}` as soon as an object of a later hour has landed, which shows that
Firehose has delivered what it buffered at the hour's end. S3 tells of objects through the queue
`{queue}`.

It only starts runs. What is lost, doubled or out of order in the queue, and what comes while this
DAG is paused, changes nothing but the time: {wait} after its end the schedule of `{dag_id}` starts
the hour's run, unless it is there. A run of this DAG is skipped if there is nothing to start.
"""


def build_wake(pipeline_file: str | Path, config: PipelineConfig | None = None) -> DAG | None:
    """Build the DAG ``sessionize_<name>_wake`` of a pipeline that is woken by data; else None.

    Raises
    ------
    ConfigError
        If the pipeline file is wrong.
    """
    config = config or load_config(pipeline_file)
    settings = config.airflow
    if settings.trigger != "sqs":
        return None
    dag_id = f"sessionize_{config.name}"
    with DAG(
        dag_id=f"{dag_id}_wake",
        description=f"Starts runs of {dag_id} when data lands",
        doc_md=_MANUAL.format(dag_id=dag_id, queue=settings.queue, wait=settings.delivery_wait),
        schedule=[landed_asset(config)],
        start_date=config.start.start,
        catchup=False,
        # Of two messages at once the second finds what the first has started.
        max_active_runs=1,
        is_paused_upon_creation=True,
        tags=["sessionize", "firehose", *settings.tags],
        default_args={"owner": settings.owner, "retries": 0},
        auto_register=False,
    ) as dag:
        file = str(pipeline_file)
        StartHourOperator.partial(
            task_id="start_hour",
            trigger_dag_id=dag_id,
            first=str(config.start),
            map_index_template="{{ task.hour }}",
            max_active_tis_per_dagrun=1,
        ).expand_kwargs(find_hours(file, dag_id))
    return dag


def landed_asset(config: PipelineConfig) -> Asset:
    """Return the asset of a pipeline's landed objects; the queue's messages make its events."""
    settings = config.airflow
    trigger = LandedTrigger(
        queue=str(settings.queue),
        aws_conn_id=settings.aws_conn_id,
        raw=config.raw,
        prefix=str(config.landing.prefix),
    )
    name = f"sessionize_{config.name}_landed"
    return Asset(name=name, watchers=[AssetWatcher(name=f"{name}_queue", trigger=trigger)])


@task
@telling
def find_hours(pipeline_file: str, dag_id: str) -> list[dict[str, str]]:
    """List the hours to start, each with the hour whose objects have begun to land."""
    context = get_current_context()
    ti = context["ti"]
    landed = max(_landed(context), default=None)
    if landed is None:
        log.info("The messages name no hour of the pipeline")
        return []
    if ti.get_dag(dag_id).is_paused:
        log.info("%s is paused: no run of it is started", dag_id)
        return []
    hours = hours_to_start(
        landed,
        datetime.now(UTC),
        load_config(pipeline_file),
        lambda hour: _has_run(ti, dag_id, hour),
    )
    to_start = ", ".join(map(str, hours)) or "no hour"
    log.info("An object of %s has landed; to be started: %s", landed, to_start)
    return [{"hour": str(hour), "landed": str(landed)} for hour in hours]


class StartHourOperator(TriggerDagRunOperator):
    """Start the run of an hour, unless it has one, with the dates that the schedule would give it.

    Parameters
    ----------
    hour, landed : str
        The hour, and a later one whose objects have begun to land.
    first : str
        The pipeline's first hour.
    """

    def __init__(self, *, hour: str, landed: str, first: str, **kwargs: Any) -> None:
        # Between the question and the start the schedule may have been faster.
        super().__init__(skip_when_already_exists=True, **kwargs)
        self.hour = hour
        self.landed = landed
        self.first = first

    def execute(self, context: Context) -> None:
        """Start the run, or skip."""
        hour, ti, dag_id = Hour.parse(self.hour), context["ti"], self.trigger_dag_id
        if _has_run(ti, dag_id, hour):
            raise AirflowSkipException(f"{hour} has a run")
        if self.hour != self.first and not _has_run(ti, dag_id, hour.previous):
            raise AirflowSkipException(f"{hour.previous} has no run: {hour} would fail")
        self.trigger_run_id = f"woken__{hour}"
        self.logical_date, self.run_after = hour.start, hour.end
        self.conf = {"landed": self.landed}
        super().execute(context)


def hours_to_start(
    landed: Hour, now: datetime, config: PipelineConfig, has_run: Callable[[Hour], bool]
) -> list[Hour]:
    """List the hours whose runs are to be started, now that an object of ``landed`` is there.

    Those that the schedule has not come to yet, from the first without a run on, if the hour before
    it has one. Otherwise they would fail for want of a state, and the schedule, finding their runs,
    would pass them by.

    Parameters
    ----------
    landed : Hour
        The newest hour under which something has landed.
    now : datetime
        The time, aware.
    config : PipelineConfig
        The pipeline.
    has_run : callable
        Tells whether Airflow has a run of an hour.
    """
    since = now - config.airflow.delivery_wait
    first = max(config.start, Hour.containing(since))
    end = min(landed, Hour.containing(now))
    hours = list(hours_between(first, end if config.end is None else min(end, config.end)))
    hours = list(itertools.dropwhile(has_run, hours))
    if not hours or (hours[0] != config.start and not has_run(hours[0].previous)):
        return []
    return [hour for hour in hours if not has_run(hour)]


def _has_run(ti: Any, dag_id: str, hour: Hour) -> bool:
    return bool(ti.get_dr_count(dag_id, logical_dates=[hour.start]))


def _landed(context: Context) -> Iterable[Hour]:
    """Yield the hours of the events that have triggered the run."""
    for events in context["triggering_asset_events"].values():
        for event in events:
            try:
                yield Hour.parse(event.extra["payload"]["landed"])
            except (IntervalError, KeyError, TypeError, AttributeError):
                continue  # somebody has made an event by hand
