"""The DAG that starts an hour's run when the data says that the hour has been delivered.

Firehose delivers its buffers one after the other. So an object of a *later* hour says more than the
clock does: what was buffered when the hour ended has landed. Nothing hangs on it: the run claims
what the listing shows, as every run does, and where no message comes, the schedule starts it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Asset, AssetWatcher
from airflow.sdk.exceptions import AirflowSkipException

from sessionize.airflow.faults import telling
from sessionize.airflow.landed_trigger import LandedTrigger
from sessionize.config import PipelineConfig, load_config
from sessionize.model.errors import IntervalError
from sessionize.model.hours import Hour

if TYPE_CHECKING:
    from airflow.sdk import Context

_MANUAL = """\
Starts a run of `{dag_id}` as soon as an object of a later hour has landed, which shows that
Firehose has delivered what it buffered at the hour's end. S3 tells of objects through the queue
`{queue}`.

It only starts runs. What is lost, doubled or out of order in the queue, and what comes while this
DAG is paused, changes nothing but the time: {wait} after its end the schedule of `{dag_id}` starts
the hour's run, unless it is there. A run of this DAG is skipped if there is nothing to start.
"""


def build_wake_dag(pipeline_file: str | Path) -> DAG:
    """Build the DAG ``sessionize_<name>_wake`` of a pipeline that is woken by data.

    Raises
    ------
    ConfigError
        If the pipeline file is wrong.
    """
    config = load_config(pipeline_file)
    settings = config.airflow
    assert settings.queue is not None, "checked with the settings"
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
        WakeOperator(task_id="start_hour", pipeline_file=str(pipeline_file), trigger_dag_id=dag_id)
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


class WakeOperator(TriggerDagRunOperator):
    """Start the run of an hour that the triggering events show to be delivered; else skip.

    Parameters
    ----------
    pipeline_file : str
        The pipeline.
    """

    def __init__(self, *, pipeline_file: str, **kwargs: Any) -> None:
        # Between the question and the start the schedule may have been faster.
        super().__init__(skip_when_already_exists=True, **kwargs)
        self.pipeline_file = pipeline_file

    @telling
    def execute(self, context: Context) -> None:
        """Decide on the hour, and start its run."""
        ti, dag_id = context["ti"], self.trigger_dag_id
        landed = max(_landed(context), default=None)
        if landed is None:
            raise AirflowSkipException("the messages name no hour of the pipeline")
        if ti.get_dag(dag_id).is_paused:
            raise AirflowSkipException(f"{dag_id} is paused: no run of it is started")
        config = load_config(self.pipeline_file)
        hour = hour_to_start(
            landed,
            datetime.now(UTC),
            config,
            lambda hour: ti.get_dr_count(dag_id, logical_dates=[hour.start]) > 0,
        )
        if hour is None:
            raise AirflowSkipException(
                f"an object of {landed} has landed: nothing is to be started"
            )
        self.log.info("An object of %s has landed: %s is started", landed, hour)
        # The date and the interval that the schedule would have given it.
        self.trigger_run_id = f"woken__{hour}"
        self.logical_date, self.run_after = hour.start, hour.end
        self.conf = {"landed": str(landed)}
        super().execute(context)


def hour_to_start(
    landed: Hour, now: datetime, config: PipelineConfig, has_run: Callable[[Hour], bool]
) -> Hour | None:
    """Tell which hour's run is to be started, now that an object of ``landed`` is there.

    The oldest that the schedule has not come to yet, if the hour before it has a run. Without one
    it would fail for want of a state, and the schedule, finding the run, would pass the hour by.

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
    hour = max(config.start, Hour(since.replace(minute=0, second=0, microsecond=0)))
    while hour < landed and hour.end <= now and (config.end is None or hour < config.end):
        if not has_run(hour):
            return hour if hour == config.start or has_run(hour.previous) else None
        hour = hour.next
    return None


def _landed(context: Context) -> Iterable[Hour]:
    """Yield the hours of the events that have triggered the run."""
    for events in context["triggering_asset_events"].values():
        for event in events:
            try:
                yield Hour.parse(event.extra["payload"]["landed"])
            except (IntervalError, KeyError, TypeError, AttributeError):
                continue  # somebody has made an event by hand
