from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionize.lake.ledger import NO_STATE, Counts, Ledger, ObjectCounts, WrittenFile, fingerprint
from sessionize.model.errors import ForeignFileError, NewerFormatError, UnbalancedError
from sessionize.model.hours import Hour

BALANCED = Counts(
    records_read=10,
    valid=8,
    quarantined=2,
    pending_before=3,
    settled=5,
    late=1,
    duplicates=1,
    pending_after=4,
    sessions_closed=2,
    sessions_open=1,
    events_open_before=2,
    events_closed=6,
    events_open=1,
)

PART = WrittenFile("events/dt=2017-02-04/hour=23/part-0.parquet", 8, 1234, "ab" * 32)
STATE = WrittenFile("_state/dt=2017-02-04/hour=23/pending-abcd.parquet", 4, 567, "cd" * 32)

LEDGER = Ledger(
    pipeline="nitro",
    hour=Hour.parse("2017-02-04T23"),
    settings="0123456789abcdef",
    watermark="2017-02-05T00:00:00+00:00",
    previous_state=NO_STATE,
    counts=BALANCED,
    quarantined_by_reason={"not_json": 2},
    closed_by_reason={"timeout": 2},
    claimed=(ObjectCounts("2017/02/04/23/stream-1", 999, 10, 8, 2),),
    published={"events": PART},
    state={"pending": STATE},
)

IN_EQUATIONS = [
    field.name for field in fields(Counts) if field.name not in ("sessions_closed", "sessions_open")
]


class TestEquations:
    def test_a_run_that_adds_up_passes(self):
        BALANCED.check()

    @pytest.mark.parametrize("name", IN_EQUATIONS)
    @pytest.mark.parametrize("error", [-1, 1])
    def test_a_count_that_is_off_by_one_fails_the_run(self, name: str, error: int):
        counts = replace(BALANCED, **{name: getattr(BALANCED, name) + error})
        with pytest.raises(UnbalancedError, match="Nothing was published"):
            counts.check()

    @pytest.mark.parametrize(
        ("name", "equation"),
        [
            ("quarantined", r"records read = valid \+ quarantined would be 10 = 11"),
            ("late", r"settled \+ late \+ duplicates \+ pending after would be 11 = 12"),
            ("events_open", r"in sessions closed \+ in sessions open would be 7 = 8"),
        ],
    )
    def test_the_error_names_the_equation_and_its_sides(self, name: str, equation: str):
        with pytest.raises(UnbalancedError, match=equation):
            replace(BALANCED, **{name: getattr(BALANCED, name) + 1}).check()


class TestDocument:
    def test_a_ledger_is_read_back_from_its_json(self):
        document = json.loads(json.dumps(LEDGER.encode()))
        assert Ledger.decode(document, "place") == LEDGER

    def test_a_ledger_of_release_0_1_is_understood_and_keeps_its_format(self):
        document = json.loads(json.dumps(LEDGER.encode())) | {"format": 1}
        ledger = Ledger.decode(document, "place")
        assert ledger == replace(LEDGER, format=1)
        assert json.loads(json.dumps(ledger.encode())) == document

    def test_a_ledger_says_its_format_first(self):
        assert next(iter(LEDGER.encode().items())) == ("format", 2)

    def test_a_newer_ledger_is_refused_with_the_remedy(self):
        with pytest.raises(NewerFormatError, match=r"x\.json was written by a newer.*Run the new"):
            Ledger.decode(LEDGER.encode() | {"format": 3, "more": 1}, "lake/_runs/x.json")

    def test_the_document_names_the_hour_and_the_state_that_the_run_left(self):
        document = LEDGER.encode()
        assert document["hour"] == "2017-02-04T23"
        assert document["state_fingerprint"] == LEDGER.state_fingerprint

    def test_encoding_leaves_the_ledger_as_it_was(self):
        LEDGER.encode()["counts"]["valid"] = 0
        assert LEDGER.counts == BALANCED

    @pytest.mark.parametrize(
        "document",
        [
            None,
            [],
            "text",
            {},
            LEDGER.encode() | {"hour": "2017-02-04"},
            LEDGER.encode() | {"hour": 23},
            LEDGER.encode() | {"counts": {"valid": 8}},
            LEDGER.encode() | {"counts": None},
            LEDGER.encode() | {"claimed": [{"key": "a"}]},
            LEDGER.encode() | {"published": {"events": "part-0.parquet"}},
            LEDGER.encode() | {"state": []},
            LEDGER.encode() | {"unknown": 1},
            {name: value for name, value in LEDGER.encode().items() if name != "watermark"},
        ],
    )
    def test_a_document_that_is_not_a_ledger_is_refused_by_its_place(self, document: Any):
        with pytest.raises(ForeignFileError, match=r"lake/_runs/x\.json is not a ledger"):
            Ledger.decode(document, "lake/_runs/x.json")


class TestStateFingerprint:
    @given(st.permutations(["open_sessions", "closed_frontiers", "pending", "identities"]))
    def test_it_does_not_depend_on_the_order_of_the_files(self, names: list[str]):
        state = {name: replace(STATE, sha256=name) for name in names}
        assert fingerprint(state) == fingerprint({name: state[name] for name in sorted(names)})

    def test_it_names_the_content_not_the_place(self):
        moved = replace(LEDGER, state={"pending": replace(STATE, key="elsewhere")})
        assert moved.state_fingerprint == LEDGER.state_fingerprint

    @pytest.mark.parametrize(
        "state",
        [
            {},
            {"pending": replace(STATE, sha256="ef" * 32)},
            {"identities": STATE},
            {"pending": STATE, "identities": STATE},
        ],
    )
    def test_it_changes_with_the_content(self, state: dict[str, WrittenFile]):
        assert replace(LEDGER, state=state).state_fingerprint != LEDGER.state_fingerprint

    def test_no_state_of_a_run_is_taken_for_that_before_the_first_hour(self):
        assert replace(LEDGER, state={}).state_fingerprint != NO_STATE
