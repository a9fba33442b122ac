"""Where records begin and end, in text of every shape and state of repair."""

from __future__ import annotations

import json

import pytest

from sessionize.model.reasons import Reason
from tests.landing.reading import assert_covers, good, read, reasons
from tests.landing.work import work_of

EVENTS = [
    {"action": "proedit", "timestamp": 1486249200, "text": 'brackets }{ ][ and "quotes" \\'},
    {"nested": {"list": [{"a": []}, [1, {}], "]"], "empty": {}}},
    {},
    {"text": "żółw 🐢 \n \u2028", "": None, "n": -1.5e-3, "yes": True},
]
COMPACT = [json.dumps(event, ensure_ascii=False).encode() for event in EVENTS]
PRETTY = [json.dumps(event, indent=2).encode() for event in EVENTS]
BOM = b"\xef\xbb\xbf"

SHAPES = {
    "one a line": b"\n".join(COMPACT) + b"\n",
    "no final newline": b"\n".join(COMPACT),
    "CRLF": b"\r\n".join(COMPACT) + b"\r\n",
    "blank lines": b"\n\n \t\n".join(COMPACT) + b"\n\n",
    "no delimiter": b"".join(COMPACT),
    "spaces": b" ".join(COMPACT),
    "indented": b"\n   ".join(COMPACT),
    "trailing blanks": b" \t\n".join(COMPACT),
    "pretty": b"\n".join(PRETTY),
    "pretty, no delimiter": b"".join(PRETTY),
    "pretty, CRLF": b"\n".join(PRETTY).replace(b"\n", b"\r\n"),
    "BOM": BOM + b"\n".join(COMPACT),
    "BOM, no delimiter": BOM + b"".join(COMPACT),
    "a BOM each": BOM + (b"\n" + BOM).join(COMPACT) + BOM,
    "mixture": BOM + COMPACT[0] + PRETTY[1] + b"\n\n" + COMPACT[2] + b"\r\n" + COMPACT[3],
}


@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES.keys())
@pytest.mark.parametrize("batch_bytes", [1, 50, 8 << 20])
def test_every_shape_holds_the_same_records(text, batch_bytes):
    records = read(text, batch_bytes=batch_bytes)
    assert [json.loads(record.raw) for record in records] == EVENTS
    assert good(records) == [record.raw for record in records]
    assert_covers(text, records)


@pytest.mark.parametrize("text", [b"", b" \r\n\t\n", BOM, BOM + b"\n" + BOM])
def test_no_text_is_no_record(text):
    assert read(text) == []


@pytest.mark.parametrize(
    "bad",
    [
        b'{"a":1, "b":',
        b'{"a":1, "b":{',
        b'{"a":1,',
        b'{"a":1',
        b'{"a"',
        b'{"a',
        b"{",
        b'{"a":[',
        b'{"a":[1',
        b'{"a":[1,',
        b'{"a":["x',
        b'{"a":"\\',
        b"}",
        b'"b":2}',
        b'x":"y","b":2}',
        b"[",
        b"[1,2",
        b"2017-02-04,proedit,1",
        b'"quoted","csv, with comma",""',
        b"[2017-02-04 23:00:00] INFO something {happened}",
        b'INFO event={"id":1}',
        b'{"a":tru}',
        b"{'a': 1, 'b': None}",
        b'{"a":1,}',
        b'{"a":NaN}',
        b'{"a":"say "hi" now"}',
        b'{"a":"{"b":1}","c":2}',
        b'{"a":"tab\t"}',
        b'{"a":1]',
        b"\x00\x00\x00",
        b'{"a":"\x00"}',
        b"\x7f\x45\x4c\x46",
        b"NaN",
    ],
)
@pytest.mark.parametrize("pad", [b"", b"  "])
def test_a_bad_line_costs_only_itself(bad, pad):
    before, after = COMPACT[:2], [b'{"good":1}', b'{"good":2}', *COMPACT]
    text = b"\n".join([*before, pad + bad, *after]) + b"\n"
    records = read(text)
    assert [record.raw for record in records] == [*before, bad, *after]
    assert reasons(records) == [None, None, Reason.NOT_JSON, *[None] * len(after)]


def test_a_line_cut_short_anywhere_costs_only_itself():
    line = b'{"a":"x y","n":{"m":[1,{"k":"v"}],"o":{"p":2}},"z":[[true],null]}'
    for cut in range(1, len(line)):
        bad = line[:cut].strip()
        records = read(line + b"\n" + bad + b"\n" + line + b"\n" + line + b"\n")
        assert [record.raw for record in records] == [line, bad, line, line]
        assert reasons(records) == [None, Reason.NOT_JSON, None, None]


