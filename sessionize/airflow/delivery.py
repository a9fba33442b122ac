"""Waiting until Firehose has delivered the hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk import BaseOperator

from sessionize.airflow.faults import telling
from sessionize.airflow.run_hour import check_begun, hour_of_run
from sessionize.config import load_config
from sessionize.model.hours import Hour

if TYPE_CHECKING:
    from airflow.sdk import Context


class DeliveryOperator(BaseOperator):
    """Succeed once the hour has ended and Firehose's buffer has had time to be delivered.

    A run that was woken by data says in ``landed`` of its configuration which later hour has begun
    to land: it need not wait.

    It waits in the triggerer and takes no worker slot; for an hour long past it does not wait.

    It is the run's first task: an hour that is none of the pipeline's, or has not begun, is refused
    here.

    Parameters
    ----------
    pipeline_file : str
        The pipeline.
    wait : timedelta
        How long after the hour's end an object can still appear.
    """

    def __init__(self, *, pipeline_file: str, wait: timedelta, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pipeline_file = pipeline_file
        self.wait = wait

    @telling
    def execute(self, context: Context) -> None:
        """Defer until the moment, unless it has passed."""
        hour = hour_of_run(context)
        load_config(self.pipeline_file).check_scheduled(hour)
        check_begun(hour, datetime.now(UTC))
        landed = (context["dag_run"].conf or {}).get("landed")
        if landed is not None and Hour.parse(landed) > hour and hour.end <= datetime.now(UTC):
            self.log.info("Hour %s: delivered, for an object of %s has landed", hour, landed)
            return
        moment = hour.end + self.wait
        if moment <= datetime.now(UTC):
            self.log.info("Hour %s: delivered since %s", hour, moment)
            return
        self.log.info("Hour %s: waiting until %s for what Firehose still buffers", hour, moment)
        self.defer(
            trigger=DateTimeTrigger(moment=moment, end_from_trigger=True),
            method_name="execute",
        )
