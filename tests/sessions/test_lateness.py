"""Late events, and which of the others settle (contract §3, *Order and lateness*)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from sessionize.sessions.candidates import Candidates
from sessionize.sessions.duplicates import find_duplicates
from sessionize.sessions.lateness import NO_FRONTIER, Late, Settled, find_late, settle
from sessionize.sessions.state import State

from .examples import at, clock, event, state
from .reference import EPOCH, MICROSECOND, Event
from .rows import events_frame

OPEN_UNTIL_HALF_PAST = state(open_sessions=[[event("00:10"), event("00:30")]])
CLOSED_UNTIL_HALF_PAST = state(closed_frontiers={"aa": at("00:30")})


def microseconds(time: datetime) -> int:
    return (time - EPOCH) // MICROSECOND


def divided(before: State, watermark: str, *landed: Event) -> tuple[Candidates, Late, Settled]:
    candidates = Candidates.of(before, events_frame(landed))
    duplicates = find_duplicates(candidates)
    late = find_late(candidates, before, duplicates)
    return candidates, late, settle(candidates, microseconds(at(watermark)), duplicates, late)


def late(before: State, *landed: Event) -> list[str]:
    candidates, late, _ = divided(before, "01:00", *landed)
    return [clock(time) for time in candidates.events["event_time"].take(late.places)]


class TestLate:
    @pytest.mark.parametrize(
        ("before", "first_in_time"),
        [(OPEN_UNTIL_HALF_PAST, "00:30"), (CLOSED_UNTIL_HALF_PAST, "00:30:00.000001")],
        ids=["open: exclusive", "closed: inclusive"],
    )
    def test_the_frontier_is_where_an_event_is_in_time(self, before: State, first_in_time: str):
        in_time = event(first_in_time, event_id="new")
        just_before = event(at(first_in_time) - timedelta(microseconds=1))
        assert late(before, in_time) == []
        assert late(before, just_before) == [clock(just_before.event_time)]

    def test_a_machine_of_which_nothing_is_known_has_no_late_events(self):
        candidates, found, _ = divided(
            OPEN_UNTIL_HALF_PAST, "01:00", event("00:00", machine_id="b")
        )
        assert not found.is_late.any()
        assert found.frontier[candidates.event_machine[0]] == NO_FRONTIER

    def test_what_has_waited_is_never_late(self):
        before = state(open_sessions=[[event("00:30")]], pending=[event("00:10")])
        assert late(before) == []

    def test_a_duplicate_is_not_late_too(self):
        before = state(open_sessions=[[event("00:30")]], identities=[event("00:10")])
        assert late(before, event("00:10")) == []

    def test_late_events_come_in_the_order_of_their_times(self):
        landed = [event("00:20"), event("00:05"), event("00:10")]
        assert late(OPEN_UNTIL_HALF_PAST, *landed) == ["00:05", "00:10", "00:20"]


class TestSettle:
    def test_events_before_the_watermark_settle_and_the_others_wait(self):
        landed = [event("01:00"), event("00:59:59.999999"), event("01:30"), event("00:40")]
        candidates, _, settled = divided(State.empty(), "01:00", *landed)
        times = [clock(time) for time in candidates.events["event_time"].take(settled.places)]
        assert times == ["00:40", "00:59:59.999999"]

    def test_what_waits_stays_in_landed_order(self):
        before = state(pending=[event("01:50")], identities=[event("01:50")])
        candidates, _, settled = divided(before, "01:00", event("01:40"), event("01:10"))
        times = [clock(time) for time in candidates.events["event_time"].take(settled.waiting)]
        assert times == ["01:50", "01:40", "01:10"]

    def test_every_event_is_settled_pending_late_or_a_duplicate(self):
        landed = [event("00:35"), event("00:35"), event("00:20"), event("01:10")]
        candidates, found, settled = divided(OPEN_UNTIL_HALF_PAST, "01:00", *landed)
        assert len(settled.places) == len(settled.waiting) == len(found.places) == 1
        assert len(candidates.events) == 4
