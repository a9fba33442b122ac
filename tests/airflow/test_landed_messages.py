from __future__ import annotations

import json

import pytest

from sessionize.airflow.landed_messages import landed_hours
from sessionize.model.hours import Hour
from sessionize.model.landing_prefix import DEFAULT_PREFIX, LandingPrefix

RAW = "s3://events/raw"
HOUR = Hour.parse("2017-02-04T23")
OBJECT = "raw/2017/02/04/23/stream-1-a-1"


def record(key: str = OBJECT, bucket: str = "events", name: str = "ObjectCreated:Put") -> dict:
    """As S3 writes it, without what nobody reads."""
    return {
        "eventSource": "aws:s3",
        "eventName": name,
        "s3": {"bucket": {"name": bucket}, "object": {"key": key, "size": 9}},
    }


def message(*records: object) -> str:
    return json.dumps({"Records": records})


def test_a_message_names_the_hours_of_its_objects():
    other = record("raw/2017/02/05/00/stream-1-a-2", name="ObjectCreated:CompleteMultipartUpload")
    assert landed_hours(message(record(), record(), other), RAW, DEFAULT_PREFIX) == {
        HOUR,
        HOUR.next,
    }


def test_a_key_is_decoded():
    prefix = LandingPrefix("app=web site/year=%Y/month=%m/day=%d/hour=%H/")
    key = "app%3Dweb+site/year%3D2017/month%3D02/day%3D04/hour%3D23/a%2Bb"
    for raw, above in ((RAW, "raw/"), ("s3://events", ""), ("s3://events/", "")):
        assert landed_hours(message(record(above + key)), raw, prefix) == {HOUR}


def test_what_sns_passes_on_is_unwrapped():
    body = json.dumps({"Type": "Notification", "Message": message(record())})
    assert landed_hours(body, f"{RAW}/", DEFAULT_PREFIX) == {HOUR}


@pytest.mark.parametrize(
    "junk",
    [
        json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "events"}),
        "",
        "{",
        "[" * 100_000,
        "null",
        "[]",
        '{"Records": 3}',
        '{"Records": [null, 3, {}, {"eventName": 3}, {"eventName": "ObjectCreated:Put"}]}',
        '{"Type": "Notification", "Message": 3}',
        message(record(name="ObjectRemoved:Delete")),
        message(record(bucket="others")),
        message(record("rawer/2017/02/04/23/a")),
        message(record("raw/2017/02/04/25/a")),
        message(record("raw/2017/02/04/23/")),
        message(record("raw/errors/2017/02/04/23/a")),
        message({**record(), "s3": {"bucket": {"name": "events"}, "object": {"key": 3}}}),
    ],
)
def test_all_else_names_no_hour(junk: str):
    assert landed_hours(junk, RAW, DEFAULT_PREFIX) == set()


def test_one_bad_record_leaves_the_others_alone():
    assert landed_hours(message(None, record()), RAW, DEFAULT_PREFIX) == {HOUR}
