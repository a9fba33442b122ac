"""A damaged object costs what is damaged, and nothing else."""

from __future__ import annotations

import gzip
import json

import pytest

from sessionize.landing import read_records
from sessionize.model.columns import DEFAULT_FIELDS
from sessionize.model.reasons import Reason
from tests.landing import encoders
from tests.landing.encoders import ENCODERS
from tests.landing.reading import good, landing, read, reasons

LINES = [json.dumps({"n": n, "nested": {"text": "żółw"}}).encode() for n in range(4)]
SHAPES = {"lines": b"\n".join(LINES) + b"\n", "run together": b"".join(LINES)}


@pytest.mark.parametrize("encode", ENCODERS)
@pytest.mark.parametrize("shape", SHAPES)
def test_whole_objects_are_read_whole(encode, shape):
    assert good(read(encode(SHAPES[shape]))) == LINES


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "encode", [encoders.gzipped, encoders.zipped, encoders.zip_streamed, encoders.hadoop_snappy]
)
def test_an_object_truncated_anywhere_gives_the_records_before_and_one_that_says_so(encode, shape):
    content = encode(SHAPES[shape])
    for cut in range(1, len(content)):
        *before, last = read(content[:cut])
        assert good(before) == LINES[: len(before)]
        assert reasons(before) == [None] * len(before)
        assert last.reason is Reason.DAMAGED_OBJECT
        assert (*LINES, b"")[len(before)].startswith(last.raw)


@pytest.mark.parametrize("shape", SHAPES)
def test_text_truncated_anywhere_costs_the_last_record(shape):
    text = SHAPES[shape]
    for cut in range(1, len(text)):
        records = read(text[:cut])
        assert good(records) == LINES[: len(good(records))]
        assert len(records) - len(good(records)) <= 1
        assert reasons(records)[len(good(records)) :] in ([], [Reason.NOT_JSON], [Reason.NOT_TEXT])


def test_the_record_says_what_happened_and_holds_the_rest_of_the_text():
    content = gzip.compress(b'{"n":1}\n{"n":2, "text":' + bytes(range(128, 256)) * 9)
    first, last = read(content[:40])
    assert first.raw == b'{"n":1}'
    assert last.raw.startswith(b'{"n":2, "text":')
    assert last.detail.startswith("gzip: the object ends in compressed data, at byte 40, after ")


def test_a_record_that_closes_before_the_damage_is_used():
    content = gzip.compress(b'{"n":1}{"n":2}')
    first, second, last = read(content[:-1])
    assert good([first, second]) == [b'{"n":1}', b'{"n":2}']
    assert (last.reason, last.raw) == (Reason.DAMAGED_OBJECT, b"")


@pytest.mark.parametrize("rest", [b'{"a":', b"12", b'"text', b"garbage", b"[1,", b'{"a":1 2\n  '])
def test_what_the_damage_cuts_off_stands_in_its_record(rest):
    *_, last = read(gzip.compress(b'{"n":1}\n' + rest)[:-8])
    assert (last.reason, last.raw) == (Reason.DAMAGED_OBJECT, rest.strip())


def test_bad_records_before_the_damage_keep_their_own_reasons():
    text = b'{"a":tru}\ngarbage\n[1]\n{"n":1}\n{"cut'
    records = read(gzip.compress(text)[:-4])
    assert reasons(records) == [
        Reason.NOT_JSON,
        Reason.NOT_JSON,
        Reason.NOT_AN_OBJECT,
        None,
        Reason.DAMAGED_OBJECT,
    ]


def test_a_record_may_run_from_one_gzip_member_or_zip_entry_into_the_next():
    text = SHAPES["run together"]
    assert good(read(encoders.gzip_members(text))) == LINES
    assert good(read(encoders.zip_entries(text))) == LINES


def test_what_the_chunks_raise_goes_through():
    def chunks():
        yield b'{"n":1}'
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        list(read_records([("key", chunks())], DEFAULT_FIELDS, landing()))
