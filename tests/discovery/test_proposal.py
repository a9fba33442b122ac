"""What is chosen for small samples of what people send, and what is left open."""

from __future__ import annotations

import pytest

from sessionize.discovery.browse import FoundPrefix
from sessionize.discovery.proposal import Proposal, column_name, propose
from sessionize.discovery.roles import REQUIRED, name_score
from sessionize.discovery.sample import Record, sample_of
from sessionize.model.landing_prefix import DEFAULT_PREFIX
from tests.discovery import landed
from tests.discovery.landed import HOURS, Row

PREFIX = FoundPrefix(DEFAULT_PREFIX, (HOURS[0],))


def propose_for(rows: list[Row]) -> Proposal:
    empty = sample_of([])
    records = tuple(Record(HOURS[0], row) for row in rows)
    return propose(type(empty)(records, (HOURS[0],), 1, *[empty.unreadable] * 3), [PREFIX])


def chosen(proposal: Proposal) -> dict[str, str | None]:
    return {
        role: choice.chosen.path if choice.chosen else None
        for role, choice in proposal.roles.items()
    }


@pytest.mark.parametrize(
    ("kind", "fields", "unit"),
    [
        ("segment", ("timestamp", "type", "anonymousId", "userId", "messageId"), "ISO 8601"),
        ("ga4", ("event_timestamp", "event_name", "user_pseudo_id", None, None), "microseconds"),
        (
            "snowplow",
            ("derived_tstamp", "event_name", "domain_userid", None, "event_id"),
            "ISO 8601 without an offset",
        ),
        ("posthog", ("timestamp", "event", "distinct_id", None, "uuid"), "ISO 8601"),
        ("access_log", ("time", None, None, None, None), "seconds"),
        ("two_ids", ("ts", "action", None, None, None), "seconds"),
        (
            "nested_time",
            ("meta.at.client", "event.name", "meta.device.id", None, "event.id"),
            "nanoseconds",
        ),
    ],
)
def test_the_fields_are_found_or_left_open(kind, fields, unit):
    proposal = propose_for(landed.rows(kind, HOURS[0]))
    assert proposal.profile == "none"
    roles = ("timestamp", "action", "machine_id", "user_id", "event_id")
    assert chosen(proposal) == dict(zip(roles, fields, strict=True))
    time = proposal.roles["timestamp"].chosen
    assert time is not None
    assert time.times is not None
    assert [*time.times.units] == [unit]
    assert proposal.is_complete == (None not in fields[: len(REQUIRED)])
    assert len(proposal.doubts) == fields[: len(REQUIRED)].count(None)


def test_the_desktop_profile_is_told():
    proposal = propose_for(landed.rows("desktop", HOURS[0]))
    assert proposal.profile == "desktop"
    assert proposal.roles == {}
    assert [(column.name, column.type) for column in proposal.columns] == [("pages", "int64")]


def test_two_that_are_about_equal_are_both_named():
    proposal = propose_for(landed.rows("two_ids", HOURS[0]))
    [doubt] = proposal.doubts
    assert "`device_id` and `client_id` are about equally good" in doubt


def test_two_that_hold_the_same_are_no_doubt():
    rows = [row | {"client_id": row["device_id"]} for row in landed.rows("two_ids", HOURS[0])]
    proposal = propose_for(rows)
    assert chosen(proposal)["machine_id"] == "device_id"
    assert proposal.doubts == ()


def test_an_id_that_never_comes_twice_is_no_machine():
    rows = [
        row | {"device_id": f"d{number}"}
        for number, row in enumerate(landed.rows("two_ids", HOURS[0]))
    ]
    assert chosen(propose_for(rows))["machine_id"] == "client_id"


def test_what_some_records_lack_is_said():
    rows = landed.rows("ga4", HOURS[0])
    for row in rows[:6]:
        del row["user_pseudo_id"]
    proposal = propose_for(rows)
    assert chosen(proposal)["machine_id"] == "user_pseudo_id"
    [doubt] = proposal.remarks
    assert "10.0% of the records have none, and would go to quarantine" in doubt


def test_fields_of_few_texts_are_named_as_actions_but_never_chosen():
    rows = [
        {
            "time": HOURS[0].start.isoformat(),
            "who": f"m{number}",
            "what": "ab"[number % 2],
            "k": "x",
        }
        for number in range(60)
    ]
    choice = propose_for(rows).roles["action"]
    assert choice.chosen is None
    assert [one.path for one in choice.candidates] == ["what"]


def test_times_that_a_run_would_refuse_are_said():
    rows = landed.rows("ga4", HOURS[0])
    for row in rows[:30]:
        row["event_timestamp"] -= 30 * 86_400 * 10**6
    [doubt] = propose_for(rows).remarks
    assert "50.0% of its values lie more than 7 days before" in doubt


def test_types_are_those_of_the_values():
    row = {
        "whole": 3,
        "real": 3,
        "flag": True,
        "when": HOURS[0].start.timestamp() * 1000,
        "day": "2024-03-14 05:00:00",
        "zip": "01234",
        "mixed": "a",
        "big": 2**63,
        "list": [1],
        "deep": {"a": {"b": 1}, "odd": 1},
        "half": {"x": 1},
    }
    rows = [row, row | {"real": 2.5, "mixed": 1, "half": 3, "day": None}] * 30
    proposal = propose_for(rows)
    assert {column.field: column.type for column in proposal.columns} == {
        "whole": "int64",
        "real": "double",
        "flag": "bool",
        "day": "timestamp",
        "zip": "string",
        "mixed": "string",
        "big": "double",
        "deep.a.b": "int64",
        "deep.odd": "int64",
        "half.x": "int64",
    }
    assert chosen(proposal)["timestamp"] == "when"  # the name of `day` is no better
    assert [line.split(":")[0] for line in proposal.left_out] == ["list", "half"]
    notes = {column.name: column.note for column in proposal.columns}
    assert notes["mixed"] == "of several types: string 50%, int 50%"


def test_actions_that_by_their_names_open_or_close_are_suggested():
    rows = landed.rows("posthog", HOURS[0])
    rows[0]["event"] = "app_open"
    proposal = propose_for(rows)
    assert proposal.opening == ("app_open",)
    assert proposal.closing == ("logged out",)


@pytest.mark.parametrize(
    ("names", "name"),
    [
        (("context", "page", "URL"), "context_page_url"),
        (("isNew",), "is_new"),
        (("$device_id",), "device_id"),
        (("action",), "raw_action"),
        (("2fast",), "field_2fast"),
        (("é", "ü"), "field"),
        (("a-b",), "a_b_2"),
    ],
)
def test_names_of_columns_are_free_and_snake_case(names, name):
    assert column_name(names, {"action", "a_b"}) == name


@pytest.mark.parametrize(
    ("names", "suits"),
    [(("device", "id"), True), (("deviceId",), True), (("order", "id"), False), (("id",), False)],
)
def test_an_id_is_that_of_the_object_it_stands_in(names, suits):
    assert (name_score("machine_id", names) > 0) == suits
    assert name_score("event_id", ("order", "id")) == 0
    assert name_score("event_id", ("id",)) > 0
