"""The same over HTTP: an S3 server behind a proxy that lets requests go wrong.

Here a run is cut off at three of its requests; with SESSIONIZE_EXHAUSTIVE=1 at every one.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from botocore.retries.standard import ExponentialBackoff

from sessionize.lake.storage import S3Credentials, S3Storage
from sessionize.lake.storage import s3 as storage
from sessionize.model.errors import ObjectGoneError, SessionizeError
from sessionize.pipeline import stages
from sessionize.pipeline.stages import Pipeline
from tests.pipeline import scenario
from tests.pipeline.flaky_proxy import FlakyProxy, Mishap, flaky_proxy
from tests.pipeline.test_crashes import run

FIRST, HOUR = scenario.HOURS[:2]
POINTS = None if os.environ.get("SESSIONIZE_EXHAUSTIVE") else 3


@dataclass
class Place:
    """A bucket with the scenario landed, and the first hour of it run."""

    bucket: str
    direct: S3Credentials
    prepared: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def pipeline(self, endpoint: str | None = None) -> Pipeline:
        config = scenario.config(f"s3://{self.bucket}/raw", f"s3://{self.bucket}/lake")
        way = replace(self.direct, endpoint_url=endpoint) if endpoint else self.direct
        return Pipeline.open(config, way)

    def prepare(self) -> None:
        """Make the bucket what it is before HOUR is run; only what differs is written."""
        whole = S3Storage(f"s3://{self.bucket}", self.direct)
        if not self.prepared:
            scenario.land_all(self.pipeline().raw)
            run(self.pipeline(), FIRST)
            self.prepared, self.tags = scenario.content(whole), tags_of(whole)
        found = tags_of(whole)
        for key in found.keys() - self.tags.keys():
            whole.delete(key)
        for key, tag in self.tags.items():
            if found.get(key) != tag:
                whole.write(key, self.prepared[key])

    def content(self) -> dict[str, str]:
        """Everything that the lake holds, by key: its MD5, which is what S3 tags it with."""
        return tags_of(S3Storage(f"s3://{self.bucket}/lake", self.direct))


def tags_of(storage: S3Storage) -> dict[str, str]:
    return {entry.key: entry.etag for entry in storage.list()}


@pytest.fixture(scope="module")
def connect_once() -> Callable[[S3Credentials], Any]:
    """Make a client only once for each number of tries that it is to make."""
    connect = storage._connect
    cached = functools.cache(lambda credentials, attempts: connect(credentials))
    return lambda credentials: cached(credentials, os.environ.get("AWS_MAX_ATTEMPTS"))


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the client wait a thousandth of what it waits before it tries again."""
    usual = ExponentialBackoff.delay_amount
    monkeypatch.setattr(
        ExponentialBackoff, "delay_amount", lambda self, context: usual(self, context) / 1000
    )


@pytest.fixture(scope="module")
def proxy(s3_credentials: S3Credentials) -> Iterator[FlakyProxy]:
    assert s3_credentials.endpoint_url
    with flaky_proxy(s3_credentials.endpoint_url) as proxy:
        yield proxy


@pytest.fixture
def place(bucket: str, s3_credentials: S3Credentials) -> Place:
    return Place(bucket, s3_credentials)


def let_through(proxy: FlakyProxy) -> str:
    """Let every request through from here on, counting anew."""
    proxy.requests, proxy.mishap_of = 0, lambda number: Mishap.NONE
    return proxy.url


def count_requests(place: Place, proxy: FlakyProxy) -> int:
    place.prepare()
    run(place.pipeline(let_through(proxy)), HOUR)
    return proxy.requests


@pytest.mark.parametrize("mishap", [Mishap.SLOW_DOWN, Mishap.LOST, Mishap.ANSWER_LOST])
def test_a_request_that_goes_wrong_once_is_made_again(
    place: Place, proxy: FlakyProxy, mishap: Mishap
) -> None:
    total = count_requests(place, proxy)
    undisturbed = place.content()
    place.prepare()
    let_through(proxy)
    proxy.mishap_of = lambda number: mishap if number % 5 == 1 else Mishap.NONE
    run(place.pipeline(proxy.url), HOUR)
    assert proxy.requests > total
    assert place.content() == undisturbed


def test_a_body_that_breaks_off_is_read_on(place: Place, proxy: FlakyProxy) -> None:
    count_requests(place, proxy)
    undisturbed = place.content()
    place.prepare()
    let_through(proxy)
    proxy.mishap_of = lambda number: Mishap.BROKEN_OFF if number % 3 == 1 else Mishap.NONE
    run(place.pipeline(proxy.url), HOUR)
    assert place.content() == undisturbed


@pytest.mark.parametrize("mishap", [Mishap.LOST, Mishap.ANSWER_LOST])
def test_a_run_cut_off_at_a_request_is_completed_by_the_next(
    place: Place, proxy: FlakyProxy, mishap: Mishap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the n-th request on nothing gets through; its own effect may or may not have come."""
    total = count_requests(place, proxy)
    undisturbed = place.content()
    stride = max(total // POINTS, 1) if POINTS else 1
    for at in range(stride // 2 if mishap is Mishap.LOST else 0, total, stride):
        place.prepare()
        let_through(proxy)
        proxy.mishap_of = functools.partial(cut_off, at, mishap)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        with pytest.raises(SessionizeError):
            run(place.pipeline(proxy.url), HOUR)
        monkeypatch.delenv("AWS_MAX_ATTEMPTS")
        run(place.pipeline(), HOUR)
        assert place.content() == undisturbed, f"{mishap} from request {at} of {total} on"


def cut_off(at: int, mishap: Mishap, number: int) -> Mishap:
    if number == at:
        return mishap
    return Mishap.NONE if number < at else Mishap.LOST


def test_an_object_that_vanishes_after_it_was_claimed_fails_the_run_and_not_the_next(
    place: Place,
) -> None:
    place.prepare()
    pipeline = place.pipeline()
    claim = stages.claim(pipeline, HOUR)
    gone = claim.objects[0].key
    pipeline.raw.delete(gone)
    with pytest.raises(ObjectGoneError, match="no longer there"):
        stages.validate_batch(pipeline, HOUR, claim.id, 0)
    ledger = run(pipeline, HOUR).ledger
    assert gone not in {entry.key for entry in ledger.claimed}
    assert pipeline.lake.ledger(HOUR) == ledger
