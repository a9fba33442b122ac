"""What the watermark closes, and what is forgotten behind it (contract §3)."""

from __future__ import annotations

import pytest

from sessionize.sessions.hour import SessionizedHour, sessionize
from sessionize.sessions.state import State

from .examples import MIDNIGHT, at, clock, event, landed, rules, state
from .reference import Event
from .rows import events_frame


def run(before: State, *events: Event, **settings: str) -> SessionizedHour:
    """Run the hour from 00:00 to 01:00."""
    return sessionize(before, events_frame(landed(events)), MIDNIGHT, rules(**settings))


def frontiers(result: SessionizedHour) -> dict[str, str]:
    frame = result.state.closed_frontiers
    return {
        machine_id: clock(frontier)
        for machine_id, frontier in zip(frame["machine_id"], frame["frontier"], strict=True)
    }


def identities(result: SessionizedHour) -> list[str]:
    return [clock(time) for time in result.state.identities["event_time"]]


WAITING = {"timeout": "10m", "allowed_lateness": "20m"}


class TestClose:
    @pytest.mark.parametrize(
        ("last", "closed"), [("00:30", []), ("00:29:59.999999", ["timeout"])], ids=["at", "before"]
    )
    def test_comes_when_timeout_and_lateness_are_before_the_watermark(self, last, closed):
        result = run(State.empty(), event(last), **WAITING)
        assert result.closed["end_reason"].to_list() == closed
        assert len(result.open) == 1 - len(closed)

    def test_leaves_a_frontier_a_timeout_after_the_last_event(self):
        result = run(State.empty(), event("00:05"), event("00:10"), **WAITING)
        assert frontiers(result) == {"aa": "00:20"}

    def test_closes_sessions_that_got_no_event(self):
        result = run(state(open_sessions=[[event("00:01")], [event("00:45", machine_id="b")]]))
        assert result.closed["machine_id"].to_list() == []
        result = run(
            state(open_sessions=[[event("00:01")], [event("00:45", machine_id="b")]]), **WAITING
        )
        assert result.closed["machine_id"].to_list() == ["aa"]
        assert result.open["machine_id"].to_list() == ["b"]


class TestFrontiers:
    def test_are_kept_up_to_the_greatest_age_of_an_event(self):
        before = state(closed_frontiers={"old": at("00:29:59.999999"), "edge": at("00:30")})
        assert frontiers(run(before, max_event_age="30m")) == {"edge": "00:30"}

    def test_of_a_machine_with_a_new_session_is_that_sessions_own(self):
        result = run(state(closed_frontiers={"aa": at("00:10")}), event("00:50"))
        assert frontiers(result) == {}
        assert [clock(time) for time in result.state.open_sessions["ended_at"]] == ["00:50"]

    def test_stay_where_they_are_when_only_late_events_come(self):
        result = run(state(closed_frontiers={"aa": at("00:10")}), event("00:10"))
        assert frontiers(result) == {"aa": "00:10"}
        assert len(result.late) == 1

    def test_an_age_that_no_time_can_have_forgets_nothing(self):
        before = state(closed_frontiers={"aa": at("00:10")})
        assert frontiers(run(before, max_event_age="36500d")) == {"aa": "00:10"}


class TestIdentities:
    def test_are_kept_within_the_window(self):
        known = [event("00:29:59.999999"), event("00:30")]
        before = state(identities=known)
        assert identities(run(before, dedup_window="30m")) == ["00:30"]

    def test_at_the_frontier_of_an_open_session_are_kept_beyond_it(self):
        result = run(State.empty(), event("00:05"), event("00:10"), dedup_window="0s")
        assert identities(result) == ["00:10"]

    def test_of_a_session_closed_by_the_watermark_are_not(self):
        result = run(State.empty(), event("00:10"), dedup_window="0s", **WAITING)
        assert identities(result) == []

    def test_are_kept_once_however_many_copies_there_are(self):
        result = run(state(identities=[event("00:40")]), event("00:40"), event("00:40"))
        assert identities(result) == ["00:40"]

    def test_of_what_waits_are_kept(self):
        assert identities(run(State.empty(), event("01:10"), dedup_window="0s")) == ["01:10"]
