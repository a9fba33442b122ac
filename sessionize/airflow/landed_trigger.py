"""The trigger that reads the queue of S3's messages, in Airflow's triggerer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from sessionize.airflow.landed_messages import landed_hours
from sessionize.model.hours import Hour
from sessionize.model.landing_prefix import LandingPrefix

log = logging.getLogger(__name__)

_PAUSE_SECONDS = 10.0
_PAUSE_AFTER_TROUBLE_SECONDS = 60.0
#: What is read before anything is told: 10 messages a request.
_MOST_REQUESTS = 100


class LandedTrigger(BaseEventTrigger):
    """Tell of each hour under which something lands, once; of the newest, if there are several.

    A message is deleted once its hour has been told: if the triggerer dies in between, it comes
    again. That is no promise: what Airflow loses from there on, the schedule makes good.

    Parameters
    ----------
    queue : str
        The URL of an SQS queue, or its name.
    aws_conn_id : str or None
        The Airflow connection; None leaves it to the standard AWS variables.
    raw, prefix : str
        Where the pipeline's objects land (see `landed_messages`).
    """

    def __init__(self, queue: str, aws_conn_id: str | None, raw: str, prefix: str) -> None:
        super().__init__()
        self.queue = queue
        self.aws_conn_id = aws_conn_id
        self.raw = raw
        self.prefix = prefix

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and the arguments (Airflow's hook)."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "queue": self.queue,
                "aws_conn_id": self.aws_conn_id,
                "raw": self.raw,
                "prefix": self.prefix,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield the newest hour that has landed, as ``{"landed": "2017-02-04T23"}``."""
        told: Hour | None = None
        queue: _Queue | None = None
        while True:
            try:
                if queue is None:
                    queue = await asyncio.to_thread(_Queue, self.queue, self.aws_conn_id)
                bodies, receipts = await asyncio.to_thread(queue.receive)
                hours = self._hours(bodies)
                if hours and (told is None or max(hours) > told):
                    told = max(hours)
                    yield TriggerEvent({"landed": str(told)})
                await asyncio.to_thread(queue.delete, receipts)
                pause = 0.0 if receipts else _PAUSE_SECONDS
            except Exception as error:
                # Whatever it is, a trigger that ends is not started again.
                log.exception("The queue %s cannot be read: %s", self.queue, error)
                queue, pause = None, _PAUSE_AFTER_TROUBLE_SECONDS
            await asyncio.sleep(pause)

    def _hours(self, bodies: list[str]) -> set[Hour]:
        """Return the hours of messages; an hour that is still to come is nobody's who lands now."""
        prefix, now = LandingPrefix(self.prefix), datetime.now(UTC)
        hours = set[Hour]().union(*(landed_hours(body, self.raw, prefix) for body in bodies))
        return {hour for hour in hours if hour.start <= now}


class _Queue:
    """An SQS queue. Every method waits for the network."""

    def __init__(self, queue: str, aws_conn_id: str | None) -> None:
        from airflow.providers.amazon.aws.hooks.sqs import SqsHook

        client: Any = SqsHook(aws_conn_id=aws_conn_id).get_conn()
        self._client = client
        self._url = queue if "://" in queue else client.get_queue_url(QueueName=queue)["QueueUrl"]

    def receive(self) -> tuple[list[str], list[str]]:
        """Return the bodies of what is in the queue, and the receipts to delete it with."""
        bodies, receipts = [], []
        for _ in range(_MOST_REQUESTS):
            answer = self._client.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=1
            )
            messages = answer.get("Messages", [])
            bodies += [message["Body"] for message in messages]
            receipts += [message["ReceiptHandle"] for message in messages]
            if not messages:
                break
        return bodies, receipts

    def delete(self, receipts: list[str]) -> None:
        """Delete what has been received; what cannot be deleted comes again."""
        for first in range(0, len(receipts), 10):
            self._client.delete_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": receipt}
                    for number, receipt in enumerate(receipts[first : first + 10])
                ],
            )
