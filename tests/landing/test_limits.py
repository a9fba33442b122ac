"""Records and objects that are too long cost a bounded amount of memory, and nothing else."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Iterator

import pytest

from sessionize.landing import read_records
from sessionize.model.columns import DEFAULT_FIELDS
from sessionize.model.reasons import Reason
from tests.landing.reading import assert_covers, chunks_of, landing, read, read_all, reasons

LIMITS = landing(max_record_size=100)


def long_object(size: int) -> bytes:
    return b'{"a":"' + b"x" * (size - 8) + b'"}'


@pytest.mark.parametrize("separator", [b"\n", b"", b" "])
@pytest.mark.parametrize("batch_bytes", [1, 64, 8 << 20])
def test_a_long_record_is_cut_and_costs_no_other(separator, batch_bytes):
    parts = [b'{"n":1}', long_object(100), long_object(101), b'{"n":2}', long_object(5000)]
    text = separator.join([*parts, b'{"n":3}'])
    records = read(text, limits=LIMITS, batch_bytes=batch_bytes)
    too_large = Reason.RECORD_TOO_LARGE
    assert reasons(records) == [None, None, too_large, None, too_large, None]
    assert [records[0].raw, records[3].raw, records[5].raw] == [
        b'{"n":1}',
        b'{"n":2}',
        b'{"n":3}',
    ]
    assert records[4].raw == parts[4][:100]
    place = text.index(parts[4])
    assert records[4].detail == f"5000 bytes at byte {place} of the text; the limit is 100"
    assert_covers(text, records)


@pytest.mark.parametrize(
    "long",
    [
        b"x" * 500,
        b'{"a":"' + b"x" * 500,
        b'{"a":"b" "c"' + b"x" * 500,
        b'"' + b"x" * 500 + b'"',
        b"[1 1" * 500,
        b'{"a":"' + b"\\" * 501,
    ],
)
@pytest.mark.parametrize("batch_bytes", [1, 64, 8 << 20])
def test_long_damage_ends_with_its_line(long, batch_bytes):
    text = b'{"n":1}\n' + long + b'\n{"n":2}\n{"n":3}'
    records = read(text, limits=LIMITS, batch_bytes=batch_bytes)
    assert reasons(records) == [None, Reason.RECORD_TOO_LARGE, None, None]
    assert records[1].raw == long[:100]
    assert records[1].detail.startswith(f"{len(long)} bytes at byte 8 ")


@pytest.mark.parametrize("batch_bytes", [1, 64, 8 << 20])
def test_long_damage_that_could_go_on_costs_the_next_line(batch_bytes):
    long = b'{"a":' + b"[1, " * 200
    text = b'{"n":1}\n' + long + b'\n{"n":2}\n{"n":3}'
    records = read(text, limits=LIMITS, batch_bytes=batch_bytes)
    assert reasons(records) == [None, Reason.RECORD_TOO_LARGE, None]
    assert records[2].raw == b'{"n":3}'
    assert_covers(text, records)


def test_a_long_record_that_the_text_ends_in():
    text = b'{"n":1}\n{"a":"' + b"x" * 1000
    records = read(text, limits=LIMITS, batch_bytes=64)
    assert reasons(records) == [None, Reason.RECORD_TOO_LARGE]
    assert_covers(text, records)


def test_a_long_record_that_the_damage_cuts_off():
    records = read(gzip.compress(b'{"n":1}\n' + long_object(10_000))[:-8], limits=LIMITS)
    assert reasons(records) == [None, Reason.RECORD_TOO_LARGE, Reason.DAMAGED_OBJECT]
    assert records[2].raw == b""


def test_the_head_of_a_long_record_ends_with_a_whole_character():
    for shift in range(4):
        text = b'{"a":"' + b"x" * shift + "🐢".encode() * 100 + b'"}'
        (record,) = read(text, limits=LIMITS)
        assert 97 <= len(record.raw) <= 100
        assert record.raw.decode().endswith("🐢")
    (record,) = read(b'{"a":"\xff' + b"x" * 100 + b'"}', limits=LIMITS)
    assert len(record.raw) == 100


def test_an_object_at_the_limit_is_whole_and_one_byte_more_ends_it():
    text = b'{"n":1}\n{"n":2}\n{"n":3}'
    assert reasons(read(text, limits=landing(max_object_size=len(text)))) == [None] * 3
    for limit in range(1, len(text)):
        records = read(text, limits=landing(max_object_size=limit))
        assert records[-1].reason is Reason.OBJECT_TOO_LARGE
        assert records[-1].detail == f"the text is longer than {limit} bytes"
        assert reasons(records[:-1]) == [None] * (len(records) - 1)
        assert b"".join(r.raw for r in records) == text[:limit].replace(b"\n", b"")


def peak_of(chunks: Iterator[bytes], **limits: int) -> tuple[int, list[Reason]]:
    """Return the most memory held at once, and the reasons found."""
    found = []
    tracemalloc.start()
    objects = [("key", chunks)]
    for records in read_records(objects, DEFAULT_FIELDS, landing(**limits), batch_bytes=1 << 18):
        found += map(Reason, records.frame["reason"].dropna())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak, found


@pytest.mark.parametrize("start", [b'{"a":"', b"x", b'{"a":[', b'{"a":"b" "', b"["])
def test_a_giant_record_is_read_in_bounded_memory(start):
    def chunks() -> Iterator[bytes]:
        yield start
        for _ in range(200):
            yield b"x" * (1 << 18)

    peak, found = peak_of(chunks(), max_record_size=1 << 18)
    assert peak < 6 << 20
    assert found == [Reason.RECORD_TOO_LARGE]


@pytest.mark.parametrize("unit", [b"x", b'{"a":"', b"["])
def test_many_giant_records_are_read_in_bounded_memory(unit):
    chunks = (unit.ljust(1 << 18, b"x") + b"\n" for _ in range(100))
    peak, found = peak_of(chunks, max_record_size=1 << 17)
    assert peak < 6 << 20
    assert set(found) == {Reason.RECORD_TOO_LARGE}


@pytest.mark.parametrize("unit", [b" ", b"\n", b"\xef\xbb\xbf"])
def test_giant_blanks_are_read_in_bounded_memory(unit):
    peak, found = peak_of((unit * (1 << 18) for _ in range(30)), max_record_size=1 << 18)
    assert peak < 8 << 20
    assert found == []


@pytest.mark.parametrize("start", [b'{"a":1', b'{"a":1 2\n', b"x"])
def test_giant_blanks_inside_a_record_are_read_in_bounded_memory(start):
    def chunks() -> Iterator[bytes]:
        yield start
        for _ in range(200):
            yield b" " * (1 << 18)

    peak, found = peak_of(chunks(), max_record_size=1 << 18)
    assert peak < 8 << 20
    assert len(found) == 1


def test_a_bomb_ends_at_the_limit_in_bounded_memory():
    bomb = gzip.compress(long_object(1000) * 1000) * 1000
    peak, found = peak_of(chunks_of(bomb, 1 << 16), max_object_size=4 << 20)
    assert peak < 8 << 20
    assert found == [Reason.OBJECT_TOO_LARGE]


def test_many_short_records_make_many_batches():
    text = b"{}" * 280_000
    sizes = [len(records) for records in read_records([("", [text])], DEFAULT_FIELDS, landing())]
    assert sum(sizes) == 280_000
    assert max(sizes) <= 262_144


MANY = b'\n{"n":1} {"n":2}{"n":3}\nx\n{"n":4} '


@pytest.mark.parametrize("batch_bytes", [1, 8, 8 << 20])
@pytest.mark.parametrize("most", [1, 2, 3, 4])
def test_more_records_than_the_limit_are_one_that_says_what_is_left(batch_bytes, most):
    whole = read(MANY)
    records = read(MANY, limits=landing(max_object_records=most), batch_bytes=batch_bytes)
    assert records[:-1] == whole[:most]
    assert records[-1].reason is Reason.TOO_MANY_RECORDS
    place = MANY.index(whole[most].raw)
    assert records[-1].raw == MANY[place:].strip()
    assert records[-1].detail == (
        f"{len(MANY) - place} bytes at byte {place} of the text are left; the limit is {most} "
        "records"
    )
    assert_covers(MANY, records)


@pytest.mark.parametrize("most", [5, 6])
def test_as_many_records_as_the_limit_are_all_read(most):
    assert read(MANY, limits=landing(max_object_records=most)) == read(MANY)


@pytest.mark.parametrize("batch_bytes", [1, 8, 8 << 20])
def test_the_rest_of_too_many_records_is_cut_like_a_long_one(batch_bytes):
    limits = landing(max_object_records=2, max_record_size=20)
    text = b'{"n":1}\n' * 2 + "🐢".encode() * 1000
    records = read(text, limits=limits, batch_bytes=batch_bytes)
    assert records[-1].raw.decode() == "🐢" * 5
    assert records[-1].detail.startswith("4000 bytes at byte 16 ")
    assert_covers(text, records)


def test_damage_in_what_is_not_read_is_told_too():
    text = gzip.compress(b'{"n":1}\n' * 1000)[:-8]
    records = read(text, limits=landing(max_object_records=2))
    assert reasons(records) == [
        None,
        None,
        Reason.TOO_MANY_RECORDS,
        Reason.DAMAGED_OBJECT,
    ]


def test_each_object_has_its_own_limit():
    limits = landing(max_object_records=2)
    contents = [b"{}" * 3, b"{}" * 2, b"x\n" * 4, b"{}"]
    assert read_all(contents, limits=limits) == [read(text, limits=limits) for text in contents]
    assert [len(records) for records in read_all(contents, limits=limits)] == [3, 2, 3, 1]
