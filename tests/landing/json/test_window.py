"""The text that is held grows at its end and is dropped at its front."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from sessionize.landing.compression.source import DamageError
from sessionize.landing.json.window import Window
from sessionize.model.reasons import Reason

pieces = st.lists(st.binary(max_size=9), max_size=8)


@given(pieces, st.integers(1, 10), st.integers(0, 3), st.integers(1, 60))
def test_all_text_up_to_the_limit_passes_through(parts, portion, drop, limit):
    text = b"".join(parts)
    window = Window(iter(parts), portion, limit)
    seen = b""
    while True:
        held = len(window.data)
        grown = window.more()
        assert grown == (len(window.data) > held)
        assert len(window.data) <= held + max(portion, held)
        if not grown:
            break
        assert window.data == text[window.offset : window.offset + len(window.data)]
        dropped = min(drop, len(window.data))
        seen += window.data[:dropped]
        window.drop(dropped)
    assert seen + window.data == text[:limit]
    assert (window.problem is not None) == (len(text) > limit)


def test_damage_ends_it_behind_what_came_before():
    def damaged() -> Iterator[bytes]:
        yield b"text"
        raise DamageError("torn")

    window = Window(damaged(), 10, 100)
    assert window.more()
    assert not window.more()
    assert window.data == b"text"
    assert window.problem is not None
    assert window.problem.reason is Reason.DAMAGED_OBJECT
    assert window.problem.detail == "torn, after 4 bytes of text"
