"""What the compiled scan takes, the slower code would take in the same way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sessionize.landing import raw_bytes
from sessionize.landing.batch import Batch
from sessionize.landing.json.parsing import parse
from sessionize.landing.records import Kind, Problem
from sessionize.model.columns import DEFAULT_FIELDS, FEW_VALUES
from sessionize.model.field_paths import parse_path, shown_path
from sessionize.model.frames import text as arrow_text

LIMIT = 1 << 20
#: Names of every length, and with what is escaped in JSON.
ODD_NAMES = [
    *("a.b", "a", "né", 'a"b', "a\\b", "a\nb", "seven77", "eight888", "nine99999"),
    *("sixteen_16161616", "seventeen_1717171", "seventeen_1717172", "\x7f"),
]
ODD_FIELDS = {
    column: shown_path((name,)) for column, name in zip(DEFAULT_FIELDS, ODD_NAMES, strict=True)
}

NAMES = [*DEFAULT_FIELDS.values(), "os", "screen", "né", "a b", ""]
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


def batch_of(fields: Mapping[str, str], room: int) -> Batch:
    batch = Batch(fields, FEW_VALUES, room)
    batch.begin_object("key")
    return batch


def finished(batch: Batch, text: bytes) -> tuple[Any, ...]:
    batch.keep(text, len(text))
    records = batch.finish()
    frame, kinds = records.frame, records.kinds
    fields = {name: (kinds[name].tolist(), arrow_text(frame[name]).to_pylist()) for name in kinds}
    return fields, arrow_text(frame["extended"]).to_pylist(), raw_bytes(frame["raw"])


def both_ways(text: bytes, fields: Mapping[str, str] = DEFAULT_FIELDS) -> bool:
    """Read the record that a text begins with in both ways; tell whether the scan has taken it."""
    text = text.lstrip(b" \t\r\n")
    scanned, parsed = batch_of(fields, 1), batch_of(fields, 1)
    end = scanned.take(text, 0, LIMIT).at
    if not end:
        return False
    found = parse(text[:end])
    assert not isinstance(found, Problem)
    parsed.add(0, end, found)
    assert finished(scanned, text[:end]) == finished(parsed, text[:end])
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


odd_names = st.sampled_from([*ODD_NAMES, "seven7", "sixteen_16161617"])
odd_objects = st.dictionaries(odd_names, scalars, max_size=8)


@given(odd_objects, st.booleans(), st.text(max_size=9))
def test_fields_may_have_any_name(event, escaped, behind):
    text = json.dumps(event, ensure_ascii=escaped) + behind
    both_ways(text.encode("utf-8", "surrogatepass"), ODD_FIELDS)


@given(st.lists(odd_objects, max_size=6))
def test_fields_may_come_in_any_order(events):
    """What is expected from the records before changes nothing."""
    batch = batch_of(ODD_FIELDS, len(events) + 1)
    text = "".join(json.dumps(event, ensure_ascii=False) for event in events).encode()
    end = batch.take(text, 0, LIMIT).at
    if not end:
        return
    fields, every_extended, raws = finished(batch, text[:end])
    for row, (raw, extended) in enumerate(zip(raws, every_extended, strict=True)):
        alone = batch_of(ODD_FIELDS, 1)
        alone.take(raw, 0, LIMIT)
        of_row = {name: ([kinds[row]], [texts[row]]) for name, (kinds, texts) in fields.items()}
        assert finished(alone, raw) == (of_row, [extended], [raw])


@given(st.integers(0, 70), st.sampled_from(['"', "\\\\", "\\n", "\x01", "\n", "é", "\x7f"]))
def test_a_string_may_hold_anything_anywhere(place, what):
    text = '{"os":"' + "x" * place + what + "y" * 20 + '","nid":"1"}'
    both_ways(text.encode())


def test_a_name_that_comes_twice_is_left_to_the_parser_unless_it_is_a_known_one():
    assert both_ways(b'{"action":1,"action":"proedit"}')
    assert not both_ways(b'{"os":1,"os":2}')


PATHS = {
    "top": "a",
    "inner": "a.b",
    "innermost": "a.b.c",
    "beside": "a.c",
    "elsewhere": "b.a",
    "dotted": r"a\.b",
    "again": "a.b",
}
inner_names = st.sampled_from(["a", "b", "c", "a.b", "d"])
nested = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(inner_names, inner, max_size=4),
    max_leaves=12,
)


@st.composite
def nested_texts(draw: st.DrawFn) -> bytes:
    """Draw an object with nested ones, in which a name may come twice."""

    def text(value: object) -> str:
        if not isinstance(value, dict):
            return json.dumps(value, ensure_ascii=False)
        pairs = [f"{json.dumps(name)}: {text(inner)}" for name, inner in value.items()]
        if pairs and draw(st.integers(0, 5)) == 0:
            pairs.append(f"{json.dumps(draw(inner_names))}:{text(draw(nested))}")
        return "{" + ",".join(pairs) + "}"

    return text(draw(st.dictionaries(inner_names, nested, max_size=4))).encode()


def value_at(record: object, path: str) -> object:
    for name in parse_path(path):
        record = record.get(name) if isinstance(record, dict) else None
    return record


@given(nested_texts())
def test_nested_fields_are_read_alike(text: bytes):
    both_ways(text, PATHS)


@given(st.lists(nested_texts(), min_size=1, max_size=4))
def test_nested_fields_are_those_of_the_last_object_of_their_name(texts: list[bytes]):
    text = b"".join(texts)
    batch = batch_of(PATHS, 5)
    at, expected = 0, []
    for record in texts:
        end = batch.take(text[: at + len(record)], at, LIMIT).at
        if end == at:
            parsed = parse(record)
            assert not isinstance(parsed, Problem)
            batch.add(at, at + len(record), parsed)
        at += len(record)
        expected.append(json.loads(record))
    fields, extended, _ = finished(batch, text)
    for column, path in PATHS.items():
        for kind, value, record in zip(*fields[column], expected, strict=True):
            wanted = value_at(record, path)
            if kind == Kind.STRING:
                assert value == wanted
            else:
                assert (None if value is None else json.loads(value)) == wanted
    for rest, record in zip(extended, expected, strict=True):
        kept = {
            name: value
            for name, value in record.items()
            if name not in ("a", "a.b") or (name == "a" and isinstance(value, dict))
        }
        assert (json.loads(rest) if rest else {}) == kept


def test_nested_fields_are_taken_by_the_scan():
    assert both_ways(b'{"a": {"c": 1, "b": {"c": "x"}, "d": [{"b": 2}]}, "b": {"a": null}}', PATHS)
