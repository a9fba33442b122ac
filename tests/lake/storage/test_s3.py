from __future__ import annotations

import contextlib
import pickle
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from sessionize.lake.storage import ABSENT, S3Credentials, S3Storage, Storage, open_storage
from sessionize.lake.storage import s3 as s3_module
from sessionize.model.errors import (
    ObjectGoneError,
    OvertakenError,
    StorageError,
    StorageRefusedError,
)
from tests.lake.storage.helpers import fill, keys, set_chunk

VERBS: dict[str, Callable[[Storage], object]] = {
    "check": lambda store: store.check(),
    "list": lambda store: list(store.list()),
    "read": lambda store: store.read("key"),
    "stream": lambda store: list(store.stream("key")),
    "write": lambda store: store.write("key", b""),
    "upload": lambda store: store.upload("key", Path(__file__)),
    "delete": lambda store: store.delete("key"),
}

any_verb = pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)


class TestS3Storage:
    def test_an_object_that_was_replaced_since_is_gone(self, s3):
        s3.write("key", b"before")
        [entry] = s3.list()
        s3.write("key", b"after!")
        with pytest.raises(ObjectGoneError, match="has been replaced"):
            list(s3.stream("key", entry.etag))

    def test_the_etag_tells_one_content_from_another(self, s3):
        s3.write("a", b"one")
        s3.write("b", b"two")
        s3.write("c", b"one")
        a, b, c = s3.list()
        assert a.etag == c.etag != b.etag

    def test_a_listing_goes_on_after_its_first_page(self, s3, monkeypatch):
        monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "2")
        fill(s3, ["a", "b", "c", "d", "e"])
        assert keys(s3) == ["a", "b", "c", "d", "e"]

    def test_a_listing_begins_behind_a_key_and_asks_for_no_more_pages_than_are_taken(
        self, s3, monkeypatch
    ):
        monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "2")
        fill(s3, ["a", "b", "c", "d", "e"])
        pages = []
        s3._client.meta.events.register("before-call.s3.ListObjectsV2", lambda **_: pages.append(1))
        listed = s3.list(after="b")
        assert [next(listed).key, next(listed).key] == ["c", "d"]
        assert len(pages) == 1
        assert [entry.key for entry in listed] == ["e"]

    def test_threads_share_one_client(self, s3_credentials, monkeypatch):
        made = []
        connect = s3_module._connect
        monkeypatch.setattr(s3_module, "_connect", lambda c: made.append(1) or connect(c))
        store = S3Storage("s3://bucket", s3_credentials)
        with ThreadPoolExecutor(4) as pool:
            clients = list(pool.map(lambda _: store._client, range(8)))
        assert len(made) == 1
        assert len(set(map(id, clients))) == 1

    @pytest.mark.parametrize(("threshold", "in_parts"), [(9 << 20, True), (10 << 20, False)])
    def test_a_large_file_is_uploaded_in_parts_and_comes_back_whole(
        self, s3, tmp_path, monkeypatch, threshold, in_parts
    ):
        monkeypatch.setattr(s3_module, "_MULTIPART", threshold)
        content = bytes(range(256)) * (9 << 12)
        source = tmp_path / "source"
        source.write_bytes(content)
        s3.upload("key", source)
        [entry] = s3.list()
        assert entry.etag.endswith('-2"') == in_parts
        assert b"".join(s3.stream("key", entry.etag)) == content

    @pytest.mark.parametrize("seen", ["nothing", "an older one"])
    def test_an_upload_in_parts_does_not_replace_what_it_has_not_seen(
        self, s3, tmp_path, monkeypatch, seen
    ):
        monkeypatch.setattr(s3_module, "_MULTIPART", 1)
        source = tmp_path / "source"
        source.write_bytes(b"lagging")
        version = ABSENT if seen == "nothing" else s3.write("key", b"seen")
        s3.write("key", b"later")
        with pytest.raises(OvertakenError):
            s3.upload("key", source, version)
        assert s3.read("key") == b"later"
        assert "Uploads" not in s3._client.list_multipart_uploads(Bucket=s3._bucket)

    @pytest.mark.parametrize("verb", ["PutObject", "DeleteObject", "CompleteMultipartUpload"])
    def test_a_server_without_conditions_is_looked_at_before_and_said_so_once(
        self, bucket, s3_credentials, tmp_path, monkeypatch, caplog, verb
    ):
        """Some servers answer 501 to a request with a condition."""

        def refuse(params, model, **_):
            if model.name == verb and {"If-Match", "If-None-Match"} & params["headers"].keys():
                answer = AWSResponse(params["url"], 501, {}, None)
                return answer, {
                    "Error": {"Code": "NotImplemented", "Message": "a header is not implemented"},
                    "ResponseMetadata": {"HTTPStatusCode": 501},
                }
            return None

        s3 = S3Storage(f"s3://{bucket}/store", s3_credentials)
        monkeypatch.setattr(s3_module, "_MULTIPART", 1 if "Multipart" in verb else 1 << 20)
        source = tmp_path / "source"
        source.write_bytes(b"one")
        events = s3._client.meta.events
        events.register("before-call.s3", refuse)
        try:
            first = s3.upload("key", source, ABSENT)
            source.write_bytes(b"two")
            second = s3.upload("key", source, first)
            with pytest.raises(OvertakenError):
                s3.upload("key", Path(__file__), first)
            assert s3.read("key") == b"two"
            s3.delete("key", first)
            assert s3.read("key") == b"two"
            s3.delete("key", second)
            assert s3.read("key") is None
        finally:
            events.unregister("before-call.s3", refuse)
        assert caplog.text.count("has no conditional writes") == 1

    @pytest.mark.parametrize(("conflicts", "is_written"), [(1, True), (4, True), (5, False)])
    def test_a_write_that_another_is_in_the_way_of_is_made_again(
        self, s3, monkeypatch, conflicts, is_written
    ):
        put, left = s3._client.put_object, [conflicts]

        def conflicting(**arguments):  # type: ignore[no-untyped-def]
            left[0] -= 1
            if left[0] >= 0:
                raise ClientError({"Error": {"Code": "ConditionalRequestConflict"}}, "PutObject")
            return put(**arguments)

        version = s3.write("key", b"before")
        monkeypatch.setattr(s3._client, "put_object", conflicting)
        with contextlib.nullcontext() if is_written else pytest.raises(OvertakenError):
            s3.write("key", b"after", version)
        assert s3.read("key") == (b"after" if is_written else b"before")

    def test_a_whole_bucket_is_a_store(self, bucket, s3_credentials):
        store = S3Storage(f"s3://{bucket}", s3_credentials)
        store.write("a/b", b"content")
        assert keys(store, "a/") == ["a/b"]

    @any_verb
    def test_a_missing_bucket_is_an_error_that_says_to_create_it(self, s3_credentials, verb):
        with pytest.raises(StorageRefusedError, match=r"s3://absent/x.*Create the bucket"):
            verb(S3Storage("s3://absent/x", s3_credentials))

    @any_verb
    def test_missing_credentials_are_an_error_that_says_where_to_set_them(
        self, s3_credentials, no_aws_settings, verb
    ):
        credentials = S3Credentials(endpoint_url=s3_credentials.endpoint_url, region="us-east-1")
        with pytest.raises(StorageError, match=r"no AWS credentials.*aws_conn_id"):
            verb(S3Storage("s3://bucket/x", credentials))

    @pytest.mark.parametrize("endpoint_url", ["http://127.0.0.1:1", "127.0.0.1:9000", "nonsense"])
    def test_a_wrong_endpoint_is_an_error_that_says_to_check_it(
        self, s3_credentials, endpoint_url, monkeypatch
    ):
        monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
        store = S3Storage("s3://bucket/x", replace(s3_credentials, endpoint_url=endpoint_url))
        with pytest.raises(StorageError, match="Check the endpoint") as raised:
            store.check()
        # Where nothing answers, something may yet; what is no URL stays none.
        assert isinstance(raised.value, StorageRefusedError) != endpoint_url.startswith("http")

    @pytest.mark.parametrize(
        ("code", "refused", "remedy"),
        [
            ("AccessDenied", True, "Grant the credentials"),
            ("SignatureDoesNotMatch", True, "Mend the credentials"),
            ("PermanentRedirect", True, "Set the bucket's region"),
            ("InvalidObjectState", True, "from the archive"),
            ("ExpiredToken", False, "Renew the credentials"),
            ("SlowDown", False, "run the hour again"),
            ("InternalError", False, "run the hour again"),
        ],
    )
    def test_what_s3_will_answer_again_is_told_from_what_may_pass(
        self, s3_credentials, monkeypatch, code, refused, remedy
    ):
        store = S3Storage("s3://bucket/x", s3_credentials)
        answer = ClientError({"Error": {"Code": code}}, "PutObject")
        client = SimpleNamespace(put_object=Mock(side_effect=answer))
        monkeypatch.setitem(store.__dict__, "client", client)
        with pytest.raises(StorageError, match=remedy) as raised:
            store.write("key", b"")
        assert isinstance(raised.value, StorageRefusedError) == refused

    def test_the_standard_variables_say_how_to_reach_it(
        self, bucket, s3_credentials, no_aws_settings, monkeypatch
    ):
        monkeypatch.setenv("AWS_ENDPOINT_URL", s3_credentials.endpoint_url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        store = open_storage(f"s3://{bucket}/store")
        store.write("key", b"content")
        assert store.read("key") == b"content"

    def test_its_errors_survive_pickling(self, s3_credentials):
        with pytest.raises(StorageError) as raised:
            S3Storage("s3://absent/x", s3_credentials).check()
        assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)

    @pytest.fixture
    def no_aws_settings(self, tmp_path, monkeypatch):
        """No variable, file or metadata service that could hold AWS settings."""
        for name in (
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_PROFILE",
            "AWS_ENDPOINT_URL",
            "AWS_ENDPOINT_URL_S3",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
        ):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "absent"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "absent"))
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


