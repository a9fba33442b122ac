from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sessionize.lake.storage import (
    LocalStorage,
    OverlayStorage,
    S3Credentials,
    S3Storage,
    Storage,
)

OpenAt = Callable[[str], Storage]


@pytest.fixture(autouse=True)
def share_clients(one_client: None) -> None:
    """Making a client takes longer than most tests."""


@pytest.fixture(params=["folder", "s3", "overlay"])
def open_at(request: pytest.FixtureRequest, tmp_path: Path) -> OpenAt:
    """Opens a store at a path in one place: a folder, a bucket of a server, or over a folder."""
    if request.param == "folder":
        return lambda path: LocalStorage(tmp_path / path)
    if request.param == "overlay":
        (tmp_path / "store").mkdir()
        opened: dict[str, Storage] = {}

        def over(path: str) -> Storage:
            name = path.strip("/")
            if name not in opened:
                above = LocalStorage(tmp_path / "above" / name)
                opened[name] = OverlayStorage(LocalStorage(tmp_path / name), above)
            return opened[name]

        return over
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