def test_a_record_cut_short_in_a_run_costs_no_more_than_the_next():
    event = b'{"a":"x y","n":{"m":[1,{"k":"v"}],"o":{"p":2}},"z":[[true],null]}'
    for cut in range(1, len(event)):
        text = event + event[:cut] + event + event + event
        records = read(text)
        assert_covers(text, records)
        assert good(records).count(event) >= 3
        assert records[-1].raw == event
        if not event[:cut].endswith((b"{", b"[", b",", b":")):
            assert good(records).count(event) == 4


@pytest.mark.parametrize(
    "bad",
    [
        b'{"a":tru}',
        b"{'a':None}",
        b'{"a":NaN,"b":{"c":1}}',
        b'{"a":"say "hi" now","n":{"x":1}}',
        b'{"a":{"b":[1,,2]}}',
        b"{]}",
        b"[1,]",
        b"garbage",
        b"}",
        b'"b":1}',
    ],
)
def test_damage_in_a_run_costs_only_itself(bad):
    text = b'{"good":1}' + bad + b'{"good":2}{"good":3}'
    records = read(text)
    assert [record.raw for record in records] == [
        b'{"good":1}',
        bad,
        b'{"good":2}',
        b'{"good":3}',
    ]
    assert reasons(records) == [None, Reason.NOT_JSON, None, None]


def test_an_object_that_never_closes_gives_back_the_lines_behind_it():
    records = read(b'{"a":1, "b":\n{"good":1}')
    assert [record.raw for record in records] == [b'{"a":1, "b":', b'{"good":1}']
    records = read(b'{"a":[\n{"good":1}')
    assert good(records) == [b'{"good":1}']


def test_a_damaged_pretty_object_is_one_record():
    bad = PRETTY[1].replace(b"[1,", b'[tr"u,').replace(b'"a"', b'"a" "b"')
    text = b"\n".join([PRETTY[0], bad, PRETTY[1]])
    records = read(text)
    assert [record.raw for record in records] == [PRETTY[0], bad, PRETTY[1]]
    assert reasons(records) == [None, Reason.NOT_JSON, None]


def test_a_pretty_object_cut_short_gives_back_the_next():
    whole = PRETTY[1]
    for cut in range(1, len(whole)):
        text = whole + b"\n" + whole[:cut].rstrip() + b"\n" + whole + b"\n" + whole
        records = read(text)
        assert_covers(text, records)
        assert good(records).count(whole) >= 2 + (
            not whole[:cut].rstrip().endswith((b":", b"[", b","))
        )


@pytest.mark.parametrize(
    "value", [b"1", b"-0.5e7", b'"text"', b"true", b"null", b"[1, [2]]", b"[]"]
)
def test_a_value_that_is_no_object_is_a_record(value):
    for text in (value, b'{"a":1}\n' + value + b'\n{"b":2}', b'{"a":1}' + value + b'{"b":2}'):
        records = read(text)
        assert Reason.NOT_AN_OBJECT in reasons(records)
        assert [record.raw for record in records if record.reason] == [value]
        assert good(records) == [b'{"a":1}', b'{"b":2}'][: text.count(b"{")]


def test_a_value_over_lines():
    records = read(b'[\n  {"a":1},\n  {"a":2}\n]\n{"b":1}')
    assert reasons(records) == [Reason.NOT_AN_OBJECT, None]


def test_objects_with_commas_between_them_are_used():
    records = read(b'{"a":1},\n{"a":2},\n{"a":3}\n')
    assert good(records) == [b'{"a":1}', b'{"a":2}', b'{"a":3}']
    assert [record.raw for record in records if record.reason] == [b",", b","]


def test_text_behind_an_object_on_its_line_costs_nothing_else():
    records = read(b'{"a":1} trailing text\n{"a":2}}\n{"a":3}')
    assert [record.raw for record in records] == [
        b'{"a":1}',
        b"trailing text",
        b'{"a":2}',
        b"}",
        b'{"a":3}',
    ]


def test_positions_run_on_from_batch_to_batch():
    text = b"\n".join(b'{"n":%d}' % n for n in range(1000))
    assert len(read(text, batch_bytes=100)) == 1000


@pytest.mark.parametrize(
    "unit",
    [
        b"{", b"[", b'"', b"\\", b'{"a":', b'{"a":"b",', b'["a",', b"}{", b'{"', b'x{"', b'}{"',
        b"[\n", b'{"a":\n', b'{"a":[0,0,0,0,0,0,0,0],"b":\n', b'{"a":1} ', b'{"a":1}}', b'}{"a":[',
        b'{"a":"x"y"}{"b":1}\n', b'\\"{"', b" ", b"\n", b"\x00", b'{"a":"}{","b":tru}', b'" { ',
    ],
)  # fmt: skip
def test_no_text_takes_quadratic_work(unit):
    size = 4000
    work = work_of([("key", [unit * (size // len(unit))])], batch_bytes=size // 8)
    # Quadratic work would pass each byte thousands of times.
    assert work.bytes < 50 * size
    assert work.calls < 10 * size