class BreakingServer(HTTPServer):
    """Serves one object under every key; its answers break off after the given numbers of bytes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), BreakingAnswer)
        self.content = bytes(range(250)) * 16
        self.etag: str
        self.breaks: Iterator[int]


class BreakingAnswer(BaseHTTPRequestHandler):
    server: BreakingServer

    def do_GET(self) -> None:
        if self.headers.get("If-Match", self.server.etag) != self.server.etag:
            self.send_error(412)
            return
        start = int(re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "bytes=0-"))[1])
        rest = self.server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("ETag", self.server.etag)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: next(self.server.breaks, None)])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def running() -> Iterator[BreakingServer]:
    with BreakingServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class TestBrokenTransfer:
    @pytest.fixture
    def server(self, running, monkeypatch) -> BreakingServer:
        set_chunk(monkeypatch, 1000)
        running.etag, running.breaks = '"first"', iter(())
        return running

    @pytest.fixture
    def store(self, server, s3_credentials) -> S3Storage:
        endpoint_url = f"http://127.0.0.1:{server.server_port}"
        return S3Storage("s3://bucket", replace(s3_credentials, endpoint_url=endpoint_url))

    @pytest.mark.parametrize(
        "breaks",
        [[], [1000], [1500], [3999], [2500, 1100], [1500, 1500, 1500], [999], [0]],
    )
    def test_a_stream_that_breaks_off_goes_on_where_it_did(self, server, store, breaks):
        server.breaks = iter(breaks)
        assert b"".join(store.stream("key")) == server.content

    def test_a_read_that_breaks_off_goes_on_where_it_did(self, server, store):
        server.breaks = iter([1500, 0, 999])
        assert store.read("key") == server.content

    def test_an_object_that_is_replaced_while_it_is_read_is_not_taken_for_missing(
        self, server, store
    ):
        def replaced_meanwhile() -> Iterator[int]:
            server.etag = '"second"'
            yield 1500

        server.breaks = replaced_meanwhile()
        assert store.read("key") == server.content

    def test_a_stream_that_breaks_off_again_and_again_is_an_error(self, server, store):
        server.breaks = iter([1500] + [0] * 20)
        with pytest.raises(StorageError, match=r"s3://bucket/key.*run the hour again"):
            list(store.stream("key"))

    def test_a_stream_does_not_go_on_in_another_object(self, server, store):
        server.breaks = iter([1500])
        chunks = store.stream("key")
        next(chunks)
        server.etag = '"second"'
        with pytest.raises(ObjectGoneError):
            list(chunks)
