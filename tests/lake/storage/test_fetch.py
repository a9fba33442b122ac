from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from sessionize.lake.storage import LocalStorage, StoredObject, fetch
from sessionize.model.errors import ObjectGoneError

SMALL = 1 << 20


class Objects:
    """Streams made-up objects and notes which are asked for."""

    url = "memory"

    def __init__(self, concurrency: int = 8) -> None:
        self.concurrency = concurrency
        self.begun: list[str] = []
        self.running = self.most = 0
        self._lock = threading.Lock()

    def stream(self, key: str, etag: str = "") -> Iterator[bytes]:
        with self._lock:
            self.begun.append(key)
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            if etag == "gone":
                raise ObjectGoneError(key, "Restore it.")
            yield key.encode()
            yield b"-end"
        finally:
            with self._lock:
                self.running -= 1


def entries(count: int, size: int = 10) -> list[StoredObject]:
    return [StoredObject(f"{number:03}", size, "tag") for number in range(count)]


def contents(store, objects, **options) -> list[tuple[str, bytes]]:
    return [(key, b"".join(chunks)) for key, chunks in fetch(store, objects, **options)]


def threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name.startswith("sessionize-fetch")]


@pytest.mark.parametrize("concurrency", [1, 3, 8, 100])
@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_objects_come_whole_and_in_order(count, concurrency):
    objects = entries(count)
    got = contents(Objects(), objects, concurrency=concurrency)
    assert got == [(entry.key, entry.key.encode() + b"-end") for entry in objects]


def test_a_folder_is_streamed(tmp_path):
    store = LocalStorage(tmp_path)
    for name in ("a", "b", "empty"):
        store.write(name, name.encode() if name != "empty" else b"")
    assert contents(store, list(store.list())) == [("a", b"a"), ("b", b"b"), ("empty", b"")]


def test_an_s3_prefix_is_fetched(s3):
    for name in ("a", "b", "empty"):
        s3.write(name, name.encode() if name != "empty" else b"")
    assert contents(s3, list(s3.list())) == [("a", b"a"), ("b", b"b"), ("empty", b"")]


def test_an_object_that_was_replaced_fails_at_its_turn(s3):
    for name in ("a", "b", "c"):
        s3.write(name, b"before")
    objects = list(s3.list())
    s3.write("b", b"after!")
    got = fetch(s3, objects)
    assert b"".join(next(got)[1]) == b"before"
    _, chunks = next(got)
    with pytest.raises(ObjectGoneError, match="has been replaced"):
        list(chunks)
    assert b"".join(next(got)[1]) == b"before"
    got.close()


def test_small_objects_are_fetched_ahead_but_no_more_than_so_many():
    store = Objects()
    got = fetch(store, entries(50), concurrency=4)
    key, chunks = next(got)
    assert (key, b"".join(chunks)) == ("000", b"000-end")
    assert len(store.begun) <= 4
    next(got)
    assert len(store.begun) <= 5
    got.close()
    assert store.most <= 4


def test_large_objects_are_not_begun_before_their_turn():
    store = Objects()
    small = entries(3)
    objects = [small[0], replace(small[1], size=SMALL + 1), small[2]]
    got = fetch(store, objects)
    next(got)
    assert "001" not in store.begun
    assert b"".join(next(got)[1]) == b"001-end"


def test_stopping_early_leaves_no_threads():
    store = Objects()
    got = fetch(store, entries(50))
    next(got)
    got.close()
    assert not threads()
    assert len(store.begun) <= 9


def test_no_threads_are_left_at_the_end_either():
    contents(Objects(), entries(20))
    assert not threads()
