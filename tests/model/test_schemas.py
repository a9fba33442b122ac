"""Schemas follow from the declared columns, and stay the same however they are asked for."""

from __future__ import annotations

import pyarrow as pa
import pytest

from sessionize.model.columns import EVENT_COLUMNS, SESSION_COLUMNS, EventColumn, SessionColumn
from sessionize.model.schemas import DATASETS, DESKTOP, ENCODED, TIME, Schemas, field

PAGE = EventColumn("page", "", few_values=True)
OWN = (
    SessionColumn("pages", "", "string", "list", "page"),
    SessionColumn("different_pages", "", "string", "distinct", "page"),
    SessionColumn("last_seen", "", "timestamp", "max", "event_time"),
    SessionColumn("own_count", "", "int64", "count"),
)
SCHEMAS = Schemas((*EVENT_COLUMNS, PAGE), (*SESSION_COLUMNS, *OWN))
LIST = pa.list_(pa.field("element", pa.string()))

#: Contract §4, *Output: the lake*.
EVENTS = [
    "event_id",
    "event_time",
    "machine_id",
    "user_id",
    "inst_id",
    "action",
    "product",
    "build_id",
    "major_version",
    "minor_version",
    "maint_id",
    "trialstate",
    "apptoken",
    "installsource",
    "language",
    "nid",
    "ip_address",
    "p2",
    "date_id",
    "hour_id",
    "minute_id",
    "extended",
    "object_key",
    "position",
]
SESSIONS = [
    "session_id",
    "machine_id",
    "user_id",
    "started_at",
    "ended_at",
    "duration_s",
    "event_count",
    "start_action",
    "end_action",
    "end_reason",
    "product",
    "build_id",
]


def test_the_datasets_are_those_of_the_contract():
    assert {name: schema.names for name, schema in DESKTOP.datasets.items()} == {
        "quarantine": ["raw", "reason", "detail", "object_key", "position"],
        "events": EVENTS,
        "late_events": [*EVENTS, "frontier"],
        "sessionized_events": [*EVENTS, "session_id"],
        "sessions": SESSIONS,
        "open_sessions": SESSIONS,
    }
    assert tuple(DESKTOP.datasets) == DATASETS


def test_types_are_those_of_the_contract():
    kinds = {f.name: f.type for schema in DESKTOP.datasets.values() for f in schema}
    assert {name for name, kind in kinds.items() if kind == TIME} == {
        "event_time",
        "started_at",
        "ended_at",
        "frontier",
    }
    assert kinds["event_count"] == kinds["position"] == kinds["minute_id"] == pa.int64()
    assert kinds["date_id"] == kinds["hour_id"] == pa.int32()
    assert kinds["duration_s"] == pa.float64()


def test_declared_columns_are_published_by_their_type_and_carried_as_they_must_be():
    published = {f.name: f.type for f in SCHEMAS.sessions}
    carried = {f.name: f.type for f in SCHEMAS.state["open_sessions"]}
    assert list(published)[-4:] == ["pages", "different_pages", "last_seen", "own_count"]
    assert published["pages"] == carried["pages"] == LIST
    assert (published["different_pages"], carried["different_pages"]) == (pa.int64(), LIST)
    assert published["last_seen"] == carried["last_seen"] == TIME
    assert published["own_count"] == carried["own_count"] == pa.int64()
    assert list(carried)[-1] == "incomplete"


def test_a_declared_event_column_is_in_every_dataset_with_event_columns():
    for name in ("events", "late_events", "sessionized_events"):
        assert "page" in SCHEMAS.datasets[name].names
    assert "page" in SCHEMAS.state["pending"].names


def test_a_field_id_depends_on_the_name_alone():
    ids: dict[str, set[bytes]] = {}
    for schema in [*DESKTOP.datasets.values(), *SCHEMAS.datasets.values()]:
        for f in schema:
            ids.setdefault(f.name, set()).add(f.metadata[b"PARQUET:field_id"])
    assert all(len(numbers) == 1 for numbers in ids.values())
    assert len(set().union(*ids.values())) == len(ids)
    assert field("event_id", pa.string()).metadata == {b"PARQUET:field_id": b"1912072331"}


class TestBetweenStages:
    def test_columns_of_few_values_are_encoded(self):
        between = {f.name: f.type for f in SCHEMAS.between_stages(SCHEMAS.events)}
        assert between["page"] == between["action"] == ENCODED
        assert between["event_id"] == pa.string()

    @pytest.mark.parametrize("name", ["language", "page"])
    def test_a_session_column_that_is_called_like_one_is_what_it_is(self, name: str):
        own = SessionColumn(name, "", "int64", "count")
        schemas = Schemas(SCHEMAS.event_columns, (*SESSION_COLUMNS, own))
        assert schemas.between_stages(schemas.sessions).field(name).type == pa.int64()

    def test_validated_records_have_their_fields_as_they_came(self):
        names = SCHEMAS.validated.names
        assert {"event_id", "inst_id", "machine_length", "event_time", "extended"} <= set(names)
        assert "timestamp" not in names
        assert len(set(names)) == len(names)
