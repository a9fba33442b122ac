from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionize.config import PipelineConfig, ValidRules, parse_config
from sessionize.events.enrich import length_of
from sessionize.events.event_ids import derived_event_id
from sessionize.events.validate import _are_hex, validate
from sessionize.landing import read_records
from sessionize.model.frames import in_one_array, to_table
from sessionize.model.hours import Hour
from sessionize.model.reasons import Reason
from sessionize.model.schemas import QUARANTINE

HOUR = Hour.parse("2017-02-04T23")
KEY = "2017/02/04/23/stream-1"

RECORD = {
    "event_id": "e1",
    "timestamp": 1486249379,
    "action": "proedit",
    "inst_id": "a1b2c3d4ffff",
    "_l": 8,
    "build_id": "10.3.5.34",
    "trialstate": "Trial",
}

WEB_PAGES = {
    "fields": {"event_id": "uuid", "timestamp": "at", "action": "page", "inst_id": "browser"},
    "valid": {"required": [], "inst_id": ".{1,200}"},
    "product": [{"name": "web", "action": ""}],
}


def configured(**settings: Any) -> PipelineConfig:
    document = {"name": "nitro", "raw": "raw", "lake": "lake", "start": HOUR.start}
    return parse_config(document | settings)


class Divided(NamedTuple):
    valid: pa.Table
    quarantine: pa.Table


def divided(
    *records: str | bytes, key: str = KEY, batch_bytes: int = 1 << 20, **settings: Any
) -> Divided:
    """Divide the records of one object, which stand in it one a line."""
    config = configured(**settings)
    content = b"\n".join(r.encode() if isinstance(r, str) else r for r in records)
    fields = config.raw_fields
    schema = config.schemas.validated
    valid, quarantine = [schema.empty_table()], [QUARANTINE.empty_table()]
    for part in read_records([(key, [content])], fields, config.landing, batch_bytes=batch_bytes):
        result = validate(part.frame, HOUR, config, part.kinds)
        valid.append(to_table(result.valid, schema))
        quarantine.append(to_table(result.quarantine, QUARANTINE))
    return Divided(pa.concat_tables(valid), pa.concat_tables(quarantine))


def record(*without: str, **fields: Any) -> str:
    """The JSON text of the usual record, with other fields, or without some."""
    return json.dumps({k: v for k, v in (RECORD | fields).items() if k not in without})


def valid(text: str, **settings: Any) -> dict[str, Any]:
    """The one valid record that the text is."""
    result = divided(text, **settings)
    assert result.quarantine.to_pylist() == []
    [row] = result.valid.to_pylist()
    return row


def refused(text: str | bytes, **settings: Any) -> tuple[Reason, str]:
    """The reason and the detail for which the text, one record, is in quarantine."""
    result = divided(text, **settings)
    assert result.valid.num_rows == 0
    [row] = result.quarantine.to_pylist()
    return Reason(row["reason"]), row["detail"]


class TestRequiredFields:
    @pytest.mark.parametrize("field", ["timestamp", "action", "inst_id", "build_id"])
    def test_one_that_is_missing_or_null_is_named(self, field):
        for text in (record(field), record(**{field: None})):
            assert refused(text) == (Reason.MISSING_FIELD, f"`{field}` is missing")

    @pytest.mark.parametrize(
        ("field", "reason"),
        [
            ("timestamp", Reason.BAD_TIMESTAMP),
            ("action", Reason.BAD_ACTION),
            ("inst_id", Reason.BAD_INST_ID),
            ("build_id", Reason.BAD_BUILD_ID),
        ],
    )
    @pytest.mark.parametrize("value", ["", True, [], {}])
    def test_one_that_holds_no_such_value_is_not_well_formed(self, field, reason, value):
        shown = repr(value) if value == "" else json.dumps(value)
        assert refused(record(**{field: value})) == (reason, f"`{field}` is {shown}")

    @pytest.mark.parametrize("field", ["event_id", "_l", "nid"])
    def test_the_others_may_be_missing(self, field):
        assert valid(record(field))["action"] == "proedit"

    @pytest.mark.parametrize("field", ["event_id", "trialstate"])
    def test_a_profile_may_require_more(self, field):
        text = record(field, action="readerview")
        assert valid(text)
        assert refused(text, valid={"required": [field]})[0] == Reason.MISSING_FIELD

    def test_a_profile_may_do_without_builds_but_what_is_there_must_be_well_formed(self):
        settings = {"valid": {"required": []}}
        assert valid(record("build_id"), **settings)["build_id"] is None
        assert refused(record(build_id="x"), **settings)[0] == Reason.BAD_BUILD_ID


