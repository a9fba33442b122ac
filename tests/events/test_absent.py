"""Fields that a file names and no record has."""

from __future__ import annotations

from sessionize.config import parse_config
from sessionize.events.absent import AbsentFields, declared_fields
from sessionize.landing import read_records
from sessionize.model.hours import Hour

HOUR = Hour.parse("2024-03-14T05")
BASE = {"name": "t", "raw": "/r", "lake": "/l", "start": HOUR.start}


def config_of(**settings):
    return parse_config(BASE | settings)


PLAIN = {
    "profile": "none",
    "fields": {"machine_id": "device.id"},
    "column": [{"name": "page", "field": "context.page"}],
}


def warnings(config, *texts: bytes) -> list[str]:
    absent = AbsentFields(config)
    for text in texts:
        for records in read_records([("o", [text])], config.raw_fields, config.landing):
            absent.add(records)
    return absent.warnings


def test_what_counts_is_what_the_file_names_and_what_must_be_there():
    assert declared_fields(config_of(**PLAIN)) == {
        "timestamp": "timestamp",
        "action": "action",
        "machine_id": "device.id",
        "column.page": "context.page",
    }
    assert [*declared_fields(config_of())] == ["inst_id", "action", "timestamp"]
    assert "nid" in declared_fields(config_of(fields={"nid": "node"}))


def test_one_record_that_has_a_field_is_enough():
    config = config_of(**PLAIN)
    nothing = b'{"timestamp":1,"action":"a","device":{},"context":{"page":null}}\n' * 3
    assert [text.partition(",")[0] for text in warnings(config, nothing)] == [
        "[fields] machine_id names `device.id`",
        "[[column]] page names `context.page`",
    ]
    assert warnings(config, nothing, b'{"device":{"id":0},"context":{"page":[]}}') == []


def test_records_that_cannot_be_read_do_not_count():
    absent = AbsentFields(config_of())
    text = b"garbage\n" * 5 + b'{"timestamp":1}\n'
    for records in read_records([("o", [text])], config_of().raw_fields, config_of().landing):
        absent.add(records)
    assert absent.records == 1
