"""What a record holds: known fields by column, the others as they came, strictly JSON."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionize.landing import Kind, raw_bytes, raw_text, read_records
from sessionize.landing.json.parsing import MAX_DEPTH
from sessionize.model.columns import DEFAULT_FIELDS
from sessionize.model.reasons import Reason
from tests.landing.reading import Record, landing, read


def read_one(text: bytes | str) -> Record:
    (record,) = read(text.encode() if isinstance(text, str) else text)
    return record


class TestKnownFields:
    @pytest.mark.parametrize(
        ("value", "kind", "text"),
        [
            ('"proedit"', Kind.STRING, "proedit"),
            ('""', Kind.STRING, ""),
            ('"żółw 🐢"', Kind.STRING, "żółw 🐢"),
            (r'"a\"b\\c\/d\b\f\n\r\t"', Kind.STRING, 'a"b\\c/d\b\f\n\r\t'),
            (r'"\u017b\ud83d\udc22\u0000"', Kind.STRING, "Ż🐢\0"),
            (r'"\\ud800"', Kind.STRING, r"\ud800"),
            ("1486249200", Kind.NUMBER, "1486249200"),
            ("-0", Kind.NUMBER, "-0"),
            ("1.50", Kind.NUMBER, "1.50"),
            ("1E+400", Kind.NUMBER, "1E+400"),
            ("9" * 5000, Kind.NUMBER, "9" * 5000),
            ("0.1000000000000000055511151231257827", Kind.NUMBER, None),
            ("true", Kind.OTHER, "true"),
            ("false", Kind.OTHER, "false"),
            ('{"a": [1, "\\n"]}', Kind.OTHER, '{"a": [1, "\\n"]}'),
            ("[ ]", Kind.OTHER, "[ ]"),
        ],
    )
    def test_a_value(self, value, kind, text):
        for record in (
            read_one(f'{{"action":{value}}}'),
            read_one(f'{{\n  "x" : 1,\n  "action" : {value}\n}}'),
        ):
            assert record.fields == {"action": (kind, value if text is None else text)}

    @pytest.mark.parametrize("event", ["{}", '{"action":null}', '{"Action":"x"}'])
    def test_a_missing_field_and_null_are_absent(self, event):
        assert read_one(event).fields == {}

    def test_every_field_goes_to_its_column(self):
        event = {name: f"value of {name}" for name in DEFAULT_FIELDS.values()}
        record = read_one(json.dumps(event))
        assert record.fields == {
            column: (Kind.STRING, f"value of {name}") for column, name in DEFAULT_FIELDS.items()
        }
        assert record.extended is None

    def test_the_names_are_a_setting(self):
        names = {"action": "event name", "p2": r"a\.b", "nid": 'q"\n'}
        text = json.dumps({"event name": "a", "a.b": "b", 'q"\n': "c", "action": "d"}).encode()
        (record,) = read(text, fields=names)
        assert record.fields == {
            "action": (Kind.STRING, "a"),
            "p2": (Kind.STRING, "b"),
            "nid": (Kind.STRING, "c"),
        }
        assert record.extended == '{"action":"d"}'

    def test_there_may_be_none(self):
        (record,) = read(b'{"action":"d"}', fields={})
        assert record.fields == {}
        assert record.extended == '{"action":"d"}'

    def test_a_name_may_be_written_with_escapes(self):
        assert read_one(r'{"\u0061ction":"x"}').fields == {"action": (Kind.STRING, "x")}

    def test_of_a_key_that_comes_twice_the_last_counts(self):
        record = read_one('{"action":"a","x":1,"y":0,"action":"b","x":2}')
        assert record.fields == {"action": (Kind.STRING, "b")}
        assert record.extended == '{"x":2,"y":0}'


class TestExtended:
    def test_values_stay_as_they_came_in_the_order_of_the_record(self):
        record = read_one('{"z": 1.50, "action": "x", "a" : [1,  {"b": "\\u0041"}], "n": null}')
        assert record.extended == '{"z":1.50,"a":[1,  {"b": "\\u0041"}],"n":null}'

    def test_it_is_null_without_unknown_fields(self):
        assert read_one('{"action":"x"}').extended is None
        assert read_one("{}").extended is None

    @pytest.mark.parametrize(
        "name", ["", "%", "%b%%s", "żółw", '"', "\\", "\n", "\u0000", "\u2028"]
    )
    def test_any_name(self, name):
        text = json.dumps({name: "v%b"}, ensure_ascii=False)
        assert json.loads(read_one(text).extended) == {name: "v%b"}

    def test_ten_thousand_unknown_fields(self):
        event = {f"field {n}": n for n in range(10_000)}
        assert json.loads(read_one(json.dumps(event)).extended) == event

    def test_records_that_all_have_other_names(self):
        events = [{f"field {n}": n} for n in range(3000)]
        records = read("".join(map(json.dumps, events)).encode())
        assert [json.loads(record.extended) for record in records] == events


class TestStrictness:
    @pytest.mark.parametrize("place", ['{"action":%s}', '{"x":%s}', '{"x":[{"y":%s}]}'])
    @pytest.mark.parametrize(
        "value",
        [
            "NaN", "Infinity", "-Infinity", "nul", "True", "01", "1.", ".5", "+1", "1e", "-", "0x1",
            "'a'", '"\t"', '"\x00"', r'"\x41"', r'"\u12g4"', r'"\u12"', "[1,]", '{"a":1,}', "[,]",
            '{"a"}', "{1:2}", "", "1 2", "/**/1",
        ],
    )  # fmt: skip
    def test_what_is_not_json(self, place, value):
        record = read_one(place % value)
        assert record.reason is Reason.NOT_JSON

    @pytest.mark.parametrize(
        "escape", [r"\ud800", r"\uDFFF", r"\ud800\ud800", r"\udc00\ud800", r"\ud83dx\udc22"]
    )
    @pytest.mark.parametrize("place", ['{"action":"%s"}', '{"x":"%s"}', '{"%s":1}', '{"x":["%s"]}'])
    def test_half_a_surrogate_pair_is_not_json(self, escape, place):
        for text in (place % escape, place % f"long enough {escape} to go on"):
            record = read_one(text)
            assert record.reason is Reason.NOT_JSON
            place = text.index("\\u")
            assert record.detail == f"half of a surrogate pair at byte {place}"

    @pytest.mark.parametrize(
        "bad", [b"\xff", b"\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"]
    )
    @pytest.mark.parametrize("place", [b'{"action":"%b"}', b'{"x":"%b"}', b'{"%b":1}', b"%b,x"])
    def test_what_is_not_utf8_is_not_text(self, bad, place):
        text = place % bad
        for raw in (text, b"{}\n" * 3 + text + b"\n{}"):
            record = next(record for record in read(raw) if record.reason)
            assert record.raw == text
            assert record.reason is Reason.NOT_TEXT
            assert f"at byte {text.index(bad)}" in record.detail

    @pytest.mark.parametrize("pattern", ["[%s]", '{"a":%s}'])
    def test_nesting_is_bounded(self, pattern):
        def nested(depth: int) -> str:
            head, tail = pattern.split("%s")
            return '{"x":' + head * (depth - 1) + "1" + tail * (depth - 1) + "}"

        assert read_one(nested(MAX_DEPTH)).reason is None
        for depth in (MAX_DEPTH + 1, 900, 1100, 50_000, 100_000):
            for text in (nested(depth), nested(depth)[:-1]):
                before, record, after = read(f"{{}}\n{text}\n{{}}".encode())
                assert (before.reason, after.reason) == (None, None)
                assert record.reason is Reason.NOT_JSON
                assert record.detail == f"nested deeper than {MAX_DEPTH} levels"

    def test_brackets_in_strings_do_not_nest(self):
        brackets = '[{"\\"' * 1000
        assert read_one(json.dumps({"x": [brackets]})).reason is None

    def test_many_shallow_brackets_do_not_nest(self):
        assert read_one(json.dumps({"x": [[{}]] * 1000})).reason is None

    def test_it_holds_wherever_the_stack_stands(self):
        text = '{"x":' + "[" * 200 + "]" * 200 + "}"

        def deep(levels: int) -> Record:
            return deep(levels - 1) if levels else read_one(text)

        assert deep(500).reason is None

    def test_a_flaw_in_a_run_of_good_lines_spoils_no_other(self):
        lines = [b'{"action":"%d","x":"y"}' % n for n in range(2000)]
        bad = {500: b'{"x":"\xff"}', 1023: rb'{"x":"\ud800"}', 1500: b"[1]"}
        for row, line in bad.items():
            lines[row] = line
        for separator in (b"\n", b""):
            records = read(separator.join(lines))
            assert [record.raw for record in records] == lines
            assert {row for row, record in enumerate(records) if record.reason} == set(bad)
            assert records[501].fields == {"action": (Kind.STRING, "501")}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=4,
)
names = st.sampled_from([*DEFAULT_FIELDS.values()]) | st.text(max_size=5)
events = st.lists(st.dictionaries(names, json_values, max_size=5), min_size=1, max_size=4)


@given(
    events,
    st.sampled_from(["\n", "", "\r\n", " ", "\n\n"]),
    st.sampled_from([None, 0, 2]),
    st.booleans(),
    st.sampled_from([1, 16, 1 << 20]),
)
def test_columns_agree_with_the_standard_library(
    events, separator, indent, ascii_only, batch_bytes
):
    text = separator.join(json.dumps(e, indent=indent, ensure_ascii=ascii_only) for e in events)
    records = read(text.encode(), batch_bytes=batch_bytes)
    assert [json.loads(record.raw) for record in records] == events
    for record, event in zip(records, events, strict=True):
        known = {column: event.pop(name, None) for column, name in DEFAULT_FIELDS.items()}
        expected = {column: value for column, value in known.items() if value is not None}
        assert {column: _value(*held) for column, held in record.fields.items()} == expected
        assert (json.loads(record.extended) if record.extended else {}) == event


def _value(kind: Kind, text: str) -> object:
    if kind is Kind.STRING:
        return text
    value = json.loads(text)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    assert kind is (Kind.NUMBER if is_number else Kind.OTHER)
    return value


class TestRaw:
    def test_records_are_cut_out_of_the_text_without_a_copy(self):
        text = b'{"a":1}\n' * 1000
        (records,) = read_records([("key", [text])], DEFAULT_FIELDS, landing())
        _, offsets, _ = records.frame["raw"].array._pa_array.chunk(0).buffers()
        assert memoryview(offsets).cast("i").tolist() == [*range(0, len(text), 8), len(text) - 1]

    def test_it_ends_before_what_is_blank(self):
        text = b'{"a":1} \n\xef\xbb\xbf\r\n\xef\xbb\xbf{"b":2}\xef\xbb\xbf\t{"c":3}\xef\xbb\xbf'
        (records,) = read_records([("key", [text])], DEFAULT_FIELDS, landing())
        raw = records.frame["raw"]
        assert raw_bytes(raw) == [b'{"a":1}', b'{"b":2}', b'{"c":3}']
        assert raw_bytes(raw[[2, 0]]) == [b'{"c":3}', b'{"a":1}']
        assert raw_bytes(raw[:0]) == []

    @pytest.mark.parametrize("raw", [b"", b"text", "żółw".encode(), b"nul \x00 is text"])
    def test_text_is_itself(self, raw):
        assert raw_text(raw) == (raw.decode(), False)

    def test_what_is_not_text_is_base64(self):
        text, encoded = raw_text(b"\xff\x00")
        assert encoded
        assert base64.b64decode(text.removeprefix("base64:")) == b"\xff\x00"