class TestBuildId:
    @pytest.mark.parametrize(
        "text", ["1.0.0.0", "9.999.999.999", "10.3.5.34", "f10.3.5.34", "f1.2.3.4", "1.001.02.3"]
    )
    def test_four_numbers_the_first_from_1_to_10_are_a_build(self, text):
        assert valid(record(build_id=text))["build_id"] == text

    @pytest.mark.parametrize(
        "text",
        [
            *("0.3.5.34", "11.3.5.34", "010.3.5.34", "100.3.5.34", "10.3.5.1234", "10.3.5", "10"),
            *("10.3.5.34.1", "10..5.34", "10.3.5.", "10,3,5,34", "10.3.5.3a", "10x3x5x34"),
            *("ff10.3.5.34", "F10.3.5.34", "v10.3.5.34", "f", " 10.3.5.34", "10.3.5.34 "),
            *("10.3.5.34\n", "\n10.3.5.34", "10.3.5.34\nx", "10.\N{ARABIC-INDIC DIGIT THREE}.5.34"),
        ],
    )
    def test_any_other_text_is_not(self, text):
        assert refused(record(build_id=text))[0] == Reason.BAD_BUILD_ID

    def test_a_number_is_not(self):
        assert refused(record(build_id=10.3)) == (Reason.BAD_BUILD_ID, "`build_id` is 10.3")


class TestInstId:
    @pytest.mark.parametrize("text", ["a1", "00", "abcdefABCDEF0123456789", "f" * 1000])
    def test_two_hex_digits_or_more_are_an_installation(self, text):
        assert valid(record(inst_id=text))["inst_id"] == text

    @pytest.mark.parametrize(
        "text",
        [
            *("a", "g1", "a1g", "a1-b2", "0xa1", " a1", "a1 ", "a1\n", "\na1", "a1\nb2"),
            "\N{FULLWIDTH DIGIT ONE}\N{FULLWIDTH DIGIT TWO}",
        ],
    )
    def test_any_other_text_is_not(self, text):
        assert refused(record(inst_id=text)) == (Reason.BAD_INST_ID, f"`inst_id` is {text!r}")

    @given(st.lists(st.from_regex(r"[0-9a-fA-F]*", fullmatch=True) | st.text("/09:@AFG`afgé")))
    def test_those_of_many_records_are_told_apart_as_the_pattern_says(self, texts):
        given = pd.DataFrame({"inst_id": pd.array(["?", *texts], pd.ArrowDtype(pa.string()))})[1:]
        fits = _are_hex(in_one_array(given["inst_id"]))
        assert fits.tolist() == [bool(ValidRules().inst_id.fullmatch(text)) for text in texts]

    def test_a_number_is_not(self):
        assert refused(record(inst_id=1234)) == (Reason.BAD_INST_ID, "`inst_id` is 1234")


class TestAction:
    @pytest.mark.parametrize("text", ["pro", "prostarted", "reader", "reader view", "pro\n"])
    def test_it_begins_with_the_name_of_a_product(self, text):
        assert valid(record(action=text))["action"] == text

    @pytest.mark.parametrize("text", ["edit", "Proedit", "READER", " proedit", "\nproedit", "pr"])
    def test_any_other_is_of_no_product(self, text):
        assert refused(record(action=text)) == (Reason.BAD_ACTION, f"`action` is {text!r}")

    def test_a_number_is_not_an_action_even_where_any_text_is(self):
        settings = {"product": [{"name": "any", "action": ""}]}
        assert refused(record(action=5), **settings) == (Reason.BAD_ACTION, "`action` is 5")


