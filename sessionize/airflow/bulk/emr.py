"""``bulk`` as a job of EMR Serverless."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.operators.emr import EmrServerlessStartJobOperator

from sessionize.airflow.bulk.emr_trigger import ENDED, EmrJobTrigger
from sessionize.airflow.faults import telling
from sessionize.model.errors import SparkError

if TYPE_CHECKING:
    from airflow.sdk import Context

#: EMR takes no longer name.
_NAME = 256


class EmrBulkOperator(EmrServerlessStartJobOperator):
    """Start the job, or find the one that an earlier try has started, and wait for it, deferred.

    Parameters
    ----------
    timeout : timedelta
        After which EMR itself ends the job; it would do so after 12 hours.
    **kwargs
        Those of the provider's operator.
    """

    def __init__(self, *, timeout: timedelta, **kwargs: Any) -> None:
        limit = {"executionTimeoutMinutes": int(timeout.total_seconds() // 60)}
        # The base starts the application and the job; it is here that the job is waited for.
        super().__init__(
            config=limit,
            wait_for_completion=False,
            deferrable=False,
            waiter_delay=15,
            waiter_max_attempts=40,
            **kwargs,
        )
        self.timeout = timeout

    @telling
    def execute(self, context: Context, event: dict[str, Any] | None = None) -> None:
        """Start the job and defer (Airflow's hook)."""
        ti = context["ti"]
        self.name = f"{ti.dag_id} {ti.run_id}"[-_NAME:]
        self.client_request_token = token_of(self.name, self._ended())
        job = super().execute(context)
        assert job is not None
        self.defer(
            trigger=EmrJobTrigger(self.application_id, job, self.aws_conn_id, self.region_name),
            method_name="job_ended",
        )

    @telling
    def job_ended(self, context: Context, event: dict[str, Any]) -> str:
        """Return the id of the job that has ended well.

        Raises
        ------
        SparkError
            If it has not.
        """
        job = str(event["job"])
        if event["state"] != "SUCCESS":
            raise SparkError(
                f"job {job} of EMR Serverless application {self.application_id} is "
                f"{event['state']}: {event['said'][:600]}",
                "Its driver's log, `stderr`, ends with what to do. Do it, and clear the task; what "
                "it has published stays.",
            )
        return job

    def _ended(self) -> int:
        """Count the run's jobs that have ended, however they did."""
        client: Any = self.hook.conn
        pages = client.get_paginator("list_job_runs").paginate(
            applicationId=self.application_id, states=[*ENDED]
        )
        return sum(job.get("name") == self.name for page in pages for job in page["jobRuns"])


def token_of(name: str, ended: int) -> str:
    """Return the token under which EMR starts a job once.

    It is that of the run until its job has ended: a try after a worker has died gets the job that
    is there. Then it is another: a task that is cleared starts a new one.
    """
    return hashlib.sha256(f"{name} {ended}".encode()).hexdigest()[:64]
