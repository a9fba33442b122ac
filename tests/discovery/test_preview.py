"""A preview shows what a run of the first hour publishes, and writes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sessionize.config import parse_config
from sessionize.discovery.preview import preview, shown
from sessionize.lake.storage import LocalStorage
from sessionize.model.errors import NothingFoundError
from sessionize.model.hours import Hour
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline
from tests.discovery import landed
from tests.discovery.landed import HOURS

FIELDS = {
    "event_id": "messageId",
    "action": "type",
    "machine_id": "anonymousId",
    "timestamp": "timestamp",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    landed.land(tmp_path / "raw", "segment")
    return tmp_path


def config_of(folder: Path, **settings):
    document = {
        "name": "t",
        "raw": f"{folder}/raw",
        "lake": f"{folder}/lake",
        "start": HOURS[0].start,
        "profile": "none",
        "fields": FIELDS,
    }
    return parse_config(document | settings)


def look(folder: Path, hour: Hour | None = None, objects: int | None = None, **settings):
    config = config_of(folder, **settings)
    return preview(config, LocalStorage(config.raw), hour, objects)


def test_it_counts_what_a_run_of_the_first_hour_counts_and_writes_nothing(folder):
    before = sorted(folder.rglob("*"))
    found = look(folder, HOURS[0])
    shown(found)
    assert sorted(folder.rglob("*")) == before
    config = config_of(folder)
    counts = run_hour(Pipeline.open(config), HOURS[0]).ledger.counts
    assert (found.records, found.valid) == (counts.records_read, counts.valid)
    assert len(found.run.closed) == counts.sessions_closed
    assert len(found.run.open) == counts.sessions_open
    assert len(found.run.settled) == counts.settled


def test_it_takes_the_newest_hour_unless_told(folder):
    assert look(folder).hour == HOURS[-1]


def test_quarantine_is_shown_by_reason_with_places(folder):
    key = f"{HOURS[0].landing_prefix}stream-1-2"
    row = {"timestamp": "soon", "type": "x", "anonymousId": "m", "text": "é" * 500}
    bad = json.dumps(row, ensure_ascii=False)
    (folder / "raw" / key).write_text(f"garbage\x1b[2J\n{bad}\n" + "more\n" * 5)
    found = look(folder, HOURS[0])
    assert found.reasons == {"not_json": 6, "bad_timestamp": 1}
    assert [example.position for example in found.examples["not_json"]] == [0, 2, 3]
    lines = shown(found).splitlines()
    assert "quarantine: not_json, 6 (9.0% of the records)" in lines
    assert any(line.startswith(f"  {key} record 1: `timestamp` is 'soon'") for line in lines)
    assert all(line.isprintable() for line in lines)
    assert max(len(line) for line in lines if "é" in line) < 120


def test_columns_that_are_never_filled_are_warned_of(folder):
    column = [
        {"name": "page", "field": "context.page.uri"},
        {"name": "url", "field": "context.page.url"},
    ]
    found = look(folder, column=column)
    assert found.unfilled == ("`page` (from `context.page.uri`)",)
    assert "WARNING `page` (from `context.page.uri`) is null in every event" in shown(found)


def test_the_sessions_are_described(folder):
    found = look(folder, HOURS[0])
    text = shown(found)
    seconds = found.sessions["duration_s"].astype(float)
    assert f"median {seconds.median():,.0f}  p95" in text
    assert f"longest {seconds.max():,.0f}" in text
    assert f"open at the end of the hour {len(found.run.open)}" in text
    assert "start_action" in text


def test_fewer_objects_are_said(folder):
    found = look(folder, HOURS[0], objects=1)
    assert (found.objects, found.all_objects, found.records) == (1, 2, 40)
    assert "WARNING not all objects are read" in shown(found)
    assert look(folder, HOURS[0], run={"in_memory": "1B"}).objects == 1


def test_nothing_valid_is_no_failure(folder):
    found = look(folder, fields=FIELDS | {"machine_id": "TODO"})
    assert found.valid == 0
    assert found.reasons == {"missing_field": 60}
    assert "0 closed, 0 open" in shown(found)


def test_an_hour_without_objects_is_told(folder):
    with pytest.raises(NothingFoundError, match="Give another --hour"):
        look(folder, Hour.parse("2020-01-01T00"))
