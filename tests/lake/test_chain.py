"""Which hour stands upon which, and what has to be run where one has."""

from __future__ import annotations

from dataclasses import replace

from sessionize.lake.chain import onwards, ranges, stands_on
from sessionize.lake.ledger import NO_STATE, WrittenFile
from tests.lake.test_ledger import LEDGER
from tests.pipeline.scenario import HOURS

A, B, C, D = HOURS


def test_a_run_stands_on_the_state_that_the_hour_before_has_by_now():
    before = replace(LEDGER, state={"pending": WrittenFile("key", 1, 1, "one")})
    run = replace(LEDGER, previous_state=before.state_fingerprint)
    assert stands_on(run, before)
    assert not stands_on(run, replace(before, state={"pending": WrittenFile("key", 1, 1, "two")}))
    assert not stands_on(run, None)
    assert stands_on(replace(LEDGER, previous_state=NO_STATE), None)


def test_all_up_to_the_last_that_has_been_run_has_to_be_over_gaps_too():
    assert onwards([A, B, D], B) == (B, C, D)
    assert onwards([A], B) == ()
    assert onwards([], A) == ()


def test_hours_are_put_together_into_half_open_ranges():
    assert ranges([D, A, B, A]) == [(A, C), (D, D.next)]
    assert ranges([]) == []
