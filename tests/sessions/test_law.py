"""The law of the project (contract §3), and that every run agrees with the reference.

``SESSIONIZE_EXAMPLES`` sets how many examples each property is tried on.
"""

from __future__ import annotations

import os
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import pandas as pd
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionize.model.frames import concat
from sessionize.model.schemas import CLOSED_FRONTIERS, DESKTOP, IDENTITIES
from sessionize.sessions.hour import SessionizedHour, sessionize
from sessionize.sessions.machines import shard_of
from sessionize.sessions.state import State as RunState

from .reference import Event, Played, Session, State, one_pass, play_hour
from .rows import Row, event_row, events_frame, in_any_order, kept, rows_of
from .strategies import Cuts, Scenario, cuts, scenarios

EXAMPLES = int(os.environ.get("SESSIONIZE_EXAMPLES", "12"))


def law(share: float) -> settings:
    """Try a property on this share of the examples; some run every scenario several times."""
    return settings(max_examples=max(1, round(EXAMPLES * share)), deadline=None)


Place = tuple[str, int]


class TestReference:
    """The reference itself: its runs, one after another, come to its one pass."""

    @law(2)
    @given(cuts())
    def test_runs_equal_one_pass_when_no_event_is_late(self, cuts: Cuts):
        for scenario in cuts.scenarios:
            runs = list(played(scenario))
            assert not any(run.late for run in runs)
            assert not runs[-1].state.pending
            assert sessions_of(union_of(runs)) == whole(scenario.events, scenario)

    @law(2)
    @given(scenarios())
    def test_late_events_leave_the_others_as_one_pass_gives_them(self, scenario: Scenario):
        runs = list(played(scenario))
        settled = [event for run in runs for event, _ in run.settled]
        assert sessions_of(union_of(runs)) == whole(settled, scenario)


class TestEveryRun:
    @law(1)
    @given(scenarios())
    def test_agrees_with_the_reference_and_accounts_for_every_event(self, scenario: Scenario):
        pending_before = 0
        runs = zip(scenario.runs, sessionized(scenario), played(scenario), strict=True)
        for landed, run, expected in runs:
            assert run.duplicates == len(expected.duplicates)
            assert settled_rows(run) == in_any_order(
                event_row(event) | {"session_id": session_id}
                for event, session_id in expected.settled
            )
            assert late_rows(run) == in_any_order(
                event_row(event) | {"frontier": frontier} for event, frontier in expected.late
            )
            assert session_rows(run.closed) == sessions_of(expected.closed)
            assert_same_state(run.state, expected.state)
            pending_after = len(run.state.pending)
            assert len(landed) + pending_before == (
                len(run.settled) + len(run.late) + run.duplicates + pending_after
            )
            pending_before = pending_after

    @law(1 / 4)
    @given(scenarios())
    def test_gives_identical_frames_again_and_leaves_its_inputs_alone(self, scenario: Scenario):
        state = RunState.empty()
        for hour, events in zip(scenario.hours, scenario.runs, strict=True):
            frame, before = events_frame(events), rows_of_state(state)
            run = sessionize(state, frame, hour, scenario.rules)
            # In other pieces, and as a lake keeps it: with no categoricals.
            pieces = concat([frame.iloc[:1], frame.iloc[1:]])
            again = sessionize(plain(state), pieces, hour, scenario.rules)
            assert frame.equals(events_frame(events))
            assert rows_of_state(state) == before
            assert tables_of(again) == tables_of(run)
            assert again.duplicates == run.duplicates
            assert rows_of_state(again.state) == rows_of_state(run.state)
            state = run.state

    @law(1 / 4)
    @given(scenarios(), st.randoms(use_true_random=False))
    def test_depends_on_landed_order_among_simultaneous_events_only(
        self, scenario: Scenario, order: random.Random
    ):
        relanded, origin = shuffled(scenario, order)
        expected, got = Union.of(sessionized(scenario)), Union.of(sessionized(relanded))
        assert got.sessions == expected.sessions
        assert {origin[place]: tag for place, tag in got.tags.items()} == expected.tags