class TestTrialstate:
    @pytest.mark.parametrize("state", ["Expired", "Activated", "Trial"])
    def test_a_pro_event_has_one_of_three(self, state):
        assert valid(record(trialstate=state))["trialstate"] == state

    @pytest.mark.parametrize("state", ["", "trial", "Trial ", "Trial\n", "Trialing", 1, ["Trial"]])
    def test_a_pro_event_has_no_other(self, state):
        reason, detail = refused(record(trialstate=state))
        assert reason == Reason.BAD_TRIALSTATE
        assert detail.startswith("`trialstate` is ")

    @pytest.mark.parametrize("text", [record("trialstate"), record(trialstate=None)])
    def test_a_pro_event_cannot_do_without(self, text):
        assert refused(text) == (Reason.BAD_TRIALSTATE, "`trialstate` is missing")

    @pytest.mark.parametrize(
        ("state", "carried"), [("", ""), ("anything", "anything"), (None, None), (7, "7")]
    )
    def test_a_reader_event_has_any_or_none(self, state, carried):
        assert valid(record(action="readerview", trialstate=state))["trialstate"] == carried

    def test_each_product_of_a_profile_has_its_own(self):
        products = [
            {"name": "a", "action": "a", "trialstate": ["On"]},
            {"name": "any", "action": "", "trialstate": ["Off"]},
        ]
        assert valid(record(action="a1", trialstate="On"), product=products)
        assert valid(record(action="b1", trialstate="Off"), product=products)
        assert refused(record(action="a1", trialstate="Off"), product=products)
        assert refused(record(action="b1", trialstate="On"), product=products)


class TestTime:
    newest = HOUR.end + timedelta(minutes=15)
    oldest = HOUR.start - timedelta(days=7)
    tick = timedelta(microseconds=1)

    @pytest.mark.parametrize("time", [HOUR.start, HOUR.end - tick, HOUR.end, newest, oldest])
    def test_from_the_greatest_age_to_the_greatest_skew_it_is_taken(self, time: datetime):
        assert valid(record(timestamp=time.isoformat()))["event_time"] == time

    @pytest.mark.parametrize(
        ("time", "reason"),
        [
            (newest + tick, Reason.IN_THE_FUTURE),
            (datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC), Reason.IN_THE_FUTURE),
            (oldest - tick, Reason.TOO_OLD),
            (datetime(1, 1, 1, tzinfo=UTC), Reason.TOO_OLD),
        ],
    )
    def test_beyond_them_it_is_not(self, time: datetime, reason: Reason):
        text = time.isoformat()
        assert refused(record(timestamp=text)) == (reason, f"`timestamp` is {text!r}")

    def test_both_bounds_are_settings(self):
        session = {"max_clock_skew": "0s", "max_event_age": "1m"}
        first, last = HOUR.start - timedelta(minutes=1), HOUR.end
        for time in (first, last):
            assert valid(record(timestamp=time.isoformat()), session=session)
        for time in (first - self.tick, last + self.tick):
            assert refused(record(timestamp=time.isoformat()), session=session)

    def test_an_age_as_long_as_the_calendar_takes_everything_old(self):
        text = record(timestamp="0001-01-01T00:00:00Z")
        assert valid(text, session={"max_event_age": "999999d"})["event_time"].year == 1

    @pytest.mark.parametrize("value", ["yesterday", "NaN", 1e300, "2017-02-30"])
    def test_what_is_no_time_is_told_from_what_is_out_of_bounds(self, value):
        assert refused(record(timestamp=value))[0] == Reason.BAD_TIMESTAMP


class TestEventId:
    @pytest.mark.parametrize(
        ("given", "kept"), [("e1", "e1"), (" ", " "), (17, "17"), ("a\nb", "a\nb")]
    )
    def test_one_that_is_there_is_kept(self, given, kept):
        assert valid(record(event_id=given))["event_id"] == kept

    @pytest.mark.parametrize(
        "text", [record("event_id"), record(event_id=None), record(event_id="")]
    )
    def test_one_that_is_missing_is_derived_from_place_and_content(self, text):
        assert valid(text)["event_id"] == derived_event_id(KEY, 0, text.encode())

    def test_it_is_the_same_however_the_object_is_read(self):
        texts = [record("event_id"), record(), "no record", record("event_id", nid="1")]
        whole = divided(*texts).valid
        in_pieces = divided(*texts, batch_bytes=1).valid
        assert in_pieces.column("event_id").to_pylist() == whole.column("event_id").to_pylist()

    def test_records_that_read_alike_are_told_apart_by_their_places(self):
        text = record("event_id")
        ids = [
            *divided(text, text).valid.column("event_id").to_pylist(),
            *divided(text, key="2017/02/04/23/stream-2").valid.column("event_id").to_pylist(),
        ]
        assert len(set(ids)) == 3


class TestMachineLength:
    @pytest.mark.parametrize(
        ("given", "read"),
        [
            *((8, 8), (0, 0), ("8", 8), ("08", 8), (8.0, 8), ("8.0", 8), (10**9 - 1, 10**9 - 1)),
            *((None, None), (-8, None), ("-8", None), (8.5, None), ("8.5", None), (1e300, None)),
            *(("", None), ("eight", None), ("8\n", None), (True, None), ([8], None)),
            ("\N{ARABIC-INDIC DIGIT EIGHT}", None),
        ],
    )
    def test_it_is_a_whole_number_or_nothing(self, given, read):
        text = valid(record(_l=given))["machine_length"]
        assert (None if text is None else length_of(text)) == read


