"""Where a pipeline stands, told from its ledgers, marks and claims."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sessionize.lake.claims import claim_objects
from sessionize.lake.layout import Lake
from sessionize.lake.ledger import NO_STATE, Ledger, WrittenFile
from sessionize.lake.storage import LocalStorage
from sessionize.model.hours import Hour
from sessionize.pipeline.status import HourState, Judged, Link, judge, pipeline_status
from tests.lake.test_ledger import LEDGER
from tests.pipeline import scenario

DONE, MISSING, OUTDATED, INTERRUPTED = HourState
A, B, C, D = scenario.HOURS
CONFIG = scenario.config("raw", "lake")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalStorage(tmp_path / "lake"))


def ledger(hour: Hour, state: str, previous: Ledger | None = None) -> Ledger:
    """Make the ledger of a run that left a state of this content, upon that of another."""
    before = previous.state_fingerprint if previous else NO_STATE
    files = {"pending": WrittenFile("key", 1, 1, state)}
    return replace(LEDGER, hour=hour, previous_state=before, state=files, claimed=())


def run(lake: Lake, *hours: Hour) -> list[Ledger]:
    """Leave the ledgers of hours that stand one upon the other."""
    ledgers: list[Ledger] = []
    for hour in hours:
        ledgers.append(ledger(hour, str(hour), ledgers[-1] if ledgers else None))
        lake.write_ledger(ledgers[-1])
    return ledgers


def states(lake: Lake, first: Hour | None = None, end: Hour | None = None) -> list[HourState]:
    return [line.state for line in pipeline_status(lake, CONFIG, first, end)]


def test_a_pipeline_that_has_not_run_has_no_hours(lake: Lake):
    assert states(lake) == []
    assert states(lake, A, C) == [MISSING, MISSING]


def test_hours_that_stand_one_upon_the_other_are_done(lake: Lake):
    ledgers = run(lake, A, B, C)
    found = list(pipeline_status(lake, CONFIG))
    assert [(line.hour, line.state) for line in found] == [(A, DONE), (B, DONE), (C, DONE)]
    assert [line.ledger for line in found] == ledgers


def test_an_hour_that_was_run_again_with_another_state_outdates_all_later_ones(lake: Lake):
    run(lake, A, B, C)
    lake.write_ledger(ledger(A, "another"))
    assert states(lake) == [DONE, OUTDATED, OUTDATED]


def test_one_that_was_run_again_with_the_same_state_outdates_none(lake: Lake):
    run(lake, A, B)
    lake.write_ledger(replace(ledger(A, str(A)), settings="changed"))
    assert states(lake) == [DONE, DONE]


def test_a_gap_is_missing_and_what_stands_behind_it_is_judged_by_itself(lake: Lake):
    first, second, _ = run(lake, A, B, C)
    lake.storage.delete(f"_runs/{B.partition}.json")
    assert states(lake) == [DONE, MISSING, DONE]
    assert first != second


def test_the_first_hour_stands_upon_nothing(lake: Lake):
    lake.write_ledger(ledger(A, "a", previous=ledger(A.previous, "before the start")))
    assert states(lake) == [OUTDATED]


def test_an_interrupted_hour_is_not_done_and_outdates_the_later_ones(lake: Lake):
    run(lake, A, B, C)
    lake.mark(B, "interrupted", "a test")
    assert states(lake) == [DONE, INTERRUPTED, OUTDATED]


def test_a_mark_before_the_hours_that_are_shown_counts(lake: Lake):
    run(lake, A, B, C)
    lake.mark(A, "interrupted", "a test")
    assert states(lake, first=B) == [OUTDATED, OUTDATED]


def test_an_object_that_was_claimed_but_not_read_interrupts_its_hour(lake: Lake, tmp_path: Path):
    raw = LocalStorage(tmp_path / "raw")
    scenario.land_all(raw)
    run(lake, A)
    claim_objects(raw, lake, A, CONFIG)
    assert states(lake) == [INTERRUPTED]


def test_the_hours_that_are_asked_for_are_shown(lake: Lake):
    run(lake, A, B)
    assert states(lake, B, D) == [DONE, MISSING]


def judged(links: dict[Hour, Link], marks: dict[Hour, set[str]] | None = None) -> list[Judged]:
    return list(judge(links.get, marks or {}, A, A, D.next))


def test_the_first_hour_of_a_gap_can_be_run_and_the_others_wait_for_it():
    found = judged({A: Link(NO_STATE, "a"), D: Link("c", "d")})
    assert [line.state for line in found] == [DONE, MISSING, MISSING, DONE]
    assert [line.is_blocked for line in found] == [False, False, True, False]


def test_an_hour_behind_an_outdated_one_cannot_be_run():
    found = judged({A: Link(NO_STATE, "a"), B: Link("x", "b")})
    assert [line.state for line in found] == [DONE, OUTDATED, MISSING, MISSING]
    assert [line.is_blocked for line in found] == [False, False, True, True]


def test_the_chain_is_broken_where_the_states_differ_and_nowhere_else():
    links = {A: Link(NO_STATE, "a"), B: Link("x", "b"), C: Link("b", "c"), D: Link("y", "d")}
    assert [line.chain_broken for line in judged(links)] == [False, True, False, True]
    assert [line.state for line in judged(links)] == [DONE, OUTDATED, OUTDATED, OUTDATED]


def test_what_is_not_known_yet_breaks_no_chain():
    links = {A: Link(NO_STATE, "a"), B: Link(None, None), C: Link("b", "c"), D: Link("c", "d")}
    assert [line.state for line in judged(links)] == [DONE] * 4
    assert [line.chain_broken for line in judged(links)] == [False] * 4
