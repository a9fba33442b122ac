"""A prefix of an S3 bucket as a store; S3 replaces an object in one step."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sessionize.lake.storage.base import CHUNK, Children, StoredObject, object_gone
from sessionize.model.errors import StorageError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

#: Above this, an upload goes in parts; S3 shows it when the last one is in.
_MULTIPART = 64 << 20
_BODY_TRIES = 5
_CONCURRENCY = 8
#: Parts of one upload that are on their way at once.
_PARTS = 4
_NOT_THERE = ("NoSuchKey", "404")


@dataclass(frozen=True)
class S3Credentials:
    """How to reach S3. What is None is left to the standard AWS variables and files."""

    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    region: str | None = None
    endpoint_url: str | None = None


class S3Storage:
    """A prefix of an S3 bucket.

    Parameters
    ----------
    url : str
    credentials : S3Credentials
    concurrency : int
        How many requests are made side by side.
    """

    def __init__(
        self, url: str, credentials: S3Credentials, *, concurrency: int = _CONCURRENCY
    ) -> None:
        self.concurrency = concurrency
        self.url = url.rstrip("/")
        self._bucket, _, prefix = self.url.removeprefix("s3://").partition("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._credentials = credentials
        self._connecting = threading.Lock()

    def check(self) -> None:
        """Make sure that the bucket can be listed."""
        with self._explained(""):
            self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix, MaxKeys=1)

    @property
    def _client(self) -> S3Client:
        with self._connecting:  # threads share the client, but must not make it at once
            client = self.__dict__.get("client")
            if client is None:
                try:
                    client = self.__dict__["client"] = _connect(self._credentials)
                except ValueError as error:  # the client's word for a malformed endpoint
                    raise StorageError(
                        f"{self.url}: {error}",
                        "Check the endpoint: write it as http://host:port or https://host.",
                    ) from error
        return client

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
        """Yield the objects whose key begins with ``prefix``, in the order of their keys.

        With ``after`` the listing begins behind that key. A page of up to 1000 objects is a
        request; one that is not asked for is not made.
        """
        begin = {"StartAfter": self._prefix + after} if after else {}
        with self._explained(prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket,
                Prefix=self._prefix + prefix,
                **begin,  # type: ignore[arg-type]
            )
            for page in pages:
                for entry in page.get("Contents", ()):
                    yield StoredObject(
                        entry["Key"].removeprefix(self._prefix), entry["Size"], entry["ETag"]
                    )

    def children(self, folder: str = "", after: str = "") -> Children:
        """Return a page of what stands right below a folder, for the price of one request."""
        following = {"ContinuationToken": after} if after else {}
        with self._explained(folder):
            page = self._client.list_objects_v2(
                Bucket=self._bucket,
                Prefix=self._prefix + folder,
                Delimiter="/",
                **following,  # type: ignore[arg-type]
            )
        return Children(
            tuple(
                entry["Prefix"].removeprefix(self._prefix)
                for entry in page.get("CommonPrefixes", ())
            ),
            tuple(
                StoredObject(entry["Key"].removeprefix(self._prefix), entry["Size"], entry["ETag"])
                for entry in page.get("Contents", ())
            ),
            page.get("NextContinuationToken", ""),
        )

    def read(self, key: str) -> bytes | None:
        """Return the object's content, or None if there is no such object."""
        from botocore.exceptions import BotoCoreError, ClientError
        from urllib3.exceptions import HTTPError

        tries = _BODY_TRIES
        while True:
            with self._explained(key):
                tries -= 1
                try:
                    answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
                    return answer["Body"].read()
                except ClientError as error:
                    if error.response["Error"]["Code"] in _NOT_THERE:
                        return None
                    raise
                except (BotoCoreError, HTTPError):
                    # The client repeats a request, but not a body that breaks off.
                    if not tries:
                        raise

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
                    for chunk in answer["Body"].iter_chunks(CHUNK):
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
            if error.response["Error"]["Code"] in (*_NOT_THERE, "PreconditionFailed", "412"):
                raise object_gone(f"{self.url}/{key}") from None
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
                Config=TransferConfig(multipart_threshold=_MULTIPART, max_concurrency=_PARTS),
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
            if isinstance(error.__context__, ClientError):  # an upload wraps S3's own answer
                code = error.__context__.response.get("Error", {}).get("Code", "")
            else:
                code = ""
            raise StorageError(f"{place}: {error}", _REMEDIES.get(code, _TRY_AGAIN)) from error


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
            max_pool_connections=_CONCURRENCY * _PARTS,
        ),
    )
