"""A bucket as a folder: the S3 server forgets when it ends, and files can be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def save_bucket(s3: S3Client, bucket: str, folder: Path) -> None:
    """Make ``folder`` hold what the bucket holds, a file an object, and nothing else."""
    kept = set()
    for key in _keys(s3, bucket):
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(bucket, key, str(path))
        kept.add(path)
    for path in folder.rglob("*"):
        if path.is_file() and path not in kept:
            path.unlink()


def load_bucket(s3: S3Client, bucket: str, folder: Path) -> None:
    """Put the files of ``folder`` into the bucket."""
    for path in folder.rglob("*"):
        if path.is_file():
            key = path.relative_to(folder).as_posix()
            s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())


def _keys(s3: S3Client, bucket: str) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", ()):
            # A folder marker is no file.
            if not entry["Key"].endswith("/"):
                yield entry["Key"]
