"""What comes out is fit for JSON and safe to print, whatever has landed."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionize.landing.records import raw_text
from sessionize.observe.plain import instant, plain, printable, raw_shown
from sessionize.observe.views import MOST_TEXT


def test_instants_are_in_utc():
    time = datetime(2017, 2, 4, 23, 59, 59, 250_000, tzinfo=timezone(timedelta(hours=2)))
    assert instant(time) == "2017-02-04T21:59:59.250000Z"
    assert plain(datetime(2017, 2, 4, tzinfo=UTC)) == "2017-02-04T00:00:00Z"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, [1.0, math.nan], None, 1, "x"])
def test_numbers_that_json_has_not_become_texts(value):
    json.dumps(plain(value), allow_nan=False)


@given(st.text())
def test_what_is_shown_can_be_printed(text: str):
    assert all(it.isprintable() or it in "\n\t" for it in printable(text))


def test_control_characters_and_marks_of_direction_are_escapes():
    assert printable("a\x1b[31m\u202eb\x00é\n") == "a\\x1b[31m\\u202eb\\x00é\n"
    assert printable("x" * 9999) == "x" * MOST_TEXT


@given(st.binary(max_size=40))
def test_a_record_is_shown_as_it_came(record: bytes):
    text, is_bytes = raw_text(record)
    shown, length, says_bytes = raw_shown(text, f"detail{' (raw is base64)' * is_bytes}")
    assert says_bytes == is_bytes
    if is_bytes:
        assert length == len(record)
        assert shown == printable(record.decode(errors="backslashreplace"))
    else:
        assert (shown, length) == (printable(text), len(text))


def test_a_text_that_begins_as_bytes_do_is_a_text():
    assert raw_shown("base64:/w==", "not JSON") == ("base64:/w==", 11, False)


def test_of_long_bytes_the_beginning_is_shown():
    record = b"\xff" * 100_001
    shown, length, _ = raw_shown(raw_text(record)[0], "(raw is base64)")
    assert length == 100_001
    assert shown == r"\xff" * (MOST_TEXT // 4)
