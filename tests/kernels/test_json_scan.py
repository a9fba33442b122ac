"""The scan takes what is well formed, and nothing else."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionize.kernels.json_scan import (
    ABSENT,
    ESCAPED,
    MOST_UNKNOWN,
    NUMBER,
    OTHER,
    STRING,
    scan_records,
)
from sessionize.landing.json.tree import FieldTree
from tests.kernels import naive

NAMES = [b"action", b"id", b"", "né".encode(), b"a longer name of a field"]
LEVELS = 4

TOKENS = [
    *(bytes([byte]) for byte in b'{}[]",:\\ \t\r\n1-.eE+u0tfn\x00\x1f\x7f\x80\xc3\xff'),
    *(b'"%b":' % name for name in NAMES), b'"x":', b'"y":1', b"{}", b"[]", b"null", b"true",
    b"false", b"12.5e-3", b'"text"', b'"\\u00e9"', b'"\\ud83d\\udc22"', b'"\\ud83d"',
    "żółw 🐢".encode(), b"\xed\xa0\x80", b"\xef\xbb\xbf", b'{"action":"x"}', b"\n", b",", b"}",
]  # fmt: skip
soup = st.lists(st.sampled_from(TOKENS), max_size=25).map(b"".join)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)  # fmt: skip
objects = st.dictionaries(
    st.sampled_from([name.decode() for name in NAMES]) | st.text(max_size=4), values, max_size=6
)
written = st.builds(
    lambda objects, is_ascii, indent, between: between.join(
        json.dumps(value, ensure_ascii=is_ascii, indent=indent) for value in objects
    ).encode(),
    st.lists(objects, max_size=4),
    st.booleans(),
    st.sampled_from([None, 1]),
    st.sampled_from(["", "\n", "\r\n \ufeff", " "]),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    text = bytearray(draw(written))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(text)))
        text[place : place + draw(st.integers(0, 2))] = draw(st.sampled_from(TOKENS))
    return bytes(text)


class Scanned:
    """What the kernel finds in a text, and where it stops."""

    def __init__(self, text: bytes, *, base: int = 0, limit: int = 1 << 20, room: int = 50) -> None:
        tree = FieldTree([(name.decode(),) for name in NAMES])
        starts, ends = np.zeros(room + 1, np.int32), np.zeros(room + 1, np.int32)
        spans = np.zeros((len(NAMES), 2, room), np.int32)
        self.kinds = np.zeros((len(NAMES), room), np.uint8)
        extended = np.zeros(len(text) + room, np.uint8)
        self.rows, self.at, self.line, self.is_incomplete = scan_records(
            np.frombuffer(text, np.uint8), 0, limit, base, tree.names, tree.sizes, tree.field,
            tree.children, np.arange(len(NAMES) + 1) % len(NAMES), 0, starts, spans, self.kinds,
            extended, ends, np.zeros((MOST_UNKNOWN, 2), np.uintp), np.zeros((LEVELS, 3), np.int64),
            np.zeros(len(NAMES) + 1, np.int64),
        )  # fmt: skip
        self.records = []
        text = bytes(base) + text
        for row in range(self.rows):
            values = {}
            for field in np.flatnonzero(self.kinds[:, row]):
                start, end = spans[field, :, row]
                is_string = self.kinds[field, row] & STRING and self.kinds[field, row] != OTHER
                values[NAMES[field]] = text[start - is_string : end + is_string]
            unknown = extended[ends[row] : ends[row + 1]].tobytes()
            self.records.append((int(starts[row]), values, unknown))
        self.end = int(starts[self.rows])


def check(text: bytes) -> None:
    found = Scanned(text)
    expected = naive.scan_records(text, NAMES, LEVELS, MOST_UNKNOWN)
    assert found.records == [
        (
            record.start,
            {name: value for name, value in record.values.items() if value != b"null"},
            record.extended,
        )
        for record in expected
    ]
    assert found.at == found.end == (expected[-1].end if expected else 0)
    between = [0, *(record.end for record in expected)]
    gaps = zip(between, (record.start for record in expected), strict=False)
    breaks = [at for start, end in gaps for at in range(start, end) if text[at : at + 1] == b"\n"]
    assert found.line == (breaks[-1] if breaks else -1)
    assert not found.kinds[:, found.rows :].any()
    kinds = {b'"': STRING, b"{": OTHER, b"[": OTHER, b"t": OTHER, b"f": OTHER}
    for row, record in enumerate(expected):
        for field, name in enumerate(NAMES):
            value = record.values.get(name, b"null")
            kind = ABSENT if value == b"null" else kinds.get(value[:1], NUMBER)
            if kind == STRING and b"\\" in value:
                kind += ESCAPED
            assert found.kinds[field, row] == kind


@given(written)
def test_what_is_well_formed_is_taken_as_the_reference_takes_it(text):
    check(text)


@given(damaged() | soup | soup.map(lambda text: b"{" + text))
def test_of_any_text_the_reference_takes_as_much(text):
    check(text)


@pytest.mark.parametrize("size", range(1, 5))
def test_every_character_of_utf8_and_no_other(size):
    """The first and last of each form, and their neighbours."""
    edges = (0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF)
    firsts = (0x7F, 0x80, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5)
    texts = [bytes([first]) for first in firsts]
    for _ in range(size - 1):
        texts = [text + bytes([edge]) for text in texts for edge in edges]
    for text in texts:
        record = b'{"x":"%b"}' % text
        try:
            text.decode()
            is_good = min(text) >= 0x20
        except UnicodeDecodeError:
            is_good = False
        assert Scanned(record).rows == is_good


@given(written)
def test_a_record_that_breaks_off_is_incomplete(text):
    whole = Scanned(text)
    text = text[: whole.at]  # what is taken as long as it is whole
    for cut in range(len(text)):
        found = Scanned(text[:cut])
        assert found.records == whole.records[: found.rows]
        rest = text[found.at : cut].strip(b" \r\n\xef\xbb\xbf")
        assert found.is_incomplete == bool(rest)


def test_a_record_is_not_longer_than_the_limit():
    text = b'{"action":1}{"action":12}'
    assert Scanned(text, limit=12).rows == 1
    assert not Scanned(text, limit=12).kinds[:, 1:].any()
    assert Scanned(text, limit=13).rows == 2


def test_there_are_no_more_records_than_there_is_room():
    found = Scanned(b"{}" * 5, room=3)
    assert (found.rows, found.at, found.is_incomplete) == (3, 6, False)


@given(written)
def test_places_are_counted_from_the_base(text):
    shifted = [(start + 7, *rest) for start, *rest in Scanned(text).records]
    assert Scanned(text, base=7).records == shifted


@pytest.mark.parametrize("count", [MOST_UNKNOWN, MOST_UNKNOWN + 1])
def test_so_many_fields_may_be_unknown(count):
    check(json.dumps({f"{n}": n for n in range(count)}).encode())
