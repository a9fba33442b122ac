"""Objects under a URL: an S3 prefix (any S3-compatible endpoint) or a local folder.

The pipeline needs five verbs, and of each of them atomicity: an object is written whole or not at
all, and replaced in one step. S3 gives that by itself; a local folder by write-aside and rename.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn, Protocol

from sessionize.errors import ObjectGoneError, StorageError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

_CHUNK = 1 << 20
#: Above this, an upload goes in parts; S3 shows it when the last one is in.
_MULTIPART = 64 << 20
_BODY_TRIES = 5


@dataclass(frozen=True)
class S3Credentials:
    """How to reach S3. What is None is left to the standard AWS variables and files."""

    access_key: str | None = None
    secret_key: str | None = None
    session_token: str | None = None
    region: str | None = None
    endpoint_url: str | None = None


@dataclass(frozen=True)
class StoredObject:
    """An object as a listing shows it: ``key`` is relative to the store's URL.

    ``etag`` changes with the content on S3; a local folder has none and leaves it empty.
    """

    key: str
    size: int
    etag: str = ""


class Storage(Protocol):
    """Objects under one URL; keys are relative to it and use ``/``."""

    url: str

    def check(self) -> None:
        """Make sure that the bucket or folder is there.

        Raises
        ------
        StorageError
        """

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield the objects whose key begins with ``prefix``, in the order of their keys."""

    def read(self, key: str) -> bytes | None:
        """Return the object's content, or None if there is no such object."""

    def stream(self, key: str, etag: str = "") -> Iterator[bytes]:
        """Yield the object's content in chunks.

        Raises
        ------
        ObjectGoneError
            If there is no such object, or its ``etag`` (if given) is another one by now.
        """

    def write(self, key: str, content: bytes) -> None:
        """Create or replace an object, in one step."""

    def upload(self, key: str, path: Path) -> None:
        """Create or replace an object with a file's content, in one step."""

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""


def open_storage(url: str, credentials: S3Credentials | None = None) -> Storage:
    """Return the store at an ``s3://bucket/prefix`` URL or in a local folder."""
    if url.startswith("s3://"):
        return S3Storage(url, credentials or S3Credentials())
    return LocalStorage(url)


