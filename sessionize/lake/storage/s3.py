"""A prefix of an S3 bucket as a store; S3 replaces an object in one step."""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from sessionize.lake.storage.base import (
    ABSENT,
    CHUNK,
    Children,
    PartRead,
    StoredObject,
    object_gone,
    overtaken,
    replaced_meanwhile,
)
from sessionize.model.errors import ObjectGoneError, StorageError, StorageRefusedError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef, ObjectTypeDef

log = logging.getLogger(__name__)

#: From this size on, an upload goes in parts; S3 shows it when the last one is in.
_MULTIPART = 64 << 20
_BODY_TRIES = 5
_CONCURRENCY = 8
#: Parts of one upload that are on their way at once.
_PARTS = 4
#: The size of a part, and how many of them S3 takes.
_PART = 8 << 20
_MOST_PARTS = 10_000
_CHECKSUMS = frozenset(["ChecksumCRC32", "ChecksumCRC32C", "ChecksumCRC64NVME", "ChecksumSHA256"])
_NOT_THERE = ("NoSuchKey", "404")
#: The answers where another version is there than the request's condition names,
_REFUSED = ("PreconditionFailed", "412")
#: and where another request was at the same object at the same time; then it is made again.
_CONFLICT = ("ConditionalRequestConflict", "OperationAborted", "409")
_CONFLICTS = 5


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
        self._has_conditions = True

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
                    raise StorageRefusedError(
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
                    yield self._listed(entry)

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
            tuple(self._listed(entry) for entry in page.get("Contents", ())),
            page.get("NextContinuationToken", ""),
        )

    def _listed(self, entry: ObjectTypeDef) -> StoredObject:
        key, tag = entry["Key"].removeprefix(self._prefix), entry["ETag"]
        return StoredObject(key, entry["Size"], tag, tag, entry["LastModified"].timestamp())

    def read(self, key: str) -> bytes | None:
        """Return the object's content, or None if there is no such object."""
        return self.read_version(key)[0]

    def read_version(self, key: str) -> tuple[bytes | None, str]:
        """Return the object's content and version; None and `ABSENT` if there is no such object."""
        from botocore.exceptions import ClientError

        with self._explained(key):
            try:
                return self._read(key, {})
            except ClientError as error:
                if _code(error) in _NOT_THERE:
                    return None, ABSENT
                raise

    def read_part(self, key: str, begin: int, size: int, version: str = ABSENT) -> PartRead:
        """Return so many bytes from ``begin`` on, and the object's version."""
        from botocore.exceptions import ClientError

        part = {"Range": f"bytes={begin}-{begin + size - 1}"}
        with self._explained(key):
            try:
                return self._read(key, part | ({"IfMatch": version} if version else {}))
            except ClientError as error:
                if _code(error) in (*_NOT_THERE, *_REFUSED, "InvalidRange"):
                    raise replaced_meanwhile(f"{self.url}/{key}") from None
                raise

    def _read(self, key: str, conditions: dict[str, Any]) -> PartRead:
        from botocore.exceptions import BotoCoreError
        from urllib3.exceptions import HTTPError

        tries = _BODY_TRIES
        while True:
            tries -= 1
            try:
                answer = self._client.get_object(
                    Bucket=self._bucket, Key=self._prefix + key, **conditions
                )
                return answer["Body"].read(), answer["ETag"]
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
            if _code(error) in (*_NOT_THERE, *_REFUSED):
                raise object_gone(f"{self.url}/{key}") from None
            raise

    def write(self, key: str, content: bytes, replaces: str | None = None) -> str:
        """Create or replace an object, in one step; return its version."""
        return self._put(key, lambda: io.BytesIO(content), len(content), replaces)

    def upload(self, key: str, path: Path, replaces: str | None = None) -> str:
        """Write a file's content, as `write` does."""
        return self._put(key, lambda: path.open("rb"), path.stat().st_size, replaces)

    def delete(self, key: str, version: str | None = None) -> None:
        """Remove an object, if it is there; with ``version``, only if it is that one."""
        from botocore.exceptions import ClientError

        place: Any = {"Bucket": self._bucket, "Key": self._prefix + key}
        with self._explained(key):
            if version is None:
                self._client.delete_object(**place)
                return
            # Not every server heeds the condition of a removal: the look before is for those.
            if self._head(key)[0] != version:
                return
            conditions: Any = {"IfMatch": version} if self._has_conditions else {}
            try:
                self._client.delete_object(**place, **conditions)
            except ClientError as error:
                if _code(error) == "NotImplemented":
                    self._do_without_conditions()
                    self._client.delete_object(**place)
                elif _code(error) not in (*_NOT_THERE, *_REFUSED, *_CONFLICT):
                    raise

    def tidy(self) -> None:
        """Do nothing: what S3 has not finished, nobody sees."""

    def _put(
        self, key: str, content: Callable[[], IO[bytes]], size: int, replaces: str | None
    ) -> str:
        """Put an object in place of one version, and return the new one.

        A refusal also comes where the client makes a request again whose answer was lost: where the
        content is there, all is well.
        """
        from botocore.exceptions import ClientError

        part = _part_size(content, size, replaces)
        for _ in range(_CONFLICTS):
            conditions = _conditions(replaces) if self._has_conditions else {}
            with self._explained(key):
                if replaces is not None and not conditions and self._head(key)[0] != replaces:
                    break
                try:
                    if part:
                        return self._put_parts(key, content, size, part, replaces, conditions)
                    with content() as body:
                        return self._client.put_object(
                            Bucket=self._bucket, Key=self._prefix + key, Body=body, **conditions
                        )["ETag"]
                except ClientError as error:
                    code = _code(error)
                    if code == "NotImplemented" and conditions:
                        self._do_without_conditions()
                    elif code == "NoSuchUpload" and (version := self._holding(key, content)):
                        return version
                    elif code in _REFUSED or (replaces and code in _NOT_THERE):
                        break
                    elif code not in _CONFLICT or not conditions:
                        raise
        if version := self._holding(key, content):
            return version
        raise overtaken(f"{self.url}/{key}")

    def _holding(self, key: str, content: Callable[[], IO[bytes]]) -> str:
        """Return the version of an object that holds just this content, else `ABSENT`."""
        with self._explained(key):
            version, size = self._head(key)
        with content() as mine:
            if not version or size != mine.seek(0, os.SEEK_END):
                return ABSENT
            mine.seek(0)
            try:
                chunks = self.stream(key, version)
                return version if all(mine.read(len(it)) == it for it in chunks) else ABSENT
            except ObjectGoneError:
                return ABSENT

    def _head(self, key: str) -> tuple[str, int]:
        """Return an object's version and size; `ABSENT` if it is not there."""
        from botocore.exceptions import ClientError

        try:
            answer = self._client.head_object(Bucket=self._bucket, Key=self._prefix + key)
        except ClientError as error:
            if _code(error) in _NOT_THERE:
                return ABSENT, 0
            raise
        return answer["ETag"], answer["ContentLength"]

    def _do_without_conditions(self) -> None:
        self._has_conditions = False
        log.warning(
            "%s: the server has no conditional writes (If-Match): what is to be replaced is looked "
            "at just before instead; see to it that no two attempts of an hour run at once",
            self.url,
        )

    def _put_parts(
        self,
        key: str,
        content: Callable[[], IO[bytes]],
        size: int,
        part: int,
        replaces: str | None,
        conditions: dict[str, Any],
    ) -> str:
        """Upload an object in parts; it is there, whole, once they are put together."""
        place: Any = {"Bucket": self._bucket, "Key": self._prefix + key}
        upload = self._client.create_multipart_upload(**place)["UploadId"]

        def send(number: int) -> Any:
            with content() as file:
                file.seek(number * part)
                answer = self._client.upload_part(
                    **place, UploadId=upload, PartNumber=number + 1, Body=file.read(part)
                )
            sums = {name: text for name, text in answer.items() if name in _CHECKSUMS}
            return {"PartNumber": number + 1, "ETag": answer["ETag"], **sums}

        try:
            with ThreadPoolExecutor(_PARTS) as pool:
                parts = list(pool.map(send, range(_count(size, part))))
            # Not every server heeds the condition at the end of an upload in parts.
            if replaces is not None and self._head(key)[0] != replaces:
                raise _refused()
            return self._client.complete_multipart_upload(
                **place, UploadId=upload, MultipartUpload={"Parts": parts}, **conditions
            )["ETag"]
        except BaseException:
            with contextlib.suppress(Exception):
                self._client.abort_multipart_upload(**place, UploadId=upload)
            raise

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
            code = _code(error)
            raise _answered(f"{place}: S3 answers {code} ({error})", code) from error
        except (BotoCoreError, Boto3Error, HTTPError) as error:
            inner = error.__context__  # an upload wraps S3's own answer
            code = _code(inner) if isinstance(inner, ClientError) else ""
            raise _answered(f"{place}: {error}", code) from error


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")


