"""Copies of events (contract §2, *Duplicate*): the first in landed order counts."""

from __future__ import annotations

import pytest

from sessionize.sessions.candidates import Candidates
from sessionize.sessions.duplicates import find_duplicates
from sessionize.sessions.state import State

from .examples import event, state
from .reference import Event
from .rows import events_frame

ONE = event("00:10", event_id="1")


def duplicates(before: State, *landed: Event) -> list[bool]:
    """Tell of each event, pending ones first, whether it counts as a duplicate."""
    return find_duplicates(Candidates.of(before, events_frame(landed))).is_duplicate.tolist()


def test_every_further_copy_is_a_duplicate_whatever_else_it_says():
    other = event("00:10", "proprint", event_id="1", user_id="other", build_id=None)
    assert duplicates(State.empty(), ONE, other, ONE) == [False, True, True]


@pytest.mark.parametrize(
    "other",
    [
        event("00:10", event_id="2"),
        event("00:10", event_id="1", machine_id="cc"),
        event("00:10:00.000001", event_id="1"),
    ],
    ids=["id", "machine", "time"],
)
def test_an_event_with_another_identity_is_none(other: Event):
    assert duplicates(State.empty(), ONE, other) == [False, False]


def test_a_copy_of_what_an_earlier_run_knew_is_a_duplicate():
    assert duplicates(state(identities=[ONE]), ONE, event("00:10", event_id="2")) == [True, False]


def test_a_pending_event_is_no_duplicate_of_itself_but_its_copies_are():
    assert duplicates(state(identities=[ONE], pending=[ONE]), ONE) == [False, True]


def test_copies_are_found_among_other_events_of_the_same_moment():
    landed = [event("00:10", event_id=name) for name in "abcabd"]
    assert duplicates(State.empty(), *landed) == [False, False, False, True, True, False]
