"""What the compiled scan takes, the slower code would take in the same way."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionize.config import FieldNames
from sessionize.landing.columns import Columns
from sessionize.landing.json.parsing import parse
from sessionize.landing.records import Problem

LIMIT = 1 << 20
FIELDS = FieldNames()
#: Names of every length, and with what is escaped in JSON.
ODD_FIELDS = FieldNames(
    *("", "a", "né", 'a"b', "a\\b", "a\nb", "seven77", "eight888", "nine99999"),
    *("sixteen_16161616", "seventeen_1717171", "seventeen_1717172", "\x7f"),
)

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


def both_ways(text: bytes, fields: FieldNames = FIELDS) -> bool:
    """Read the record that a text begins with in both ways; tell whether the scan has taken it."""
    text = text.lstrip(b" \t\r\n")
    scanned, parsed = Columns(fields, 1), Columns(fields, 1)
    end, _ = scanned.scan(text, 0, LIMIT)
    if not end:
        return False
    found = parse(text[:end])
    assert not isinstance(found, Problem)
    parsed.add(0, end, found)
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


odd_names = st.sampled_from([*ODD_FIELDS.raw_names(), "seven7", "sixteen_16161617"])
odd_objects = st.dictionaries(odd_names, scalars, max_size=8)


@given(odd_objects, st.booleans(), st.text(max_size=9))
def test_fields_may_have_any_name(event, escaped, behind):
    text = json.dumps(event, ensure_ascii=escaped) + behind
    both_ways(text.encode("utf-8", "surrogatepass"), ODD_FIELDS)


@given(st.lists(odd_objects, max_size=6))
def test_fields_may_come_in_any_order(events):
    """What is expected from the records before changes nothing."""
    columns = Columns(ODD_FIELDS, len(events) + 1)
    text = "".join(json.dumps(event, ensure_ascii=False) for event in events).encode()
    columns.scan(text, 0, LIMIT)
    fields, every_extended, starts, ends = columns_of(columns, text)
    for row, (start, end, extended) in enumerate(zip(starts, ends, every_extended, strict=True)):
        alone = Columns(ODD_FIELDS, 1)
        alone.scan(text[start:end], 0, LIMIT)
        of_row = {name: ([kinds[row]], [texts[row]]) for name, (kinds, texts) in fields.items()}
        assert columns_of(alone, text[start:end])[:2] == (of_row, [extended])


@given(
    st.lists(
        st.none() | st.text("ab", max_size=20) | st.text(alphabet="xyé", min_size=7, max_size=18),
        max_size=40,
    ),
    st.data(),
)
def test_some_rows_of_a_column_are_those_of_the_whole(values, data):
    records = [{} if value is None else {"language": value, "nid": value} for value in values]
    columns = Columns(FIELDS, len(records) + 1)
    text = "".join(json.dumps(record, ensure_ascii=False) for record in records).encode()
    columns.scan(text, 0, LIMIT)
    found, *_ = columns.finish(text)
    wanted = np.array(data.draw(st.lists(st.sampled_from(range(len(values))))) if values else [])
    for name in ("language", "nid"):
        rows = wanted.astype(np.int64)
        expected = [values[row] for row in rows]
        assert found[name].take(rows).to_pylist() == expected
        assert found[name].text.to_pylist() == values
        assert found[name].take(rows).to_pylist() == expected


@pytest.mark.parametrize("size", [3, 8, 12, 16, 17, 40])
def test_a_column_of_few_values_may_have_many(size):
    values = [f"{number % 3000:0{size}x}"[-size:] for number in range(6000)]
    columns = Columns(FIELDS, len(values) + 1)
    text = "".join(json.dumps({"language": value}) for value in values).encode()
    columns.scan(text, 0, LIMIT)
    language = columns.finish(text)[0]["language"].text
    assert language.to_pylist() == values
    assert len(language.dictionary) == len(set(values))


@given(st.integers(0, 70), st.sampled_from(['"', "\\\\", "\\n", "\x01", "\n", "é", "\x7f"]))
def test_a_string_may_hold_anything_anywhere(place, what):
    text = '{"os":"' + "x" * place + what + "y" * 20 + '","nid":"1"}'
    both_ways(text.encode())


def test_a_name_that_comes_twice_is_left_to_the_parser_unless_it_is_a_known_one():
    assert both_ways(b'{"action":1,"action":"proedit"}')
    assert not both_ways(b'{"os":1,"os":2}')