def _refused() -> ClientError:
    from botocore.exceptions import ClientError

    return ClientError({"Error": {"Code": "PreconditionFailed"}}, "CompleteMultipartUpload")


def _conditions(replaces: str | None) -> dict[str, Any]:
    if replaces is None:
        return {}
    return {"IfNoneMatch": "*"} if replaces == ABSENT else {"IfMatch": replaces}


def _part_size(content: Callable[[], IO[bytes]], size: int, replaces: str | None) -> int:
    """Return in parts of what size an object is uploaded; 0: whole.

    S3 tags an object by its content and the way it came: where the tag would be that of the version
    which is being replaced, it comes another way, so that whoever still holds that tag is refused.
    """
    if size >= _MULTIPART:
        part = max(_PART, -(-size // _MOST_PARTS))
        is_alike = (replaces or "").endswith(f'-{_count(size, part)}"')
        return 2 * part if is_alike else part
    if not replaces or replaces.strip('"') != _md5(content):
        return 0
    return max(size, 1)


def _count(size: int, part: int) -> int:
    return max(1, -(-size // part))


def _md5(content: Callable[[], IO[bytes]]) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with content() as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


_TRY_AGAIN = "Check the endpoint and the network, then run the hour again; nothing was half done."
_ACCESS = "Grant the credentials list, get, put and delete on the prefix, then run the hour again."
_KEYS = (
    "Mend the credentials of the Airflow connection or the AWS variables, then run the hour again."
)
_REGION = "Set the bucket's region, then run the hour again."
_BUCKET = (
    "Create the bucket, or mend `raw` or `lake` in the pipeline file; then run the hour again."
)
#: What S3 will answer again, whoever waits, and the mend.
_REMEDIES = {
    "NoSuchBucket": _BUCKET,
    "InvalidBucketName": _BUCKET,
    "AccessDenied": _ACCESS,
    "AllAccessDisabled": _ACCESS,
    "403": _ACCESS,  # the answer to a request for the head alone has no other code
    "InvalidAccessKeyId": _KEYS,
    "InvalidToken": _KEYS,
    "SignatureDoesNotMatch": _KEYS,
    "AuthorizationHeaderMalformed": _REGION,
    "PermanentRedirect": _REGION,
    "InvalidObjectState": "Restore the object from the archive, then run the hour again.",
}
#: A task of an hour's length outlives a role's credentials; the next try has new ones.
_EXPIRED = "Renew the credentials, unless they renew themselves; then run the hour again."


def _answered(fault: str, code: str) -> StorageError:
    if code in _REMEDIES:
        return StorageRefusedError(fault, _REMEDIES[code])
    return StorageError(fault, _EXPIRED if code.startswith("Expired") else _TRY_AGAIN)


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
