"""What the compiled scan takes, the slower code would take in the same way."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sessionize.config import FieldNames
from sessionize.landing.columns import Columns
from sessionize.landing.parsing import parse
from sessionize.landing.records import Problem

LIMIT = 1 << 20

NAMES = [*FieldNames().raw_names(), "os", "screen", "né", "a b", ""]
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["10.3.5.34", "a1b2", "\\", '"', "\x7f", "😀", "\u2028"])
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), values, max_size=8)
written = st.builds(
    lambda value, escaped, indent, tight: json.dumps(
        value, ensure_ascii=escaped, indent=indent, separators=(",", ":") if tight else None
    ).encode(),
    objects,
    st.booleans(),
    st.sampled_from([None, 1]),
    st.booleans(),
)


def columns_of(columns: Columns, text: bytes) -> tuple[Any, ...]:
    found, extended, starts, ends = columns.finish(text)
    fields = {name: (c.kind.tolist(), c.text.to_pylist()) for name, c in found.items()}
    return fields, extended.to_pylist(), starts.tolist(), ends.tolist()


def both_ways(text: bytes) -> bool:
    """Read the record that a text begins with in both ways; tell whether the scan has taken it."""
    text = text.lstrip(b" \t\r\n")
    scanned, parsed = Columns(FieldNames(), 1), Columns(FieldNames(), 1)
    end, _ = scanned.scan(text, 0, LIMIT)
    if not end:
        return False
    fields = parse(text[:end])
    assert not isinstance(fields, Problem)
    parsed.add(0, end, fields)
    assert columns_of(scanned, text) == columns_of(parsed, text)
    return True


@given(written)
def test_a_well_formed_object_is_read_alike(text: bytes):
    both_ways(text)


@given(written, st.data())
def test_so_is_a_damaged_one_if_it_is_taken_at_all(text: bytes, data: st.DataObject):
    damaged = bytearray(text)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        byte = data.draw(st.sampled_from(b'{}[]",:\\ \n0159-+.eEtfnu\x00\x1f\x7f\x80\xc3\xff'))
        damaged[place : place + data.draw(st.integers(0, 1))] = bytes([byte])
    both_ways(bytes(damaged))


def test_what_events_are_like_is_taken():
    event = {
        "event_id": "5c2dcf1b-953d-4ea0-a8d7-1a936ab25e53",
        "timestamp": 1486250584.25,
        "action": "prostarted",
        "_l": 32,
        "screen": {"size": [1920, 1080.5e0], "name": "groß 😀", "hdr": None},
        "os": "Windows\\10",
    }
    for ensure_ascii in (True, False):
        for indent in (None, 2):
            text = json.dumps(event, ensure_ascii=ensure_ascii, indent=indent)
            assert both_ways(text.encode())


def test_a_name_that_comes_twice_is_left_to_the_parser_unless_it_is_a_known_one():
    assert both_ways(b'{"action":1,"action":"proedit"}')
    assert not both_ways(b'{"os":1,"os":2}')
