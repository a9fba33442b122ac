from __future__ import annotations

import threading
import time

import pytest

from sessionize.lake.storage import LocalStorage, S3Credentials, S3Storage, side_by_side
from sessionize.lake.storage.side_by_side import concurrency_of
from sessionize.model.errors import StorageError


class Store:
    """A store of which only the concurrency counts."""

    def __init__(self, concurrency: int) -> None:
        self.concurrency = concurrency


@pytest.fixture(params=[1, 4])
def store(request):
    return Store(request.param)


def test_results_come_in_the_order_of_the_items(store):
    def request(number: int) -> int:
        time.sleep(0.01 * (5 - number))
        return number * number

    assert side_by_side(store, request, iter(range(5))) == [0, 1, 4, 9, 16]


def test_nothing_to_do_is_done(store):
    assert side_by_side(store, lambda _: 1, []) == []


def test_the_first_item_that_fails_is_the_error(store):
    def request(number: int) -> None:
        if number in (2, 3):
            raise StorageError(f"{number}", "Try again.")

    with pytest.raises(StorageError, match="2"):
        side_by_side(store, request, range(9))


def test_what_was_not_begun_when_one_fails_is_not_done():
    begun = []
    held = threading.Event()

    def request(number: int) -> None:
        begun.append(number)
        if number == 0:
            held.set()
            raise StorageError("failed", "Try again.")
        held.wait(5)
        time.sleep(0.05)

    with pytest.raises(StorageError):
        side_by_side(Store(2), request, range(100))
    assert len(begun) < 100
    assert not [t for t in threading.enumerate() if t.name.startswith("sessionize-storage")]


def test_requests_go_side_by_side_and_no_more_than_the_store_takes():
    together = threading.Barrier(3)
    running, most, lock = 0, 0, threading.Lock()

    def request(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(5)
        with lock:
            running -= 1

    side_by_side(Store(3), request, range(9))
    assert most == 3


def test_a_store_that_does_not_say_is_asked_one_thing_after_the_other(tmp_path):
    assert concurrency_of(LocalStorage(tmp_path)) == 1
    assert concurrency_of(S3Storage("s3://bucket", S3Credentials())) > 1
    main = threading.current_thread()
    assert side_by_side(LocalStorage(tmp_path), lambda _: threading.current_thread(), [1, 2]) == [
        main,
        main,
    ]
