"""Whatever an object holds: nothing is raised, nothing is lost, and its cuts do not count."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionize.model.reasons import Reason
from tests.landing.encoders import ENCODERS
from tests.landing.reading import assert_covers, chunks_of, good, landing, read

TOKENS = [
    *(bytes([byte]) for byte in b'{}[]",:\\ \t\r\n1-x\x00\xff\x0b'),
    b"\n", b'"', b"{", b"}", b"\r\n", b"\xef\xbb\xbf", b"\xef", b"\xbb\xbf",
    b'{"a":1}', b'{"b":{"c":[1,"x"]}}', b"{}", b'{\n  "d": [\n    {}\n  ]\n}', b'"}{"', b'\\"',
    b'{"a":', b'"k":', b"[1,2]", b"tru", b"null", b'"text"', b'{"a":"\\ud800"}', "ż".encode(),
    b"garbage", b"12.5e3", b'{"long":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}',
]  # fmt: skip
token_soup = st.lists(st.sampled_from(TOKENS), max_size=30).map(b"".join)
# No compression begins with a newline, so what follows one is read as text.
texts = (token_soup | st.binary(max_size=60)).map(lambda text: b"\n" + text)


@given(texts, st.sampled_from([1, 2, 5, 40]))
def test_every_byte_of_text_stands_in_one_record_however_it_is_cut(text, batch_bytes):
    records = read(text)
    assert_covers(text, records)
    assert read(text, batch_bytes=batch_bytes) == records
    assert read(chunks_of(text, batch_bytes), batch_bytes=3) == records


@given(texts, st.integers(1, 40), st.sampled_from([1, 2, 5, 40]))
def test_so_it_is_with_records_that_are_too_long(text, limit, batch_bytes):
    limits = landing(max_record_size=limit)
    records = read(text, limits=limits)
    assert_covers(text, records)
    assert read(text, limits=limits, batch_bytes=batch_bytes) == records


@given(texts, st.integers(1, 60), st.sampled_from([1, 2, 5, 40]))
def test_so_it_is_with_objects_that_are_too_long(text, limit, batch_bytes):
    limits = landing(max_object_size=limit)
    records = read(text, limits=limits)
    assert_covers(text[:limit], records)
    assert any(r.reason is Reason.OBJECT_TOO_LARGE for r in records) == (len(text) > limit)
    assert read(text, limits=limits, batch_bytes=batch_bytes) == records


@given(token_soup, st.sampled_from(ENCODERS[1:]), st.data())
def test_damaged_objects_do_not_depend_on_their_cuts(text, encode, data):
    content = bytearray(encode(b"\n" + text))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(0, 255))
    damaged = bytes(content[: data.draw(st.integers(0, len(content)))])
    records = read(damaged)
    assert read(chunks_of(damaged, 3), batch_bytes=5) == records


good_events = st.lists(
    st.dictionaries(
        st.sampled_from(["action", "x", "y"]),
        st.integers() | st.text('ab{}[]",:\\ \n', max_size=6) | st.just([{"z": [{}, "}{"]}]),
    ),
    min_size=1,
    max_size=8,
)


@given(good_events, st.data(), token_soup.map(lambda text: text.replace(b"\n", b"")))
def test_a_bad_line_anywhere_leaves_the_other_lines_good(events, data, bad):
    lines = [json.dumps(event).encode() for event in events]
    place = data.draw(st.integers(0, len(lines)))
    text = b"\n".join([*lines[:place], bad, *lines[place:]])
    records = read(b"\n" + text)
    assert_covers(text, records)
    assert good(records[:place]) == lines[:place]
    after = records[len(records) - len(lines) + place :]
    assert good(after) == lines[place:]


@given(good_events, st.data())
def test_one_bad_byte_leaves_the_other_lines_good(events, data):
    lines = [json.dumps(event).encode() for event in events]
    text = bytearray(b"\n".join([b"{}", *lines]))
    place = data.draw(st.integers(3, len(text) - 1))
    text[place] = data.draw(st.sampled_from(b'{}[]",:\\ \n1x\0\xff'))
    good_lines = good(read(bytes(text)))
    at = 3
    for line in lines:
        if not at - 1 <= place <= at + len(line):
            assert line in good_lines
        at += len(line) + 1


@pytest.mark.parametrize("seed", range(2))
def test_objects_of_many_batches_do_not_depend_on_them(seed):
    rng = random.Random(seed)
    text = b"\n" + b"".join(rng.choice(TOKENS) for _ in range(2_000))
    records = read(text)
    assert_covers(text, records)
    for batch_bytes in (1, 100, 4096):
        assert read(text, batch_bytes=batch_bytes) == records
