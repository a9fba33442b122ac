"""Objects are read alike, with the compiled scan or without, alone or with others in a frame."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sessionize.landing import read_records
from sessionize.model.columns import DEFAULT_FIELDS
from tests.landing.encoders import ENCODERS
from tests.landing.json.test_framing import SHAPES
from tests.landing.reading import chunks_of, good, landing, read, read_all, without_scan
from tests.landing.test_robustness import good_events, texts
from tests.landing.work import Work, work_of

EVENT = b'{"event_id":"1","action":"proedit","os":"x"}'
soup = st.lists(
    st.sampled_from(
        [
            *(EVENT, b'{"a":1}', b"{}", b'{\n  "a": [\n    {}\n  ]\n}', b'{"a":', b'{"b":\n'),
            *(b"   ", b"\t", b"\n", b"\r\n", b"\xef\xbb\xbf", b"garbage", b"}", b'"', b"[1]"),
            *(b'{"a":tru}', b'{"a":"\xff"}', b'{"action":"\\u0041"}', b'{"x":1,"x":2}'),
        ]
    ),
    max_size=25,
).map(lambda parts: b"\n" + b"".join(parts))


@given(soup | texts, st.sampled_from([1, 7, 64, 8 << 20]), st.integers(1, 40))
@example(b'{"a":1}\n   {"a":2}{"b":\n   {"a":3}\n', 8 << 20, 40)
def test_an_object_is_read_alike_without_the_compiled_scan(text, batch_bytes, chunk):
    with without_scan():
        expected = read(text)
        assert read(chunks_of(text, chunk), batch_bytes=batch_bytes) == expected
    assert read(text) == expected
    assert read(chunks_of(text, chunk), batch_bytes=batch_bytes) == expected


@given(good_events, st.data())
def test_so_are_damaged_events(events, data):
    indent = data.draw(st.sampled_from([None, 2]))
    separator = data.draw(st.sampled_from(["\n", "", "\n   ", "\r\n"]))
    text = bytearray(separator.join(json.dumps(event, indent=indent) for event in events).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(text) - 1))
        new = data.draw(st.sampled_from([b"", b"\n", b'"', b"{", b"}", b"\xff", b"\\", b" "]))
        text[place : place + data.draw(st.integers(0, 1))] = new
    content = b"\n" + bytes(text)
    with without_scan():
        expected = read(content)
    assert read(content) == expected


@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES.keys())
@pytest.mark.parametrize("encode", ENCODERS)
def test_so_is_every_shape_in_every_compression(text, encode):
    content = encode(text)
    damaged = content[: len(content) * 3 // 4]
    with without_scan():
        expected = [read(content), read(damaged)]
    assert [read(content), read(damaged)] == expected


@pytest.mark.parametrize("limit", [10, 50])
@given(soup, st.sampled_from([1, 64, 8 << 20]))
def test_so_is_what_is_too_long(limit, text, batch_bytes):
    for limits in (landing(max_record_size=limit), landing(max_object_size=limit)):
        with without_scan():
            expected = read(text, limits=limits)
        assert read(text, limits=limits, batch_bytes=batch_bytes) == expected


def test_a_good_line_stays_good_where_the_records_before_it_were_scanned():
    """The scan must tell how deep the line is indented on which the damage begins."""
    text = b'{"a":1}\n   {"a":2}{"b":\n   {"a":3}\n'
    assert [record.raw for record in read(text)] == [b'{"a":1}', b'{"a":2}', b'{"b":', b'{"a":3}']
    assert good(read(text)) == [b'{"a":1}', b'{"a":2}', b'{"a":3}']


class TestManyObjects:
    @given(
        st.lists(soup | texts, max_size=6),
        st.sampled_from([1, 20, 100, 8 << 20]),
        st.sampled_from([None, 12]),
    )
    def test_each_is_read_as_if_it_were_alone(self, contents, batch_bytes, limit):
        limits = landing(max_record_size=limit) if limit else None
        alone = [read(content, limits=limits) for content in contents]
        assert read_all(contents, limits=limits, batch_bytes=batch_bytes) == alone

    @pytest.mark.parametrize("encode", ENCODERS)
    def test_damaged_ones_among_them_cost_no_other(self, encode):
        whole = encode(EVENT + b"\n" + EVENT)
        contents = [whole, whole[:-9], b"", whole, b"\n", b'\n{"a":', b'"b":1}', whole]
        assert read_all(contents) == [read(content) for content in contents]

    def test_small_ones_share_a_frame(self):
        objects = [(f"{n:04}", [EVENT * 10]) for n in range(1000)]
        (records,) = read_records(objects, DEFAULT_FIELDS, landing())
        assert records.frame["object_key"].tolist() == [f"{n // 10:04}" for n in range(10_000)]
        assert records.frame["position"].tolist() == [*range(10)] * 1000

    def test_a_frame_of_small_ones_is_half_of_what_is_read_at_a_time(self):
        objects = [(f"{n}", [EVENT * 100]) for n in range(100)]
        size = len(EVENT) * 100
        frames = [
            len(records)
            for records in read_records(objects, DEFAULT_FIELDS, landing(), batch_bytes=10 * size)
        ]
        assert frames == [500] * 20

    def test_an_object_may_come_twice(self):
        (records,) = read_records([("a", [EVENT]), ("b", [EVENT]), ("a", [EVENT])], {}, landing())
        assert records.frame["object_key"].tolist() == ["a", "b", "a"]
        assert records.frame["position"].tolist() == [0, 0, 0]

    def test_objects_are_asked_for_only_when_their_turn_comes(self):
        asked = []

        def objects():
            for n in range(4):
                asked.append(n)
                yield f"{n}", [EVENT]

        next(read_records(objects(), DEFAULT_FIELDS, landing(), batch_bytes=len(EVENT)))
        assert asked == [0]

    def test_none_is_no_frame(self):
        assert list(read_records([], DEFAULT_FIELDS, landing())) == []
        assert list(read_records([("a", []), ("b", [b" "])], DEFAULT_FIELDS, landing())) == []

    def test_many_small_ones_take_little_more_work_than_few_large_ones(self):
        def work(count: int, events: int) -> Work:
            return work_of([(f"{n}", [EVENT * events]) for n in range(count)])

        few, many = work(10, 1000), work(1000, 10)
        assert many.bytes < 2 * few.bytes
        # Some steps an object, however many records it has.
        assert many.calls < few.calls + 20 * 1000
