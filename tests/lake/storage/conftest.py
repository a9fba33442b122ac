from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sessionize.lake.storage import LocalStorage, S3Credentials, S3Storage, Storage

OpenAt = Callable[[str], Storage]


@pytest.fixture(autouse=True)
def share_clients(one_client: None) -> None:
    """Making a client takes longer than most tests."""


@pytest.fixture(params=["folder", "s3"])
def open_at(request: pytest.FixtureRequest, tmp_path: Path) -> OpenAt:
    """Opens a store at a path in one place: a folder, or a bucket of a server."""
    if request.param == "folder":
        return lambda path: LocalStorage(tmp_path / path)
    bucket = request.getfixturevalue("bucket")
    credentials = request.getfixturevalue("s3_credentials")
    return lambda path: S3Storage(f"s3://{bucket}/{path}", credentials)


@pytest.fixture
def store(open_at: OpenAt) -> Storage:
    return open_at("store")


@pytest.fixture
def s3(bucket: str, s3_credentials: S3Credentials) -> S3Storage:
    return S3Storage(f"s3://{bucket}/store", s3_credentials)


@pytest.fixture
def folder(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path)
