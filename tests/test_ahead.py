from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from sessionize.ahead import ahead


def test_the_items_come_in_their_order():
    assert list(ahead(iter(range(5)))) == [0, 1, 2, 3, 4]
    assert list(ahead([])) == []


def test_the_next_item_is_made_while_one_is_used():
    made = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        made.set()
        yield 2

    for _ in ahead(items()):
        assert made.wait(5)


def test_what_making_an_item_raises_is_raised_in_its_place():
    def items() -> Iterator[int]:
        yield 1
        raise KeyboardInterrupt

    got = ahead(items())
    assert next(got) == 1
    with pytest.raises(KeyboardInterrupt):
        next(got)
