from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionize.config import PipelineConfig, parse_config
from sessionize.events import enrich as enriching
from sessionize.model.frames import to_frame, to_table
from sessionize.model.schemas import DESKTOP

VALIDATED = DESKTOP.validated
EVENTS = DESKTOP.between_stages(DESKTOP.events)

RECORD = {
    "event_id": "e1",
    "event_time": datetime(2017, 2, 4, 23, 42, 59, 999_999, UTC),
    "action": "proedit",
    "inst_id": "a1b2c3d4ffff",
    "machine_length": 8,
    "build_id": "10.3.5.34",
    "trialstate": "Trial",
    "object_key": "2017/02/04/23/stream-1",
    "position": 7,
}


def configured(**settings: Any) -> PipelineConfig:
    document = {
        "name": "nitro",
        "raw": "raw",
        "lake": "lake",
        "start": datetime(2017, 1, 1, 0, 0, 0, 0, UTC),
    }
    return parse_config(document | settings)


def validated(*records: dict[str, Any]) -> pa.Table:
    rows = [RECORD | record for record in records]
    for row in rows:
        length = row["machine_length"]
        row["machine_length"] = None if length is None else str(length)
    return pa.Table.from_pylist(rows, VALIDATED)


def enrich(valid: pa.Table, config: PipelineConfig) -> pa.Table:
    return to_table(enriching.enrich(to_frame(valid), config), EVENTS)


def enriched(settings: dict[str, Any] | None = None, **record: Any) -> dict[str, Any]:
    """The one event that a valid record becomes, which differs from the usual in some fields."""
    [event] = enrich(validated(record), configured(**settings or {})).to_pylist()
    return event


class TestTable:
    def test_every_record_becomes_an_event_in_its_place(self):
        records = [{"event_id": f"e{n}", "machine_length": n % 3, "position": n} for n in range(9)]
        events = enrich(validated(*records), configured())
        assert events.schema.equals(EVENTS, check_metadata=True)
        assert events.column("position").to_pylist() == list(range(9))
        assert events.column("event_id").to_pylist() == [f"e{n}" for n in range(9)]

    def test_no_records_become_no_events(self):
        assert enrich(VALIDATED.empty_table(), configured()).equals(EVENTS.empty_table())

    def test_the_cut_of_the_table_into_chunks_does_not_matter(self):
        records = [{"inst_id": f"{n:04x}", "machine_length": n % 5} for n in range(12)]
        whole = validated(*records)
        chunked = pa.concat_tables([whole.slice(0, 5), whole.slice(5, 0), whole.slice(5)])
        expected = enrich(whole, configured())
        assert enrich(chunked, configured()).equals(expected)
        assert enrich(chunked.slice(3, 6), configured()).equals(expected.slice(3, 6))

    def test_what_is_not_derived_is_carried_as_it_is(self):
        carried = {
            "apptoken": "f",
            "installsource": "web",
            "language": "en-US",
            "nid": "0012",
            "ip_address": "::1",
            "p2": "",
            "extended": '{"a":1.50}',
        }
        event = enriched(**carried)
        expected = {**carried, **RECORD}
        del expected["machine_length"]
        assert {name: event[name] for name in expected} == expected

    def test_what_is_not_there_stays_null(self):
        event = enriched(build_id=None, trialstate=None)
        absent = {name for name, value in event.items() if value is None}
        assert absent == {
            *("build_id", "major_version", "minor_version", "maint_id", "trialstate", "apptoken"),
            *("installsource", "language", "nid", "ip_address", "p2", "extended"),
        }


class TestVersions:
    @pytest.mark.parametrize(
        ("build_id", "cleaned", "versions"),
        [
            ("10.3.5.34", "10.3.5.34", ("10", "10.3", "10.3.5")),
            ("f10.3.5.34", "10.3.5.34", ("10", "10.3", "10.3.5")),
            ("f9.0.0.0", "9.0.0.0", ("9", "9.0", "9.0.0")),
            ("1.002.030.4", "1.002.030.4", ("1", "1.002", "1.002.030")),
        ],
    )
    def test_they_are_the_first_parts_of_the_cleaned_build(self, build_id, cleaned, versions):
        event = enriched(build_id=build_id)
        assert event["build_id"] == cleaned
        assert (event["major_version"], event["minor_version"], event["maint_id"]) == versions

    def test_a_build_of_fewer_parts_has_fewer_versions(self):
        event = enriched(build_id="7.1")
        versions = (event["major_version"], event["minor_version"], event["maint_id"])
        assert versions == ("7", "7.1", None)