class TestOtherFields:
    def test_the_known_ones_are_carried_as_they_are(self):
        names = {"apptoken", "installsource", "language", "nid", "ip_address"}
        row = valid(record(_p2=" two ", **{name: f"<{name}>" for name in names}))
        assert {name: row[name] for name in names} == {name: f"<{name}>" for name in names}
        assert row["p2"] == " two "
        assert row["extended"] is None

    def test_the_unknown_ones_are_kept_together(self):
        extended = valid('{"new": 1.50, ' + record()[1:-1] + ', "more": {"a": [null]}}')["extended"]
        assert json.loads(extended) == {"new": 1.5, "more": {"a": [None]}}

    def test_a_profile_may_call_them_otherwise(self):
        text = '{"uuid":"u","at":"2017-02-04T23:30:00Z","page":"/","browser":"b 1","inst_id":"x"}'
        row = valid(text, **WEB_PAGES)
        assert (row["event_id"], row["action"], row["inst_id"]) == ("u", "/", "b 1")
        assert json.loads(row["extended"]) == {"inst_id": "x"}

    def test_a_fault_is_told_by_the_names_of_the_profile(self):
        text = '{"uuid":"u","at":"2017-02-04T23:30:00Z","page":"/","inst_id":"x"}'
        assert refused(text, **WEB_PAGES) == (Reason.MISSING_FIELD, "`browser` is missing")


class TestQuarantine:
    @pytest.mark.parametrize(
        "text",
        [
            record("action"),
            '{ "action":"proedit",\t"n" : 1.50e0, "n": "\\u00e9\\/", "é":null }',
            "[1, 2]",
            '"text"',
            "neither JSON nor anything",
        ],
    )
    def test_a_record_is_there_as_it_came(self, text):
        [row] = divided(text).quarantine.to_pylist()
        assert row["raw"] == text
        assert (row["object_key"], row["position"]) == (KEY, 0)

    def test_bytes_that_are_no_text_are_there_in_base64(self):
        raw = b'{"action": "pro\xff"}'
        [row] = divided(raw).quarantine.to_pylist()
        assert row["reason"] == Reason.NOT_TEXT
        assert base64.b64decode(row["raw"].removeprefix("base64:")) == raw
        assert row["detail"].endswith("(raw is base64)")

    def test_a_long_value_is_cut_in_the_detail_not_in_the_record(self):
        text = record(inst_id="x" * 1000)
        [row] = divided(text).quarantine.to_pylist()
        assert row["raw"] == text
        assert row["detail"] == f"`inst_id` is '{'x' * 120}…'"

    def test_a_record_with_several_faults_is_there_once(self):
        assert refused("{}") == (Reason.MISSING_FIELD, "`timestamp` is missing")
        assert refused(record(action="x", inst_id="x", build_id="x"))[0] == Reason.BAD_ACTION


SOME = {
    "good": record(),
    "also good": record("event_id", action="readerview"),
    "bad": record("action"),
    "late": record(timestamp=0),
    "unreadable": "{broken",
}


@settings(max_examples=40)
@given(st.lists(st.sampled_from(sorted(SOME)), max_size=12), st.sampled_from([1, 200, 1 << 20]))
def test_every_record_is_in_one_of_the_two_tables_at_its_place(names: list[str], batch_bytes: int):
    result = divided(*(SOME[name] for name in names), batch_bytes=batch_bytes)
    places = {"valid": [], "quarantine": []}
    for place, name in enumerate(names):
        places["valid" if "good" in name else "quarantine"].append(place)
    assert result.valid.column("position").to_pylist() == places["valid"]
    assert result.quarantine.column("position").to_pylist() == places["quarantine"]
    assert result.quarantine.column("raw").to_pylist() == [
        SOME[names[place]] for place in places["quarantine"]
    ]


@pytest.mark.parametrize("text", [record(), record("action")])
def test_both_frames_have_all_their_columns_however_empty(text):
    config = configured()
    [batch] = read_records([(KEY, [text.encode()])], config.raw_fields, config.landing)
    result = validate(batch.frame, HOUR, config, batch.kinds)
    assert set(result.valid.columns) == set(config.schemas.validated.names)
    assert list(result.quarantine.columns) == QUARANTINE.names