class LocalStorage:
    """A folder; hidden temporary files beside an object are never listed.

    Parameters
    ----------
    folder : str or Path
    durable : bool
        Whether a written object must outlive a power failure.
    """

    def __init__(self, folder: str | Path, *, durable: bool = True) -> None:
        self.url = str(folder)
        self._root = Path(folder)
        self._durable = durable

    def check(self) -> None:
        """Make sure that the folder is there."""
        if not self._root.is_dir():
            raise StorageError(f"{self._root} is not a folder", "Create it, or mend the setting.")

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield the objects whose key begins with ``prefix``, in the order of their keys."""
        folder, _, _ = prefix.rpartition("/")
        top = self._root / folder
        found = []
        try:
            for parent, _, names in os.walk(top, onerror=_raise_unless_missing):
                relative = Path(parent).relative_to(self._root).as_posix()
                for name in names:
                    key = name if relative == "." else f"{relative}/{name}"
                    if key.startswith(prefix) and not name.startswith(_TEMPORARY):
                        found.append(StoredObject(key, (Path(parent) / name).stat().st_size))
        except OSError as error:
            raise StorageError(
                f"{top} cannot be listed ({error.strerror})",
                "Check the folder and its permissions.",
            ) from error
        # Bytewise, as S3 orders keys.
        yield from sorted(found, key=lambda entry: os.fsencode(entry.key))

    def read(self, key: str) -> bytes | None:
        """Return the object's content, or None if there is no such object."""
        try:
            return (self._root / key).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            self._fail(key, "read", error)

    def stream(self, key: str, etag: str = "") -> Iterator[bytes]:
        """Yield the object's content in chunks."""
        try:
            with (self._root / key).open("rb") as file:
                while chunk := file.read(_CHUNK):
                    yield chunk
        except FileNotFoundError:
            raise _gone(f"{self.url}/{key}") from None
        except OSError as error:
            self._fail(key, "read", error)

    def write(self, key: str, content: bytes) -> None:
        """Create or replace an object, in one step."""
        with self._replacing(key) as file:
            file.write(content)

    def upload(self, key: str, path: Path) -> None:
        """Create or replace an object with a file's content, in one step."""
        with path.open("rb") as source, self._replacing(key) as file:
            while chunk := source.read(_CHUNK):
                file.write(chunk)

    def delete(self, key: str) -> None:
        """Remove an object, if it is there, and the folders that this leaves empty."""
        target = self._root / key
        try:
            target.unlink(missing_ok=True)
        except OSError as error:
            self._fail(key, "removed", error)
        for parent in target.parents:
            if parent == self._root or self._root not in parent.parents:
                break
            try:
                parent.rmdir()
            except OSError:
                break

    @contextlib.contextmanager
    def _replacing(self, key: str) -> Iterator[Any]:
        target = self._root / key
        aside = target.with_name(f"{_TEMPORARY}{uuid.uuid4().hex}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with _open_aside(aside) as file:
                    yield file
                    file.flush()
                    if self._durable:
                        os.fsync(file.fileno())
                    if not aside.exists():
                        # A directory handle, unused with an absolute path, makes it linkat(2).
                        number = file.fileno()
                        os.link(f"/proc/self/fd/{number}", aside, src_dir_fd=number)
                aside.replace(target)
            finally:
                aside.unlink(missing_ok=True)
        except OSError as error:
            self._fail(key, "written", error)

    def _fail(self, key: str, verb: str, error: OSError) -> NoReturn:
        raise StorageError(
            f"{self.url}/{key} cannot be {verb} ({error.strerror or error})",
            "Check that the folder is there, writable, and its disk not full.",
        ) from error


_TEMPORARY = ".sessionize-"


def _open_aside(path: Path) -> BinaryIO:
    """Open a file that has no name until it is linked, so that a killed process leaves nothing.

    Where the system cannot do that, the file has the name ``path`` from the start.
    """
    try:
        handle = os.open(path.parent, os.O_TMPFILE | os.O_WRONLY, 0o644)
    except (AttributeError, OSError):
        return path.open("wb")
    return os.fdopen(handle, "wb")


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _gone(url: str) -> ObjectGoneError:
    return ObjectGoneError(
        f"{url} is no longer there, or has been replaced, since the hour claimed it",
        "Restore the object as it was, or run the hour again from its claim.",
    )


class S3Storage:
    """A prefix of an S3 bucket."""

    def __init__(self, url: str, credentials: S3Credentials) -> None:
        self.url = url.rstrip("/")
        self._bucket, _, prefix = self.url.removeprefix("s3://").partition("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._credentials = credentials

    def check(self) -> None:
        """Make sure that the bucket can be listed."""
        with self._explained(""):
            self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix, MaxKeys=1)

    @property
    def _client(self) -> S3Client:
        client = self.__dict__.get("client")
        if client is None:
            client = self.__dict__["client"] = _connect(self._credentials)
        return client

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield the objects whose key begins with ``prefix``, in the order of their keys."""
        with self._explained(prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + prefix
            )
            for page in pages:
                for entry in page.get("Contents", ()):
                    yield StoredObject(
                        entry["Key"].removeprefix(self._prefix), entry["Size"], entry["ETag"]
                    )

    def read(self, key: str) -> bytes | None:
        """Return the object's content, or None if there is no such object."""
        try:
            return b"".join(self.stream(key))
        except ObjectGoneError:
            return None

    def stream(self, key: str, etag: str = "") -> Iterator[bytes]:
        """Yield the object's content in chunks."""
        from botocore.exceptions import BotoCoreError
        from urllib3.exceptions import HTTPError

        offset, tries = 0, _BODY_TRIES
        while True:
            with self._explained(key):
                answer = self._open(key, etag, offset)
                etag = etag or answer["ETag"]
                tries -= 1
                try:
                    for chunk in answer["Body"].iter_chunks(_CHUNK):
                        offset += len(chunk)
                        yield chunk
                    return
                except (BotoCoreError, HTTPError):
                    # The client repeats a request, but not a body that breaks off: read on there.
                    if not tries:
                        raise

    def _open(self, key: str, etag: str, offset: int) -> GetObjectOutputTypeDef:
        from botocore.exceptions import ClientError

        conditions = {"IfMatch": etag} if etag else {}
        if offset:
            conditions["Range"] = f"bytes={offset}-"
        try:
            return self._client.get_object(
                Bucket=self._bucket,
                Key=self._prefix + key,
                **conditions,  # type: ignore[arg-type]
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404", "PreconditionFailed", "412"):
                raise _gone(f"{self.url}/{key}") from None
            raise

    def write(self, key: str, content: bytes) -> None:
        """Create or replace an object, in one step."""
        with self._explained(key):
            self._client.put_object(Bucket=self._bucket, Key=self._prefix + key, Body=content)

    def upload(self, key: str, path: Path) -> None:
        """Create or replace an object with a file's content, in one step."""
        from boto3.s3.transfer import TransferConfig

        with self._explained(key):
            self._client.upload_file(
                str(path),
                self._bucket,
                self._prefix + key,
                Config=TransferConfig(multipart_threshold=_MULTIPART),
            )

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        with self._explained(key):
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)

    @contextlib.contextmanager
    def _explained(self, key: str) -> Iterator[None]:
        """Turn what the S3 client raises into one clear error."""
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
        from urllib3.exceptions import HTTPError

        place = f"{self.url}/{key}"
        try:
            yield
        except NoCredentialsError as error:
            raise StorageError(
                f"{place}: there are no AWS credentials",
                "Set an Airflow connection (`aws_conn_id`) or the standard AWS variables.",
            ) from error
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            raise StorageError(
                f"{place}: S3 answers {code} ({error})", _REMEDIES.get(code, _TRY_AGAIN)
            ) from error
        except (BotoCoreError, Boto3Error, HTTPError) as error:
            raise StorageError(f"{place}: {error}", _TRY_AGAIN) from error


_TRY_AGAIN = "Check the endpoint and the network, then run the hour again; nothing was half done."
_REMEDIES = {
    "NoSuchBucket": "Create the bucket, or mend `raw` or `lake` in the pipeline file.",
    "AccessDenied": "Grant the credentials list, get, put and delete on the prefix.",
    "InvalidAccessKeyId": "Mend the credentials of the Airflow connection or the AWS variables.",
    "SignatureDoesNotMatch": "Mend the credentials of the Airflow connection or the AWS variables.",
    "ExpiredToken": "Renew the credentials.",
    "PermanentRedirect": "Set the bucket's region.",
}


def _connect(credentials: S3Credentials) -> S3Client:
    import boto3
    from botocore.config import Config

    # Eight tries outlast a spell of throttling; the AWS variables may say otherwise.
    patience: Any = None
    if "AWS_MAX_ATTEMPTS" not in os.environ:
        patience = {"mode": "standard", "total_max_attempts": 8}
    return boto3.session.Session(
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        aws_session_token=credentials.session_token,
        region_name=credentials.region,
    ).client(
        "s3",
        endpoint_url=credentials.endpoint_url,
        config=Config(
            retries=patience,
            connect_timeout=10,
            read_timeout=60,
            max_pool_connections=16,
        ),
    )
