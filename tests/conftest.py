"""Fixtures that several tests share."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import boto3
import pytest
from hypothesis import settings
from moto.server import ThreadedMotoServer

from sessionize.storage import S3Credentials

# A machine that is busy with other work must not fail a test.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def s3_credentials() -> Iterator[S3Credentials]:
    """How to reach an S3 server that is there for the tests."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield S3Credentials("testing", "testing", None, "us-east-1", f"http://{host}:{port}")
    server.stop()


@pytest.fixture
def bucket(s3_credentials: S3Credentials) -> str:
    """The name of a new, empty bucket on that server."""
    name = f"test-{uuid.uuid4().hex}"
    boto3.client(
        "s3",
        endpoint_url=s3_credentials.endpoint_url,
        aws_access_key_id=s3_credentials.access_key,
        aws_secret_access_key=s3_credentials.secret_key,
        region_name=s3_credentials.region,
    ).create_bucket(Bucket=name)
    return name
