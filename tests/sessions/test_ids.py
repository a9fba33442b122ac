from __future__ import annotations

import uuid

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from sessionize.model.frames import TEXT, TIME
from sessionize.sessions.ids import SESSION_NAMESPACE, session_ids

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.text(
    "ab", min_size=20, max_size=200
)
events = st.tuples(texts, texts, st.integers(-(10**15), 10**16))


def session_id(machine: str, event: str, microseconds: int) -> str:
    return uuids([(machine, event, microseconds)])[0]


def uuids(events: list[tuple[str, str, int]]) -> list[str]:
    machines, ids, times = ([event[part] for event in events] for part in range(3))
    frame = pd.DataFrame(
        {
            "machine_id": pd.array(machines, dtype=TEXT),
            "event_id": pd.array(ids, dtype=TEXT),
            "event_time": pd.array(np.array(times, "M8[us]"), dtype=TIME),
        }
    )
    return session_ids(frame).to_list()


@given(events)
def test_a_session_id_is_a_uuid_of_version_5_that_anyone_can_derive(event: tuple[str, str, int]):
    machine, event_id, time = event
    name = f"{time}:{len(machine)}:{machine}:{event_id}"
    assert session_id(*event) == str(uuid.uuid5(SESSION_NAMESPACE, name))


def test_session_ids_stay_the_same_from_release_to_release():
    assert session_id("a1b2", "e1", 1_486_249_200_000_000) == "58dc0844-2cf5-5880-bbd3-dfd46584cb66"


@given(st.lists(events, max_size=20))
def test_session_ids_depend_on_their_own_events_alone(many: list[tuple[str, str, int]]):
    assert uuids(many) == [session_id(*event) for event in many]


def test_machine_event_and_time_each_change_the_id_and_never_run_together():
    events = [("ab", "c", 1), ("a", "bc", 1), ("ab", "c", 11), ("ab", ":c", 1), ("ab:", "c", 1)]
    assert len({session_id(*event) for event in events}) == len(events)
