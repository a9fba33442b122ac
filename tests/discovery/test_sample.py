"""A sample is the first records of a few objects, whatever they are compressed and framed with."""

from __future__ import annotations

import gzip
import json

import pytest

from sessionize.discovery import sample as module
from sessionize.discovery.browse import LandedHour
from sessionize.discovery.sample import read_sample, sample_of, spread
from sessionize.lake.storage import LocalStorage, StoredObject
from sessionize.model.errors import NothingFoundError
from sessionize.model.hours import Hour
from sessionize.model.landing_prefix import DEFAULT_PREFIX

HOUR = Hour.parse("2024-03-14T05")


def sample(*contents: bytes):
    return sample_of((HOUR, f"o{number}", [text]) for number, text in enumerate(contents))


@pytest.mark.parametrize(
    ("content", "compression", "framing"),
    [
        (b'{"a":1}\n{"a":2}\n', "text", "one object a line"),
        (b'{"a":1}\n', "text", "one object a line"),
        (b'\xef\xbb\xbf{"a":1}\r\n{"a":2}', "text", "one object a line"),
        (b'{"a":1}{"a":2}', "text", "objects run together"),
        (b'{\n  "a": 1\n}\n{\n  "a": 2\n}', "text", "objects over several lines"),
        (gzip.compress(b'{"a":1}{"a":2}', mtime=0), "gzip", "objects run together"),
    ],
)
def test_compression_and_framing_are_told(content, compression, framing):
    found = sample(content)
    assert found.records[0].fields == {"a": 1}
    assert [*found.compressions] == [compression]
    assert [*found.framings] == [framing]
    assert not found.unreadable


def test_what_cannot_be_read_is_counted_and_shown_and_costs_nothing_else():
    found = sample(b'garbage\n{"a":1}\n[1]\n', gzip.compress(b'{"a":2}\n' * 9)[:-9])
    assert found.records[0].fields == {"a": 1}
    assert found.unreadable["not_json"] == 1
    assert found.unreadable["not_an_object"] == 1
    assert found.unreadable["damaged_object"] == 1
    assert found.example == "garbage"


def test_an_object_is_read_no_further_than_needed():
    read = []

    def chunks():
        for number in range(1000):
            read.append(number)
            yield (json.dumps({"a": number}) + "\n").encode() * 3000

    found = sample_of([(HOUR, "o", chunks())])
    assert len(found.records) == module.RECORDS
    assert len(read) < 30


def test_the_newest_hours_and_the_first_are_read(tmp_path):
    raw = LocalStorage(tmp_path, durable=False)
    hours = [Hour.parse(f"2024-03-{day}T05") for day in range(10, 20)]
    for hour in hours:
        for number in range(5):
            raw.write(f"{DEFAULT_PREFIX.of(hour)}o{number}", b'{"a":1}')
    found = read_sample(raw, DEFAULT_PREFIX)
    assert found.hours == (hours[0], *hours[-3:])
    assert found.objects == 4 * module.OBJECTS


def test_objects_are_taken_from_all_over_the_hour():
    objects = tuple(StoredObject(f"o{number}", 1) for number in range(9))
    assert [entry.key for entry in spread(LandedHour(HOUR, objects))] == ["o0", "o4", "o8"]
    assert [entry.key for entry in spread(LandedHour(HOUR, objects[:1]))] == ["o0"]


def test_garbage_alone_is_an_error_that_shows_it(tmp_path):
    raw = LocalStorage(tmp_path, durable=False)
    raw.write(f"{DEFAULT_PREFIX.of(HOUR)}access.log", b'10.0.0.1 - - "GET /"\n' * 3)
    with pytest.raises(NothingFoundError, match=r"3 not_json, such as '10\.0\.0\.1"):
        read_sample(raw, DEFAULT_PREFIX)
