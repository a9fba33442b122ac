"""Woken by data in a real Airflow: S3 tells SQS, SQS wakes the run; the schedule is the net."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pyarrow.parquet as pq
import pytest

from local.s3 import ACCESS_KEY, REGION, SECRET_KEY
from local.stack import Stack, running_stack
from sessionize.model.hours import Hour
from tests.airflow.live import ask_database, log_of, states, store, wait_until
from tests.pipeline.scenario import content, land

pytestmark = pytest.mark.slow

_THIS = Hour(datetime.now(UTC).replace(minute=0, second=0, microsecond=0))
HOURS = [Hour(_THIS.start - timedelta(hours=n)) for n in (3, 2, 1)]
FIRST, SECOND, THIRD = HOURS

_PIPELINE = f"""\
name  = "{{name}}"
raw   = "s3://events/raw-{{name}}"
lake  = "s3://events/{{name}}"
start = {FIRST}:00:00Z
end   = {_THIS}:00:00Z

[airflow]
aws_conn_id   = "aws_default"
delivery_wait = "{{wait}}"
trigger       = "sqs"
queue         = "{{name}}"
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two pipelines: one woken long before the schedule, one whose messages come too late."""
    folder = tmp_path_factory.mktemp("stack")
    pipelines = folder / "pipelines"
    pipelines.mkdir()
    for name, wait in (("woken", "100h"), ("netted", "1s")):
        (pipelines / f"{name}.toml").write_text(_PIPELINE.format(name=name, wait=wait))
    with running_stack(folder / "airflow", pipelines) as stack:
        queue_of(stack, "netted")
        notify(stack, queue_of(stack, "woken"))
        for name in ("woken", "woken_wake", "netted", "netted_wake"):
            stack.wait_for_dag(f"sessionize_{name}")
        yield stack


def sqs(stack: Stack):
    session = boto3.Session(ACCESS_KEY, SECRET_KEY, region_name=REGION)
    return session.client("sqs", endpoint_url=stack.s3_endpoint)


def queue_of(stack: Stack, name: str) -> str:
    return sqs(stack).create_queue(QueueName=name)["QueueUrl"]


def notify(stack: Stack, queue: str) -> None:
    """Let S3 tell the queue of every object; it begins with its `s3:TestEvent`."""
    attributes = sqs(stack).get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    arn = attributes["Attributes"]["QueueArn"]
    told = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}
    stack.s3.s3.put_bucket_notification_configuration(
        Bucket="events", NotificationConfiguration={"QueueConfigurations": [told]}
    )


def waiting(stack: Stack, queue: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = sqs(stack).get_queue_attributes(QueueUrl=queue, AttributeNames=names)
    return sum(int(answer["Attributes"][name]) for name in names)


def land_event(stack: Stack, hour: Hour, name: str, minute: int = 10, to: str = "woken") -> None:
    record = {
        "event_id": f"{hour}-{name}",
        "timestamp": f"{hour}:{minute}:00Z",
        "action": "readerview",
        "inst_id": "a1",
        "build_id": "10.3.5.34",
    }
    land(store(stack, f"raw-{to}"), hour, name, [record])


def runs(stack: Stack, name: str) -> dict[str, str]:
    """The runs of a pipeline by their hour: how each came to be."""
    rows = ask_database(
        stack,
        "select logical_date, run_id, data_interval_start from dag_run"
        f" where dag_id = 'sessionize_{name}'",
    )
    assert all(date == start for date, _, start in rows)
    return {f"{date:%Y-%m-%dT%H}": run_id.partition("__")[0] for date, run_id, _ in rows}


def are_done(stack: Stack, name: str, hours: list[Hour]) -> bool:
    return states(stack, f"sessionize_{name}") == {str(hour): "success" for hour in hours}


def run_without_airflow(stack: Stack, name: str, folder: Path) -> dict[str, bytes]:
    """Run the hours with the command line; return what its lake then holds."""
    file = folder / "pipeline.toml"
    text = _PIPELINE.format(name=name, wait="0s")
    file.write_text(text.replace(f"s3://events/{name}", f"s3://events/{name}-alone"))
    command = ("run", f"--config={file}", f"--from={FIRST}", f"--to={_THIS}")
    subprocess.run([sys.executable, "-m", "sessionize", *command], env=stack.env, check=True)
    return content(store(stack, f"{name}-alone"))


def event_ids(lake: dict[str, bytes]) -> list[str]:
    """The ids of all events of a lake."""
    found: list[str] = []
    for key, data in lake.items():
        if key.startswith("events/"):
            found += pq.read_table(io.BytesIO(data), columns=["event_id"])["event_id"].to_pylist()
    return sorted(found)


def unpause(stack: Stack, *names: str) -> None:
    for name in names:
        stack.airflow("dags", "unpause", "--yes", f"sessionize_{name}")


def test_an_hour_runs_once_something_of_a_later_one_lands_long_before_the_schedule(stack: Stack):
    unpause(stack, "woken", "woken_wake")
    queue = queue_of(stack, "woken")
    for name in ("one", "two"):
        land_event(stack, FIRST, name)
    wait_until(stack, lambda: waiting(stack, queue) == 0, "the messages are read")
    assert runs(stack, "woken") == {}

    for body in ("junk", '{"Records": [{}]}'):
        sqs(stack).send_message(QueueUrl=queue, MessageBody=body)
    land_event(stack, SECOND, "one")
    wait_until(stack, lambda: are_done(stack, "woken", [FIRST]), "the first hour is done")
    assert runs(stack, "woken") == {str(FIRST): "woken"}
    said = log_of(stack, "sessionize_woken", "wait_for_delivery")
    assert f"Hour {FIRST}: delivered, for an object of {SECOND} has landed" in said


def test_messages_lost_doubled_out_of_order_or_late_start_the_same_runs(
    stack: Stack, tmp_path: Path
):
    queue = queue_of(stack, "woken")
    land_event(stack, FIRST, "straggler", 20)  # out of order: a later run claims it
    land_event(stack, SECOND, "one")  # doubled
    stack.airflow("dags", "pause", "--yes", "sessionize_woken_wake")
    land_event(stack, THIRD, "one")
    sqs(stack).purge_queue(QueueUrl=queue)  # lost
    unpause(stack, "woken_wake")
    land_event(stack, _THIS, "one", 0)
    wait_until(stack, lambda: are_done(stack, "woken", HOURS), "all hours are done")
    assert runs(stack, "woken") == {str(hour): "woken" for hour in HOURS}
    # The straggler came after its hour's run: a later one has claimed it, and nothing is lost.
    at_once = run_without_airflow(stack, "woken", tmp_path)
    assert event_ids(content(store(stack, "woken"))) == event_ids(at_once)
    assert f"{FIRST}-straggler" in event_ids(at_once)


def test_without_messages_the_schedule_runs_the_hours(stack: Stack, tmp_path: Path):
    for hour in HOURS:
        land_event(stack, hour, "one", to="netted")
    unpause(stack, "netted", "netted_wake")
    wait_until(stack, lambda: are_done(stack, "netted", HOURS), "all hours are done")
    assert runs(stack, "netted") == {str(hour): "scheduled" for hour in HOURS}
    assert content(store(stack, "netted")) == run_without_airflow(stack, "netted", tmp_path)


def test_a_message_that_comes_after_the_schedule_starts_nothing(stack: Stack):
    s3 = {"bucket": {"name": "events"}, "object": {"key": f"raw-netted/{_THIS.landing_prefix}one"}}
    body = json.dumps({"Records": [{"eventName": "ObjectCreated:Put", "s3": s3}]})
    queue = queue_of(stack, "netted")
    sqs(stack).send_message(QueueUrl=queue, MessageBody=body)
    wake = "sessionize_netted_wake"

    def ended() -> list:
        return [
            state
            for (state,) in ask_database(
                stack, f"select state from dag_run where dag_id = '{wake}'"
            )
        ]

    wait_until(stack, lambda: ended() == ["success"], "the message has been looked at")
    assert runs(stack, "netted") == {str(hour): "scheduled" for hour in HOURS}
