"""The trigger, on an SQS queue over HTTP that S3 really sends its messages to."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient

from sessionize.airflow import landed_trigger
from sessionize.airflow.landed_trigger import LandedTrigger
from sessionize.lake.storage import S3Credentials
from sessionize.model.hours import Hour
from sessionize.model.landing_prefix import DEFAULT_PREFIX
from tests.deploy.iam import Call, allowing, rendered, rights

HOUR = Hour.parse("2017-02-04T23")


class Bucket:
    """A bucket whose new objects are told to a queue."""

    def __init__(self, credentials: S3Credentials, name: str) -> None:
        session = boto3.Session("testing", "testing", region_name="us-east-1")
        self.name = name
        self.s3 = session.client("s3", endpoint_url=credentials.endpoint_url)
        self.sqs = session.client("sqs", endpoint_url=credentials.endpoint_url)
        self.queue = self.sqs.create_queue(QueueName=f"landed-{uuid.uuid4().hex}")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])
        self.s3.put_bucket_notification_configuration(
            Bucket=name,
            NotificationConfiguration={
                "QueueConfigurations": [
                    {
                        "QueueArn": arn["Attributes"]["QueueArn"],
                        "Events": ["s3:ObjectCreated:*"],
                        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "raw/"}]}},
                    }
                ]
            },
        )

    def land(self, hour: Hour) -> None:
        key = f"raw/{hour.landing_prefix}stream-1-{uuid.uuid4()}"
        self.s3.put_object(Bucket=self.name, Key=key, Body=b"{}")

    def send(self, body: str) -> None:
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=body)

    @property
    def messages(self) -> int:
        """What waits in the queue, or has been received and not deleted."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)


@pytest.fixture
def landing(s3_credentials: S3Credentials, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    monkeypatch.setenv("AWS_ENDPOINT_URL", str(s3_credentials.endpoint_url))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(landed_trigger, "_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(landed_trigger, "_PAUSE_AFTER_TROUBLE_SECONDS", 0.05)
    return Bucket(s3_credentials, bucket)


def trigger_of(landing: Bucket, queue: str | None = None) -> LandedTrigger:
    raw = f"s3://{landing.name}/raw"
    return LandedTrigger(queue or landing.queue, None, raw, str(DEFAULT_PREFIX))


async def told(trigger: LandedTrigger, count: int) -> list[str]:
    """The hours of the first events."""
    events = trigger.run()
    return [(await anext(events)).payload["landed"] for _ in range(count)]


def test_it_tells_of_the_newest_hour(landing: Bucket):
    for hour in (HOUR, HOUR.next, HOUR):
        landing.land(hour)
    assert asyncio.run(told(trigger_of(landing), 1)) == [str(HOUR.next)]


def test_the_queue_can_be_given_by_its_name(landing: Bucket):
    landing.land(HOUR)
    name = landing.queue.rpartition("/")[2]
    assert asyncio.run(told(trigger_of(landing, name), 1)) == [str(HOUR)]


def test_junk_older_hours_and_those_to_come_are_read_and_not_told(landing: Bucket):
    async def run() -> None:
        events = trigger_of(landing).run()
        landing.land(HOUR)
        assert (await anext(events)).payload == {"landed": str(HOUR)}
        coming = asyncio.create_task(anext(events))
        landing.send('{"Event": "s3:TestEvent"}')
        landing.send("?")
        landing.land(HOUR.previous)
        landing.land(HOUR)
        landing.land(Hour(datetime(2099, 1, 1, tzinfo=UTC)))
        while landing.messages:
            await asyncio.sleep(0.01)
        assert not coming.done()
        landing.land(HOUR.next)
        assert (await coming).payload == {"landed": str(HOUR.next)}

    asyncio.run(asyncio.wait_for(run(), 60))


def test_a_message_stays_until_its_hour_has_been_told(landing: Bucket):
    async def run() -> None:
        events = trigger_of(landing).run()
        await anext(events)
        assert landing.messages == 1  # received; it would come again
        await events.aclose()

    landing.send(json.dumps({"Event": "s3:TestEvent"}))
    landing.sqs.purge_queue(QueueUrl=landing.queue)
    landing.land(HOUR)
    asyncio.run(asyncio.wait_for(run(), 60))
    assert landing.messages == 1


def test_a_queue_that_cannot_be_read_is_tried_again(landing: Bucket, caplog):
    async def run() -> None:
        name = f"later-{uuid.uuid4().hex}"
        coming = asyncio.create_task(anext(trigger_of(landing, name).run()))
        while "cannot be read" not in caplog.text:
            await asyncio.sleep(0.01)
        queue = landing.sqs.create_queue(QueueName=name)["QueueUrl"]
        key = f"raw/{HOUR.landing_prefix}a"
        s3 = {"bucket": {"name": landing.name}, "object": {"key": key}}
        body = json.dumps({"Records": [{"eventName": "ObjectCreated:Put", "s3": s3}]})
        landing.sqs.send_message(QueueUrl=queue, MessageBody=body)
        assert (await coming).payload == {"landed": str(HOUR)}

    asyncio.run(asyncio.wait_for(run(), 60))


def test_it_comes_back_from_what_airflow_keeps_of_it(landing: Bucket):
    trigger = trigger_of(landing)
    path, arguments = trigger.serialize()
    assert path == "sessionize.airflow.landed_trigger.LandedTrigger"
    assert LandedTrigger(**arguments).serialize() == (path, arguments)


def test_it_asks_of_the_queue_what_its_policy_allows_and_all_of_it(
    landing: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = set()
    call = BaseClient._make_api_call

    def noted(self: BaseClient, operation: str, params: dict[str, Any]) -> Any:
        if self.meta.service_model.service_name == "sqs":
            asked.add(operation.removesuffix("Batch"))  # IAM has one action for both
        return call(self, operation, params)

    landing.land(HOUR)
    monkeypatch.setattr(BaseClient, "_make_api_call", noted)
    queue = landed_trigger._Queue(landing.queue.rpartition("/")[2], None)
    bodies, receipts = queue.receive()
    queue.delete(receipts)
    assert bodies
    arn = "arn:aws:sqs:us-east-1:123456789012:landed"
    policy = rendered(
        "pipeline", raw_bucket="", raw_prefix="", lake_bucket="", lake_prefix="", queue=arn
    )
    allowed = {action for sid, action in rights(policy) if sid == "HearOfWhatLands"}
    assert allowed == {f"sqs:{operation}" for operation in asked}
    assert all(allowing(policy, Call(action, arn)) for action in allowed)
