from __future__ import annotations

import contextlib
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from sessionize.lake.storage import ABSENT, LocalStorage, S3Storage, open_storage
from sessionize.model.errors import ObjectGoneError, OvertakenError
from tests.lake.storage.helpers import fill, keys, set_chunk

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


class TestEveryStore:
    @pytest.mark.parametrize("content", [b"", b"text\r\n", bytes(range(256)) * 9])
    def test_what_is_written_is_read_and_streamed(self, store, content, monkeypatch):
        set_chunk(monkeypatch, 1000)
        store.write("key", content)
        assert store.read("key") == content
        assert b"".join(store.stream("key")) == content

    def test_a_part_is_read_with_the_version(self, store):
        version = store.write("key", b"0123456789")
        assert store.read_part("key", 2, 3) == (b"234", version)
        assert store.read_part("key", 8, 100, version) == (b"89", version)
        store.write("key", b"another")
        with pytest.raises(ObjectGoneError, match="ask once more"):
            store.read_part("key", 2, 3, version)
        with pytest.raises(ObjectGoneError, match="ask once more"):
            store.read_part("absent", 0, 1)

    def test_a_listing_says_when_an_object_was_modified(self, store):
        before = time.time()
        store.write("key", b"content")
        (entry,) = store.list()
        # S3 says whole seconds.
        assert before - 1 <= entry.modified <= time.time()
        assert entry == replace(entry, modified=0.0)

    def test_a_stream_comes_in_chunks(self, store, monkeypatch):
        set_chunk(monkeypatch, 4)
        store.write("key", b"0123456789")
        assert list(store.stream("key")) == [b"0123", b"4567", b"89"]

    def test_a_write_replaces_what_was_there(self, store):
        store.write("key", b"first, and longer")
        store.write("key", b"second")
        assert store.read("key") == b"second"
        assert [entry.size for entry in store.list()] == [6]

    def test_children_are_what_stands_right_below_a_folder(self, store):
        for key in ("a/b/c", "a/b/d", "a/x", "a0", "z"):
            store.write(key, b"12")
        top = store.children()
        assert top.folders == ("a/",)
        assert [(entry.key, entry.size) for entry in top.objects] == [("a0", 2), ("z", 2)]
        below = store.children("a/")
        assert (below.folders, [entry.key for entry in below.objects]) == (("a/b/",), ["a/x"])
        nothing = store.children("absent/")
        assert (nothing.folders, nothing.objects, nothing.after) == ((), (), "")

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

    @pytest.fixture(params=["write", "upload"])
    def put(self, request, store, tmp_path):
        """Write an object in either way."""

        def put(key: str, content: bytes, replaces: str | None) -> str:
            if request.param == "write":
                return store.write(key, content, replaces)
            source = tmp_path / uuid.uuid4().hex
            source.write_bytes(content)
            return store.upload(key, source, replaces)

        return put

    def test_a_version_is_the_same_in_a_write_a_listing_and_a_read(self, store, put):
        version = put("a/key", b"content", ABSENT)
        [entry] = store.list()
        assert store.read_version("a/key") == (b"content", version)
        assert entry.version == version != ABSENT
        assert store.read_version("absent") == (None, ABSENT)

    def test_the_version_that_was_seen_is_replaced(self, store, put):
        version = put("key", b"one", ABSENT)
        put("key", b"two", version)
        assert store.read("key") == b"two"

    @pytest.mark.parametrize("seen", ["nothing", "an older one", "one that is gone"])
    def test_another_version_than_was_seen_stays(self, store, put, seen):
        version = ABSENT if seen == "nothing" else store.write("key", b"seen")
        store.write("key", b"later")
        if seen == "one that is gone":
            store.delete("key")
        with pytest.raises(OvertakenError, match=r"store/key has been written by another.*status"):
            put("key", b"lagging", version)
        assert store.read("key") == (None if seen == "one that is gone" else b"later")

    def test_what_another_has_written_already_is_written(self, store, put):
        version = store.write("key", b"same")
        assert put("key", b"same", ABSENT) == version
        assert store.read("key") == b"same"

    def test_the_same_content_written_anew_is_another_version(self, store, put):
        versions = [put("key", b"same", ABSENT)]
        for _ in range(2):
            versions.append(put("key", b"same", versions[-1]))
            assert versions[-1] != versions[-2]
            with pytest.raises(OvertakenError):
                put("key", b"lagging", versions[-2])
        assert store.read("key") == b"same"

    def test_only_the_version_that_was_seen_is_deleted(self, store):
        seen = store.write("key", b"one")
        later = store.write("key", b"two")
        store.delete("key", seen)
        assert store.read("key") == b"two"
        store.delete("key", later)
        assert store.read("key") is None
        store.delete("key", later)

    def test_of_many_that_replace_one_version_one_does(self, store):
        seen = store.write("key", b"seen")

        def replace(number: int) -> bool:
            with contextlib.suppress(OvertakenError):
                store.write("key", b"%d" % number, seen)
                return True
            return False

        with ThreadPoolExecutor(8) as pool:
            done = list(pool.map(replace, range(8)))
        assert sum(done) == 1
        assert store.read("key") == b"%d" % done.index(True)

    def test_a_store_that_is_there_passes_the_check(self, store):
        store.write("key", b"")
        store.check()


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