class TestLaw:
    @law(1 / 2)
    @given(cuts())
    def test_runs_of_any_cut_equal_one_pass_and_each_other(self, cuts: Cuts):
        one, other = (Union.of(sessionized(scenario)) for scenario in cuts.scenarios)
        for union, scenario in zip((one, other), cuts.scenarios, strict=True):
            assert union.late == 0
            assert union.sessions == whole(scenario.events, scenario)
            assert union.tags == {
                place_of(event): session.session_id
                for session in one_pass(scenario.events, scenario.rules)
                for event in session.events
            }
        assert [one.tags.get(place_of(event)) for event in cuts.one] == [
            other.tags.get(place_of(event)) for event in cuts.other
        ]

    @law(1 / 8)
    @given(scenarios(), st.data())
    def test_any_number_of_shards_gives_the_same(self, scenario: Scenario, data: st.DataObject):
        number = len(scenario.runs)
        counts = st.lists(st.integers(1, 3), min_size=number, max_size=number)
        in_shards = sessionized_in_shards(scenario, data.draw(counts, label="shards"))
        for run, sharded in zip(sessionized(scenario), in_shards, strict=True):
            assert settled_rows(sharded) == settled_rows(run)
            assert late_rows(sharded) == late_rows(run)
            assert session_rows(sharded.closed) == session_rows(run.closed)
            assert sharded.duplicates == run.duplicates
            assert rows_of_state(sharded.state) == rows_of_state(run.state)


@dataclass(frozen=True)
class Union:
    """What all runs together publish; the sessions still open after the last are part of it."""

    sessions: list[Row]
    tags: dict[Place, str]
    late: int

    @classmethod
    def of(cls, runs: Iterable[SessionizedHour]) -> Union:
        sessions: list[Row] = []
        tags: dict[Place, str] = {}
        late = 0
        for run in runs:
            sessions += session_rows(run.closed)
            tags |= {
                (row["object_key"], row["position"]): row["session_id"]
                for row in rows_of(run.settled, DESKTOP.datasets["sessionized_events"])
            }
            late += len(run.late)
        sessions += session_rows(run.state.open_sessions)
        return cls(in_any_order(sessions), tags, late)


def played(scenario: Scenario) -> Iterator[Played]:
    """Play the scenario's runs by the reference."""
    state = State()
    for hour, events in zip(scenario.hours, scenario.runs, strict=True):
        run = play_hour(state, events, hour, scenario.rules)
        yield run
        state = run.state


def place_of(event: Event) -> Place:
    return event.object_key, event.position


def union_of(runs: list[Played]) -> list[Session]:
    closed = [session for run in runs for session in run.closed]
    return [*closed, *runs[-1].state.open_sessions.values()]


def sessionized(scenario: Scenario) -> Iterator[SessionizedHour]:
    """Run the code under test on the scenario."""
    state = RunState.empty()
    for hour, events in zip(scenario.hours, scenario.runs, strict=True):
        run = sessionize(state, events_frame(events), hour, scenario.rules)
        yield run
        state = run.state


def sessionized_in_shards(
    scenario: Scenario, shard_counts: Iterable[int]
) -> Iterator[SessionizedHour]:
    """Run the code under test on each shard of each run; between runs, the lake keeps the state."""
    state = RunState.empty()
    for hour, events, count in zip(scenario.hours, scenario.runs, shard_counts, strict=True):
        landed = events_frame(events)
        parts = []
        for index in range(count):
            part = {
                name: shard(getattr(plain(state), name), index, count) for name in DESKTOP.state
            }
            parts.append(
                sessionize(RunState(**part), shard(landed, index, count), hour, scenario.rules)
            )
        run = joined(parts)
        yield run
        state = run.state


def shard(frame: pd.DataFrame, index: int, count: int) -> pd.DataFrame:
    ids = pa.array(frame["machine_id"], pa.string())
    ids = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
    return frame[shard_of(ids, count) == index].reset_index(drop=True)


