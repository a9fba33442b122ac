"""All rows that a run decides about, in one order: by machine, time, and landed order."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sessionize.sessions.candidates import Candidates, order_by_machine_and_time
from sessionize.sessions.state import State

from .examples import at, event, state
from .rows import events_frame

#: Microseconds from the year 1 to 9999: more than an event's timestamp can be apart.
times = st.integers(0, 3) | st.integers(-62 * 10**15, 253 * 10**15) | st.integers(0, 10**15)


@given(st.lists(st.tuples(st.integers(0, 3) | st.integers(0, 2**30), times), max_size=20))
def test_the_order_is_that_of_a_stable_sort_however_far_the_times_lie_apart(rows):
    machine = np.array([row[0] for row in rows], np.int64)
    time = np.array([row[1] for row in rows], np.int64)
    order, ties = order_by_machine_and_time(machine, time)
    assert order.tolist() == sorted(range(len(rows)), key=lambda place: rows[place])
    in_order = sorted(rows)
    assert ties.tolist() == [in_order.count(row) > 1 for row in in_order]


def test_rows_are_identities_then_what_was_pending_then_what_has_landed():
    before = state(
        identities=[event("00:05", event_id="known"), event("00:50", event_id="waiting")],
        pending=[event("00:50", event_id="waiting")],
    )
    candidates = Candidates.of(before, events_frame([event("00:50", event_id="new")]))
    assert candidates.identities["event_id"].to_list() == ["known", "waiting", "waiting", "new"]
    assert (candidates.known_count, candidates.pending_count) == (2, 1)
    assert candidates.events["event_id"].to_list() == ["waiting", "new"]
    assert candidates.is_landed.tolist() == [False, True]
    assert candidates.event_order.tolist() == [0, 1]


def test_machines_of_the_state_are_known_by_the_numbers_of_the_events_machines():
    before = state(
        open_sessions=[[event("00:10", machine_id="a")]], closed_frontiers={"b": at("00:20")}
    )
    landed = events_frame([event("00:50", machine_id="b"), event("00:51", machine_id="a")])
    candidates = Candidates.of(before, landed)
    assert candidates.with_open_session.tolist() == [candidates.event_machine[1]]
    assert candidates.with_closed_frontier.tolist() == [candidates.event_machine[0]]


def test_pending_texts_and_landed_categoricals_go_together():
    before = state(pending=[event("01:00", "proview")])  # as the lake keeps it: no categoricals
    candidates = Candidates.of(before, events_frame([event("01:01", "proedit")]))
    assert candidates.events["action"].to_list() == ["proview", "proedit"]


def test_nothing_is_no_rows():
    candidates = Candidates.of(State.empty(), events_frame([]))
    assert len(candidates.order) == len(candidates.machine_ids) == 0