class TestMachineAndUser:
    @pytest.mark.parametrize(
        ("length", "machine", "user"),
        [
            (8, "a1b2c3d4", "ffff"),
            (1, "a", "1b2c3d4ffff"),
            (11, "a1b2c3d4fff", "f"),
            (12, "a1b2c3d4ffff", None),
            (13, "a1b2c3d4ffff", None),
            (999_999_999, "a1b2c3d4ffff", None),
            (0, "a1b2c3d4ffff", None),
            (None, "a1b2c3d4ffff", None),
        ],
    )
    def test_the_installation_is_cut_behind_the_machines_characters(self, length, machine, user):
        event = enriched(machine_length=length)
        assert (event["machine_id"], event["user_id"]) == (machine, user)
        assert event["inst_id"] == "a1b2c3d4ffff"

    @given(
        st.lists(
            st.tuples(
                st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6),
                st.none() | st.integers(-1, 8),
            ),
            max_size=12,
        )
    )
    def test_each_record_is_cut_by_its_own_length(self, installations):
        records = [{"inst_id": inst_id, "machine_length": cut} for inst_id, cut in installations]
        events = enrich(validated(*records), configured()).to_pylist()
        expected = [
            (inst_id[:cut], inst_id[cut:]) if cut and 0 < cut < len(inst_id) else (inst_id, None)
            for inst_id, cut in installations
        ]
        assert [(event["machine_id"], event["user_id"]) for event in events] == expected


class TestDates:
    @pytest.mark.parametrize(
        ("time", "date_id", "hour_id", "minute_id"),
        [
            ("2017-02-04T23:42:59.999999", 20170204, 2017020423, 201702042342),
            ("2017-02-04T23:59:59.999999", 20170204, 2017020423, 201702042359),
            ("2017-02-05T00:00:00", 20170205, 2017020500, 201702050000),
            ("2016-02-29T12:00:00", 20160229, 2016022912, 201602291200),
            ("1970-01-01T00:00:00", 19700101, 1970010100, 197001010000),
            ("1969-12-31T23:59:59.999999", 19691231, 1969123123, 196912312359),
        ],
    )
    def test_they_are_those_of_the_event_in_utc(self, time, date_id, hour_id, minute_id):
        event = enriched(event_time=datetime.fromisoformat(time).replace(tzinfo=UTC))
        ids = (event["date_id"], event["hour_id"], event["minute_id"])
        assert ids == (date_id, hour_id, minute_id)

    @given(st.lists(st.datetimes(datetime(1900, 1, 1), datetime(2147, 12, 31)), max_size=8))
    def test_they_agree_with_the_calendar(self, times):
        records = [{"event_time": time.replace(tzinfo=UTC)} for time in times]
        events = enrich(validated(*records), configured()).to_pylist()
        assert [event["minute_id"] for event in events] == [
            int(f"{time:%Y%m%d%H%M}") for time in times
        ]
        for event in events:
            assert event["hour_id"] == event["minute_id"] // 100
            assert event["date_id"] == event["minute_id"] // 10_000


class TestProfile:
    @pytest.mark.parametrize(
        ("action", "product"),
        [
            ("prostarted", "pro"),
            ("pro", "pro"),
            ("readerview", "reader"),
            ("readerproview", "reader"),
            ("proreader", "pro"),
        ],
    )
    def test_the_product_is_told_by_the_beginning_of_the_action(self, action, product):
        assert enriched(action=action)["product"] == product

    def test_of_own_products_the_first_that_fits_counts(self):
        products = [{"name": "first", "action": "web_"}, {"name": "rest", "action": ""}]
        settings = {"product": products}
        assert enriched(settings, action="web_page")["product"] == "first"
        assert enriched(settings, action="proedit")["product"] == "rest"

    def test_own_fixes_replace_the_default_and_are_applied_in_their_order(self):
        fixes = [
            {"column": "language", "pattern": "_", "replace": "-"},
            {"column": "language", "pattern": "^([a-z]+)-.*", "replace": r"\1"},
            {"column": "action", "pattern": "^legacy_", "replace": ""},
        ]
        event = enriched(
            {"fix": fixes}, language="en_US", action="legacy_prostarted", build_id="f1.2.3.4"
        )
        assert event["language"] == "en"
        assert (event["action"], event["product"]) == ("prostarted", "pro")
        assert event["build_id"] == "f1.2.3.4"

    @pytest.mark.parametrize(
        "column", ["action", "inst_id", "build_id", "trialstate", "language", "installsource"]
    )
    def test_every_column_that_can_be_fixed_is_fixed_and_no_other(self, column):
        texts = dict.fromkeys(
            ["action", "inst_id", "build_id", "trialstate", "language", "installsource"], "proX"
        )
        event = enriched({"fix": [{"column": column, "pattern": "X", "replace": "Y"}]}, **texts)
        assert {name: event[name] for name in texts} == texts | {column: "proY"}

    def test_the_machine_is_cut_from_the_fixed_installation(self):
        fixes = [{"column": "inst_id", "pattern": "^x-", "replace": ""}]
        event = enriched({"fix": fixes}, inst_id="x-a1b2ffff", machine_length=4)
        assert (event["machine_id"], event["user_id"]) == ("a1b2", "ffff")
