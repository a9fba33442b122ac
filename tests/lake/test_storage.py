from __future__ import annotations

import pickle
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from sessionize.lake.storage import LocalStorage, S3Credentials, S3Storage, Storage, open_storage
from sessionize.lake.storage import local as local_module
from sessionize.lake.storage import s3 as s3_module
from sessionize.model.errors import ObjectGoneError, StorageError


def set_chunk(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    for module in (local_module, s3_module):
        monkeypatch.setattr(module, "CHUNK", size)


pytestmark = pytest.mark.usefixtures("one_client")

OpenAt = Callable[[str], Storage]

#: In the order of their bytes, which is neither that of a walk through folders nor that of UTF-16.
IN_ORDER = ["Z", "a-b", "a.b", "a/b-c/d", "a/b/c", "a/bc", "a0", "é", "\uff5e", "\U0001f600"]

AWKWARD = [
    "dt=2017-02-04/hour=23/part-0.parquet",
    "two words/and more",
    "Größe/日本語/\U0001f600",
    "50% + #1 & [2]?.gz",
    "%2F%20/+",
    " leading and trailing ",
]

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


def keys(store: Storage, prefix: str = "") -> list[str]:
    return [entry.key for entry in store.list(prefix)]


def fill(store: Storage, names: list[str]) -> None:
    for name in reversed(names):
        store.write(name, name.encode())


class TestEveryStore:
    @pytest.mark.parametrize("content", [b"", b"text\r\n", bytes(range(256)) * 9])
    def test_what_is_written_is_read_and_streamed(self, store, content, monkeypatch):
        set_chunk(monkeypatch, 1000)
        store.write("key", content)
        assert store.read("key") == content
        assert b"".join(store.stream("key")) == content

    def test_a_stream_comes_in_chunks(self, store, monkeypatch):
        set_chunk(monkeypatch, 4)
        store.write("key", b"0123456789")
        assert list(store.stream("key")) == [b"0123", b"4567", b"89"]

    def test_a_write_replaces_what_was_there(self, store):
        store.write("key", b"first, and longer")
        store.write("key", b"second")
        assert store.read("key") == b"second"
        assert [entry.size for entry in store.list()] == [6]

    def test_an_upload_stores_the_files_content_and_replaces_what_was_there(self, store, tmp_path):
        source = tmp_path / "source"
        source.write_bytes(b"uploaded")
        store.write("nested/key", b"before")
        store.upload("nested/key", source)
        assert store.read("nested/key") == b"uploaded"

    @pytest.mark.parametrize("key", ["absent", "a/absent", "absent/b", "a", "a/b/c"])
    def test_what_is_not_an_object_is_not_read(self, store, key):
        store.write("a/b", b"")
        assert store.read(key) is None

    @pytest.mark.parametrize("key", ["absent", "a/absent", "absent/b", "a", "a/b/c"])
    def test_what_is_not_an_object_is_gone_for_a_stream(self, store, key):
        store.write("a/b", b"")
        with pytest.raises(ObjectGoneError, match=f"store/{key} is no longer there"):
            list(store.stream(key))

    @pytest.mark.parametrize("key", AWKWARD)
    def test_a_key_may_hold_any_text(self, store, key):
        store.write(key, b"content")
        assert keys(store) == [key]
        assert store.read(key) == b"content"
        assert b"".join(store.stream(key)) == b"content"
        store.delete(key)
        assert keys(store) == []

    def test_a_listing_is_in_the_order_of_the_keys_bytes(self, store):
        fill(store, IN_ORDER)
        assert keys(store) == IN_ORDER

    def test_a_listing_tells_the_sizes(self, store):
        store.write("empty", b"")
        store.write("full", b"12345")
        assert [(entry.key, entry.size) for entry in store.list()] == [("empty", 0), ("full", 5)]

    @pytest.mark.parametrize(
        ("prefix", "expected"),
        [
            ("", ["a/b/1", "a/b/2", "a/bc", "ab"]),
            ("a", ["a/b/1", "a/b/2", "a/bc", "ab"]),
            ("a/", ["a/b/1", "a/b/2", "a/bc"]),
            ("a/b", ["a/b/1", "a/b/2", "a/bc"]),
            ("a/b/", ["a/b/1", "a/b/2"]),
            ("a/b/1", ["a/b/1"]),
            ("a/c", []),
            ("absent/folder/", []),
            ("ab/", []),
            ("/", []),
        ],
    )
    def test_a_prefix_is_the_beginning_of_a_key_not_a_folder(self, store, prefix, expected):
        fill(store, ["a/b/1", "a/b/2", "a/bc", "ab"])
        assert keys(store, prefix) == expected

    def test_an_empty_store_lists_nothing(self, store):
        assert keys(store) == []

    def test_stores_whose_paths_begin_alike_do_not_see_each_other(self, open_at):
        raw, raw2 = open_at("raw"), open_at("raw2")
        raw2.write("key", b"theirs")
        assert keys(raw) == []
        assert raw.read("key") is None
        raw.delete("key")
        assert raw2.read("key") == b"theirs"

    def test_a_slash_at_the_end_of_the_url_changes_nothing(self, open_at):
        open_at("store/").write("key", b"content")
        assert open_at("store").read("key") == b"content"

    def test_a_deleted_object_is_gone_and_its_neighbours_stay(self, store):
        fill(store, ["a/b", "a/c", "a/c2"])
        store.delete("a/c")
        assert keys(store) == ["a/b", "a/c2"]

    @pytest.mark.parametrize("key", ["absent", "a/absent", "absent/b", "a"])
    def test_deleting_what_is_not_an_object_changes_nothing(self, store, key):
        store.write("a/b", b"")
        store.delete(key)
        assert keys(store) == ["a/b"]

    def test_the_last_object_of_a_store_can_be_deleted_and_written_again(self, store):
        store.write("a/b", b"first")
        store.delete("a/b")
        store.write("a/b", b"again")
        assert store.read("a/b") == b"again"

    def test_the_etag_of_the_listing_opens_the_object(self, store):
        store.write("key", b"content")
        [entry] = store.list()
        assert b"".join(store.stream(entry.key, entry.etag)) == b"content"

    def test_a_store_that_is_there_passes_the_check(self, store):
        store.write("key", b"")
        store.check()


class TestLocalStorage:
    def test_a_folder_that_is_not_there_fails_the_check(self, tmp_path):
        with pytest.raises(StorageError, match=r"absent is not a folder\. Create it"):
            LocalStorage(tmp_path / "absent").check()

    @pytest.fixture(params=["nameless", "named"])
    def aside(self, request, monkeypatch) -> None:
        """Not every system has files that have no name while they are written."""
        if request.param == "named":
            monkeypatch.delattr("os.O_TMPFILE")

    @pytest.mark.usefixtures("aside")
    def test_a_write_replaces_the_object_on_every_system(self, folder, tmp_path):
        folder.write("a/key", b"before")
        folder.write("a/key", b"after")
        assert folder.read("a/key") == b"after"
        assert [path.name for path in (tmp_path / "a").iterdir()] == ["key"]

    @pytest.mark.usefixtures("aside")
    def test_a_failed_write_leaves_the_object_as_it_was(self, folder, tmp_path, monkeypatch):
        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        folder.write("a/key", b"before")
        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(StorageError, match=r"No space left on device.*disk not full"):
            folder.write("a/key", b"after")
        assert folder.read("a/key") == b"before"
        assert [path.name for path in (tmp_path / "a").iterdir()] == ["key"]

    def test_a_reader_keeps_the_object_that_it_opened(self, folder, monkeypatch):
        set_chunk(monkeypatch, 3)
        folder.write("key", b"before")
        chunks = folder.stream("key")
        first = next(chunks)
        folder.write("key", b"AFTER!")
        assert first + b"".join(chunks) == b"before"

    def test_a_write_that_was_killed_leaves_nothing_that_is_listed(self, folder, tmp_path):
        folder.write("key", b"")
        (tmp_path / ".sessionize-0123").write_bytes(b"half")
        assert keys(folder) == ["key"]

    def test_a_delete_takes_away_the_folders_that_it_empties(self, folder, tmp_path):
        fill(folder, ["a/b/c/d", "a/e"])
        folder.delete("a/b/c/d")
        assert [path.name for path in (tmp_path / "a").iterdir()] == ["e"]
        folder.delete("a/e")
        assert tmp_path.is_dir()
        assert list(tmp_path.iterdir()) == []

    def test_a_file_in_the_way_of_a_folder_is_an_error_with_a_remedy(self, folder):
        folder.write("a", b"")
        with pytest.raises(StorageError, match=r"a/b cannot be written .*Check that the folder"):
            folder.write("a/b", b"")


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

    def test_a_whole_bucket_is_a_store(self, bucket, s3_credentials):
        store = S3Storage(f"s3://{bucket}", s3_credentials)
        store.write("a/b", b"content")
        assert keys(store, "a/") == ["a/b"]

    @any_verb
    def test_a_missing_bucket_is_an_error_that_says_to_create_it(self, s3_credentials, verb):
        with pytest.raises(StorageError, match=r"s3://absent/x.*Create the bucket"):
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
        with pytest.raises(StorageError, match="Check the endpoint"):
            store.check()

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


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("s3://bucket/prefix", S3Storage),
        ("s3://bucket", S3Storage),
        ("relative", LocalStorage),
        ("/absolute", LocalStorage),
    ],
)
def test_the_url_tells_the_kind_of_store(url: str, kind: type):
    assert isinstance(open_storage(url), kind)
