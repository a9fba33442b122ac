"""Where sessions begin and end, on a few events of a few machines."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sessionize.sessions.boundaries import Boundaries, find_boundaries
from sessionize.sessions.candidates import Candidates
from sessionize.sessions.state import State

from .examples import event, rules, state
from .reference import Event
from .rows import events_frame


def boundaries(before: State, *settled: Event, **settings: str) -> Boundaries:
    candidates = Candidates.of(before, events_frame(settled))
    order = candidates.event_order
    return find_boundaries(candidates, order, before.open_sessions, rules(**settings))


def reasons(found: Boundaries) -> list[str | None]:
    return [None if pd.isna(reason) else reason for reason in found.end_reason]


def test_sessions_open_before_come_first_and_stay_where_they_stand():
    before = state(
        open_sessions=[[event("00:50", machine_id="b")], [event("00:40", machine_id="a")]]
    )
    found = boundaries(before, event("01:00", machine_id="a"), event("01:10", machine_id="c"))
    assert sorted(found.session.tolist()) == [1, 2]
    assert reasons(found) == [None, None, None]
    assert len(found.begins) == 1


def test_an_open_session_without_an_event_goes_on():
    found = boundaries(state(open_sessions=[[event("00:50")]]))
    assert found.session.tolist() == []
    assert reasons(found) == [None]


def test_a_session_says_why_the_next_event_ended_it():
    found = boundaries(
        State.empty(),
        event("00:00"),
        event("00:10", "prostarted"),
        event("00:20"),
        event("00:41"),
        event("01:20"),
        max_duration="30m",
    )
    assert found.session.tolist() == [0, 1, 1, 2, 3]
    assert reasons(found) == ["opening_event", "max_duration", "timeout", None]
    assert found.begins.tolist() == [0, 1, 3, 4]


def test_a_closing_event_is_the_last_of_its_session():
    found = boundaries(
        State.empty(),
        event("00:00"),
        event("00:10", "proexit"),
        event("00:11", "proexit"),
        event("00:12", "prostartexit"),
        event("00:12"),
        closing="exit",
    )
    assert found.session.tolist() == [0, 0, 1, 2, 3]
    assert reasons(found) == ["closing_event", "closing_event", "closing_event", None]


def test_a_closing_event_ends_the_session_of_an_earlier_run_or_begins_one():
    before = state(open_sessions=[[event("00:50")]])
    found = boundaries(before, event("01:00", "proexit"), event("02:00", "proexit"), closing="exit")
    assert found.session.tolist() == [0, 1]
    assert reasons(found) == ["closing_event", "closing_event"]


def test_the_longest_duration_counts_from_the_start_in_an_earlier_run():
    before = state(open_sessions=[[event("00:40"), event("00:59")]])
    found = boundaries(before, event("01:10"), event("01:10:00.000001"), max_duration="30m")
    assert found.session.tolist() == [0, 1]
    assert reasons(found) == ["max_duration", None]


def test_a_machine_does_not_go_on_with_the_session_of_the_machine_before_it():
    settled = [event("00:10", machine_id=name) for name in ("a", "b", "c")]
    found = boundaries(State.empty(), *settled)
    assert found.session.tolist() == [0, 1, 2]
    assert np.unique(found.machine).tolist() == [0, 1, 2]


def test_rules_can_be_as_long_as_settings_allow():
    before = state(open_sessions=[[event("00:10")]])
    found = boundaries(before, event("23:50"), timeout="36500d", max_duration="36500d")
    assert found.session.tolist() == [0]
