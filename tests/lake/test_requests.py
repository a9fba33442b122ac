"""How many requests an hour costs on S3."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from sessionize.config import PipelineConfig, parse_config
from sessionize.lake.claim_records import write_claim
from sessionize.lake.claims import claim_objects
from sessionize.lake.ledger import NO_STATE, Counts, Ledger
from sessionize.lake.storage import S3Credentials
from sessionize.model.hours import Hour, hours_between
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline

HOUR = Hour.parse("2017-02-20T05")
LOOKBACK = 168
OBJECTS = 10


class Requests:
    """The requests that a client makes, by kind and key."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def note(self, model: Any, params: dict[str, Any], **_: object) -> None:
        prefix = (params.get("query_string") or {}).get("prefix", "")
        self.made.append(f"{model.name} {params['url_path']} {prefix}")

    def of(self, part: str) -> int:
        return sum(part in request for request in self.made)


@pytest.fixture
def requests(
    s3_credentials: S3Credentials, connect_once: Callable[[S3Credentials], Any], one_client: None
) -> Iterator[Requests]:
    events = connect_once(s3_credentials).meta.events
    requests = Requests()
    events.register("before-call.s3", requests.note)
    yield requests
    events.unregister("before-call.s3", requests.note)


def hours_ago(count: int, hour: Hour = HOUR) -> Hour:
    return Hour(hour.start - timedelta(hours=count))


def config(bucket: str, age: int) -> PipelineConfig:
    urls = {name: f"s3://{bucket}/{name}" for name in ("raw", "lake")}
    return parse_config({"name": "t", "start": hours_ago(age).start, **urls})


def land(pipeline: Pipeline, hour: Hour, objects: int) -> None:
    for number in range(objects):
        event = {
            "event_id": f"{hour}-{number}",
            "timestamp": hour.start.timestamp() + 60 * number,
            "action": "readerview",
            "inst_id": f"{number:04x}ffff",
            "_l": 4,
            "build_id": "10.3.5.34",
        }
        key = f"{hour.landing_prefix}stream-1-{number}"
        pipeline.raw.write(key, gzip.compress(json.dumps(event).encode()))


def grow(pipeline: Pipeline, first: Hour, end: Hour) -> None:
    """Claim hours in which an object each has landed, as a release without an index does."""
    for hour in hours_between(first, end):
        land(pipeline, hour, 1)
        write_claim(pipeline.lake, hour, pipeline.raw.list(hour.landing_prefix), None)


def test_a_steady_hour_makes_few_requests_however_old_the_pipeline_is(
    bucket: str, s3_credentials: S3Credentials, requests: Requests
) -> None:
    pipeline = Pipeline.open(config(bucket, LOOKBACK + 1), s3_credentials)
    grow(pipeline, pipeline.config.start, hours_ago(1))
    counts = Counts(*[0] * 13)
    before = Ledger("t", hours_ago(2), "", "", NO_STATE, counts, {}, {}, (), {}, {})
    pipeline.lake.write_ledger(before)
    for hour in (hours_ago(1), HOUR, HOUR.next):
        land(pipeline, hour, OBJECTS)
    run_hour(pipeline, hours_ago(1))

    def counted(pipeline: Pipeline, hour: Hour) -> int:
        requests.made.clear()
        assert run_hour(pipeline, hour).ledger.counts.records_read == OBJECTS
        return len(requests.made)

    young = counted(pipeline, HOUR)
    assert young <= 60, Counter(requests.made)
    older = Pipeline.open(config(bucket, LOOKBACK + 60), s3_credentials)
    grow(older, older.config.start, pipeline.config.start)
    assert counted(older, HOUR.next) == young


class TestClaim:
    @pytest.fixture
    def pipeline(self, bucket: str, s3_credentials: S3Credentials) -> Pipeline:
        pipeline = Pipeline.open(config(bucket, 30), s3_credentials)
        grow(pipeline, hours_ago(30), hours_ago(1))
        return pipeline

    def claim(self, pipeline: Pipeline, requests: Requests, hour: Hour = HOUR) -> list[str]:
        """Claim an hour; return the stragglers and leave the requests that it took."""
        requests.made.clear()
        claim = claim_objects(pipeline.raw, pipeline.lake, hour, pipeline.config)
        return [entry.key for entry in claim.stragglers]

    def reads(self, requests: Requests) -> int:
        return sum(
            request.startswith("GetObject") and "_claims" in request for request in requests.made
        )

    def test_claims_without_an_index_are_read_once(self, pipeline, requests):
        self.claim(pipeline, requests, hours_ago(1))
        assert self.reads(requests) == 29
        self.claim(pipeline, requests)
        assert self.reads(requests) == 1  # that of the hour before

    def test_only_the_claim_under_which_something_landed_is_read(self, pipeline, requests):
        self.claim(pipeline, requests, hours_ago(1))
        land(pipeline, hours_ago(9), 2)
        late = f"{hours_ago(9).landing_prefix}stream-1-1"
        assert self.claim(pipeline, requests) == [late]
        # Nobody may have it: every claim since is asked as well.
        assert self.reads(requests) == 1 + 9 - 1
        land(pipeline, HOUR.next, 1)
        assert self.claim(pipeline, requests, HOUR.next) == []
        assert self.reads(requests) == 1 + 1
        assert self.claim(pipeline, requests, HOUR.next.next) == []
        assert self.reads(requests) == 1

    def test_what_is_listed_does_not_go_by_day_where_little_has_landed(self, pipeline, requests):
        self.claim(pipeline, requests, hours_ago(1))
        assert requests.of("raw/20") == 3
        self.claim(pipeline, requests)
        assert requests.of("raw/20") == 1
