"""An S3 and Firehose server (moto), on the loopback interface."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import boto3

from local.environment import inherited
from local.processes import Service, free_port, require_free, stopping

if TYPE_CHECKING:
    from mypy_boto3_firehose import FirehoseClient
    from mypy_boto3_s3 import S3Client

REGION = "us-east-1"
# moto takes any keys; these name nobody's account.
ACCESS_KEY = "local"
SECRET_KEY = "local-only"


_START_SECONDS = 60.0
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class S3Server:
    """Where the server listens, and how to reach it."""

    endpoint: str

    @property
    def env(self) -> dict[str, str]:
        """The standard AWS variables, and an Airflow connection, that lead here."""
        connection = {
            "conn_type": "aws",
            "login": ACCESS_KEY,
            "password": SECRET_KEY,
            "extra": {"endpoint_url": self.endpoint, "region_name": REGION},
        }
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            # The user's own files and instance role have no say here.
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection),
        }

    @cached_property
    def s3(self) -> S3Client:
        """A client for S3."""
        return self._session.client("s3", endpoint_url=self.endpoint)

    @cached_property
    def firehose(self) -> FirehoseClient:
        """A client for Firehose."""
        return self._session.client("firehose", endpoint_url=self.endpoint)

    @property
    def _session(self) -> boto3.Session:
        return boto3.Session(
            aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY, region_name=REGION
        )


@contextlib.contextmanager
def running_s3(home: Path, *buckets: str, port: int | None = None) -> Iterator[S3Server]:
    """Run an S3 and Firehose server with these buckets, empty; yield where it is.

    What it holds lives in its memory, and ends with it.

    Parameters
    ----------
    home : Path
        Where its log goes.
    *buckets : str
        Buckets to create.
    port : int or None
        None takes a free one.

    Raises
    ------
    LocalError
        If the port is taken, or the server does not start.
    """
    if port is None:
        port = free_port()
    require_free(port, "the S3 server")
    home.mkdir(parents=True, exist_ok=True)
    command = (sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port))
    service = Service("s3", command, env=inherited(), cwd=home, log=home / "s3.log")
    with stopping([service]):
        running = S3Server(f"http://127.0.0.1:{port}")
        _wait_until_up(running, service)
        for bucket in buckets:
            running.s3.create_bucket(Bucket=bucket)
        yield running


def _wait_until_up(server: S3Server, service: Service) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        service.check()
        try:
            urlopen(f"{server.endpoint}/moto-api/data.json", timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                service.fail(f"the S3 server does not answer after {_START_SECONDS:.0f} s")
            time.sleep(_POLL_SECONDS)
