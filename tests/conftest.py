"""Fixtures that several tests share."""

from __future__ import annotations

import functools
import os
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from sessionize.lake.storage import S3Credentials
from sessionize.lake.storage import s3 as storage

# A machine that is busy with other work must not fail a test; a change is judged by the same
# examples each time, while people who run the tests look at new ones.
settings.register_profile(
    "unhurried",
    deadline=None,
    derandomize="CI" in os.environ,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow],
)
# `--hypothesis-profile=few` where each example is dear, `many` where there is time.
settings.register_profile("few", settings.get_profile("unhurried"), max_examples=10)
settings.register_profile("many", settings.get_profile("unhurried"), max_examples=60)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def s3_credentials() -> Iterator[S3Credentials]:
    """How to reach an S3 server that is there for the tests."""
    from moto.server import ThreadedMotoServer  # its import takes longer than most tests

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield S3Credentials("testing", "testing", None, "us-east-1", f"http://{host}:{port}")
    server.stop()


@pytest.fixture(scope="session")
def connect_once() -> Callable[[S3Credentials], Any]:
    return functools.cache(storage._connect)


@pytest.fixture
def one_client(connect_once, monkeypatch) -> None:
    """Let stores of the same credentials share a client: making it takes longer than most tests."""
    monkeypatch.setattr(storage, "_connect", connect_once)


@pytest.fixture
def bucket(s3_credentials: S3Credentials, connect_once, one_client) -> str:
    """The name of a new, empty bucket on that server."""
    name = f"test-{uuid.uuid4().hex}"
    connect_once(s3_credentials).create_bucket(Bucket=name)
    return name