def joined(parts: list[SessionizedHour]) -> SessionizedHour:
    """Lay the results of a run's shards end to end."""
    return SessionizedHour(
        settled=concat([part.settled for part in parts]),
        closed=concat([part.closed for part in parts]),
        open=concat([part.open for part in parts]),
        late=concat([part.late for part in parts]),
        duplicates=sum(part.duplicates for part in parts),
        state=RunState(
            **{
                name: concat([getattr(part.state, name) for part in parts])
                for name in DESKTOP.state
            }
        ),
    )


def shuffled(scenario: Scenario, order: random.Random) -> tuple[Scenario, dict[Place, Place]]:
    """Change the landed order within each run, but not that of a machine's simultaneous events.

    Returns the scenario, and where the event at each place stood before.
    """
    runs = []
    origin = {}
    for events in scenario.runs:
        simultaneous = defaultdict(list)
        for event in events:
            simultaneous[event.machine_id, event.event_time].append(event)
        turns = [(event.machine_id, event.event_time) for event in events]
        order.shuffle(turns)
        run = []
        for turn, at in zip(turns, events, strict=True):
            event = simultaneous[turn].pop(0)
            origin[place_of(at)] = place_of(event)
            run.append(replace(event, object_key=at.object_key, position=at.position))
        runs.append(tuple(run))
    return Scenario(scenario.rules, tuple(runs)), origin


def whole(events: Iterable[Event], scenario: Scenario) -> list[Row]:
    """Return the sessions of one pass, closed where the scenario's last watermark closes them."""
    rules = scenario.rules
    watermark = scenario.hours[-1].end - rules.max_out_of_orderness
    return sessions_of(
        session.closed("timeout")
        if session.end_reason is None
        and session.last.event_time + rules.timeout + rules.allowed_lateness < watermark
        else session
        for session in one_pass(events, rules)
    )


def sessions_of(sessions: Iterable[Session]) -> list[Row]:
    return in_any_order(session.row() for session in sessions)


def session_rows(frame: pd.DataFrame) -> list[Row]:
    return in_any_order(rows_of(frame, DESKTOP.sessions))


def settled_rows(run: SessionizedHour) -> list[Row]:
    return in_any_order(rows_of(run.settled, DESKTOP.datasets["sessionized_events"]))


def late_rows(run: SessionizedHour) -> list[Row]:
    return in_any_order(rows_of(run.late, DESKTOP.datasets["late_events"]))


def tables_of(run: SessionizedHour) -> list[list[Row]]:
    return [
        rows_of(run.settled, DESKTOP.datasets["sessionized_events"]),
        rows_of(run.closed, DESKTOP.sessions),
        rows_of(run.open, DESKTOP.sessions),
        rows_of(run.late, DESKTOP.datasets["late_events"]),
    ]


def rows_of_state(state: RunState) -> dict[str, list[Row]]:
    return {name: table.to_pylist() for name, table in kept(state).items()}


def plain(state: RunState) -> RunState:
    """Return the state as the lake gives it back."""
    return RunState.of_tables(kept(state))


def assert_same_state(state: RunState, expected: State) -> None:
    assert session_rows(state.open_sessions) == sessions_of(expected.open_sessions.values())
    assert in_any_order(rows_of(state.closed_frontiers, CLOSED_FRONTIERS)) == in_any_order(
        {"machine_id": machine_id, "frontier": frontier}
        for machine_id, frontier in expected.closed_frontiers.items()
    )
    assert in_any_order(rows_of(state.identities, IDENTITIES)) == in_any_order(
        identity._asdict() for identity in expected.identities
    )
    # The pending events of a machine stand in landed order: the hour they landed in is not kept.
    pending = sorted(expected.pending, key=lambda event: (event.machine_id, event.landed_order))
    assert sorted(rows_of(state.pending, DESKTOP.events), key=lambda row: row["machine_id"]) == [
        event_row(event) for event in pending
    ]
