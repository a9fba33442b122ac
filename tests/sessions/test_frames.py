from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import pytest
from hypothesis import given, settings

from sessionize.sessions.frames import sessionize_frame
from tests.sessions.reference import Session, one_pass
from tests.sessions.rows import Row, events_table, in_any_order
from tests.sessions.strategies import Scenario, scenarios


def identified(sessions: Iterable[Session]) -> list[tuple[str, int]]:
    return sorted((session.session_id, len(session.events)) for session in sessions)


@settings(deadline=None)
@given(scenarios())
def test_a_frame_gives_the_sessions_of_one_pass(scenario: Scenario):
    events = [event for run in scenario.runs for event in run]
    frame = events_table(events).to_pandas()
    sessions, tagged = sessionize_frame(frame, scenario.rules)
    expected = one_pass(events, scenario.rules)
    pairs = zip(sessions["session_id"], sessions["event_count"], strict=True)
    assert sorted(pairs) == identified(expected)
    assert len(tagged) == sum(len(session.events) for session in expected)
    tags: list[Row] = tagged[["object_key", "position", "session_id"]].to_dict("records")
    assert in_any_order(tags) == in_any_order(
        {"object_key": e.object_key, "position": e.position, "session_id": session.session_id}
        for session in expected
        for e in session.events
    )


def test_four_columns_are_enough():
    times = pd.to_datetime(["2017-02-04T23:00Z", "2017-02-04T23:10Z", "2017-02-05T01:00Z"])
    frame = pd.DataFrame(
        {"machine_id": "a1", "event_id": list("xyz"), "event_time": times, "action": "proedit"}
    )
    sessions, tagged = sessionize_frame(frame)
    assert list(sessions["event_count"]) == [2, 1]
    assert list(tagged.columns) == ["event_id", "event_time", "machine_id", "action", "session_id"]
    assert tagged["session_id"].nunique() == 2


def test_no_events_are_no_sessions():
    columns = ["machine_id", "event_id", "event_time", "action"]
    sessions, tagged = sessionize_frame(pd.DataFrame(columns=columns))
    assert (len(sessions), len(tagged)) == (0, 0)


@pytest.mark.parametrize("name", ["machine_id", "event_id", "event_time", "action"])
def test_a_column_that_is_missing_or_null_is_named(name: str):
    time = pd.Timestamp("2017-02-04T23:00Z")
    frame = pd.DataFrame(
        {"machine_id": ["a"], "event_id": ["x"], "event_time": [time], "action": ["proedit"]}
    )
    with pytest.raises(ValueError, match=name):
        sessionize_frame(frame.drop(columns=name))
    with pytest.raises(ValueError, match=name):
        sessionize_frame(frame.assign(**{name: None}))
