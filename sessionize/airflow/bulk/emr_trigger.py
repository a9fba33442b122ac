"""Waiting for a job of EMR Serverless without holding a worker.

The provider's own trigger needs aiobotocore, which goes with no botocore as new as this package's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

#: The states in which a job has ended.
ENDED = ("SUCCESS", "FAILED", "CANCELLED")
#: So many questions in a row may go without an answer.
_PATIENCE = 30


class EmrJobTrigger(BaseTrigger):
    """Ends with an event that holds the job's state, and EMR's words on it.

    Parameters
    ----------
    application_id, job_id : str
    aws_conn_id, region : str or None
        None: what the standard AWS variables say.
    pause : float
        Seconds between two questions.
    """

    def __init__(
        self,
        application_id: str,
        job_id: str,
        aws_conn_id: str | None,
        region: str | None,
        pause: float = 30.0,
    ) -> None:
        super().__init__()
        self.application_id = application_id
        self.job_id = job_id
        self.aws_conn_id = aws_conn_id
        self.region = region
        self.pause = pause

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Say how to make it again, in the triggerer (Airflow's hook)."""
        names = ("application_id", "job_id", "aws_conn_id", "region", "pause")
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Ask until the job has ended (Airflow's hook).

        An error that lasts goes on to the task, whose next try finds the job again.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        failures = 0
        while True:
            try:
                job = await asyncio.to_thread(self._job)
            except (BotoCoreError, ClientError) as error:
                failures += 1
                if failures == _PATIENCE:
                    raise
                self.log.warning("EMR does not answer, and is asked again: %s", error)
            else:
                failures = 0
                if job["state"] in ENDED:
                    said = str(job.get("stateDetails") or "")
                    yield TriggerEvent({"job": self.job_id, "state": job["state"], "said": said})
                    return
            await asyncio.sleep(self.pause)

    async def on_kill(self) -> None:
        """Cancel the job, for somebody has ended the task (Airflow's hook)."""
        await asyncio.to_thread(
            lambda: self._client().cancel_job_run(
                applicationId=self.application_id, jobRunId=self.job_id
            )
        )

    def _job(self) -> dict[str, Any]:
        answer = self._client().get_job_run(applicationId=self.application_id, jobRunId=self.job_id)
        job: dict[str, Any] = answer["jobRun"]
        return job

    def _client(self) -> Any:
        from airflow.providers.amazon.aws.hooks.emr import EmrServerlessHook

        return EmrServerlessHook(aws_conn_id=self.aws_conn_id, region_name=self.region).conn
