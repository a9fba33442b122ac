"""Objects under a URL: an S3 prefix (any S3-compatible endpoint) or a local folder."""

from __future__ import annotations

from sessionize.lake.storage.base import ABSENT, Children, Storage, StoredObject
from sessionize.lake.storage.fetch import fetch
from sessionize.lake.storage.local import LocalStorage
from sessionize.lake.storage.overlay import OverlayStorage
from sessionize.lake.storage.s3 import S3Credentials, S3Storage
from sessionize.lake.storage.side_by_side import side_by_side

__all__ = [
    "ABSENT",
    "Children",
    "LocalStorage",
    "OverlayStorage",
    "S3Credentials",
    "S3Storage",
    "Storage",
    "StoredObject",
    "fetch",
    "open_storage",
    "side_by_side",
]


def open_storage(url: str, credentials: S3Credentials | None = None) -> Storage:
    """Return the store at an ``s3://bucket/prefix`` URL or in a local folder."""
    if url.startswith("s3://"):
        return S3Storage(url, credentials or S3Credentials())
    return LocalStorage(url)
