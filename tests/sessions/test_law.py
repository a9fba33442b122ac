"""The law of the project (contract §3), and that every run agrees with the reference.

``SESSIONIZE_EXAMPLES`` sets how many examples each property is tried on.
"""

from __future__ import annotations

import os
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionize.model.schemas import (
    CLOSED_FRONTIERS,
    EVENTS,
    IDENTITIES,
    LATE_EVENTS,
    SESSIONIZED_EVENTS,
    SESSIONS,
    STATE,
)
from sessionize.sessions.hour import SessionizedHour, SessionState, sessionize_hour
from sessionize.sessions.shards import shard_of

from .reference import Event, Played, Session, State, one_pass, play_hour
from .rows import Row, event_row, events_table, in_any_order, rows_of
from .strategies import Cuts, Scenario, cuts, scenarios

EXAMPLES = int(os.environ.get("SESSIONIZE_EXAMPLES", "30"))


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
    def test_gives_identical_tables_again_and_leaves_its_inputs_alone(self, scenario: Scenario):
        state = SessionState.empty()
        for hour, events in zip(scenario.hours, scenario.runs, strict=True):
            table, before = events_table(events), rows_of_state(state)
            run = sessionize_hour(state, table, hour, scenario.rules)
            # In other pieces, and as a lake keeps it: with no dictionaries.
            pieces = pa.concat_tables([table.slice(0, 1), table.slice(1)])
            again = sessionize_hour(plain(state), pieces, hour, scenario.rules)
            assert table.equals(events_table(events))
            assert rows_of_state(state) == before
            assert rows_of(again.settled, SESSIONIZED_EVENTS) == rows_of(
                run.settled, SESSIONIZED_EVENTS
            )
            assert again.closed.equals(run.closed)
            assert rows_of(again.late, LATE_EVENTS) == rows_of(run.late, LATE_EVENTS)
            assert rows_of_state(again.state) == rows_of_state(run.state)
            assert again.duplicates == run.duplicates
            state = run.state

    @law(1 / 4)
    @given(scenarios(), st.integers(1, 5), st.integers(1, 3))
    def test_does_not_depend_on_the_ranges_that_machines_are_settled_in(
        self, scenario: Scenario, range_rows: int, threads: int
    ):
        state = SessionState.empty()
        for hour, events in zip(scenario.hours, scenario.runs, strict=True):
            table = events_table(events)
            one = sessionize_hour(state, table, hour, scenario.rules)
            other = sessionize_hour(
                state, table, hour, scenario.rules, threads=threads, range_rows=range_rows
            )
            assert rows_of(other.settled, SESSIONIZED_EVENTS) == rows_of(
                one.settled, SESSIONIZED_EVENTS
            )
            pieces = list(other.settled.tables(range_rows))
            assert [row for piece in pieces for row in rows_of(piece, SESSIONIZED_EVENTS)] == (
                rows_of(one.settled, SESSIONIZED_EVENTS)
            )
            assert all(len(piece) == range_rows for piece in pieces[:-1])
            assert other.closed.equals(one.closed)
            assert rows_of(other.late, LATE_EVENTS) == rows_of(one.late, LATE_EVENTS)
            assert rows_of_state(other.state) == rows_of_state(one.state)
            assert other.duplicates == one.duplicates
            state = other.state

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
            for name, schema in STATE.items():
                assert rows_of(getattr(sharded.state, name), schema) == rows_of(
                    getattr(run.state, name), schema
                )


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
                for row in rows_of(run.settled, SESSIONIZED_EVENTS)
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
    state = SessionState.empty()
    for hour, events in zip(scenario.hours, scenario.runs, strict=True):
        run = sessionize_hour(state, events_table(events), hour, scenario.rules)
        yield run
        state = run.state


def sessionized_in_shards(
    scenario: Scenario, shard_counts: Iterable[int]
) -> Iterator[SessionizedHour]:
    """Run the code under test on each shard of each run; between runs, the lake keeps the state."""
    state = SessionState.empty()
    for hour, events, count in zip(scenario.hours, scenario.runs, shard_counts, strict=True):
        landed = events_table(events)
        parts = []
        for index in range(count):
            part = {
                name: shard(getattr(state, name).cast(schema), index, count)
                for name, schema in STATE.items()
            }
            parts.append(
                sessionize_hour(
                    SessionState(**part), shard(landed, index, count), hour, scenario.rules
                )
            )
        run = joined(parts)
        yield run
        state = run.state


def shard(table: pa.Table, index: int, count: int) -> pa.Table:
    ids = table.column("machine_id").combine_chunks()
    return table.filter(pa.array(shard_of(ids, count) == index))


def joined(parts: list[SessionizedHour]) -> SessionizedHour:
    """Put the shards of a run together as a lake does: as tables of the declared schemas."""

    def together(tables: Iterable[pa.Table], schema: pa.Schema) -> pa.Table:
        return pa.concat_tables([table.cast(schema) for table in tables])

    return SessionizedHour(
        settled=together((part.settled.table() for part in parts), SESSIONIZED_EVENTS),
        closed=together((part.closed for part in parts), SESSIONS),
        late=together((part.late for part in parts), LATE_EVENTS),
        duplicates=sum(part.duplicates for part in parts),
        state=SessionState(
            **{
                name: together((getattr(part.state, name) for part in parts), schema)
                for name, schema in STATE.items()
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


def session_rows(table: pa.Table) -> list[Row]:
    return in_any_order(rows_of(table, SESSIONS))


def settled_rows(run: SessionizedHour) -> list[Row]:
    return in_any_order(rows_of(run.settled, SESSIONIZED_EVENTS))


def late_rows(run: SessionizedHour) -> list[Row]:
    return in_any_order(rows_of(run.late, LATE_EVENTS))


def rows_of_state(state: SessionState) -> dict[str, list[Row]]:
    return {name: rows_of(getattr(state, name), schema) for name, schema in STATE.items()}


def plain(state: SessionState) -> SessionState:
    return SessionState(
        **{name: getattr(state, name).cast(schema) for name, schema in STATE.items()}
    )


def assert_same_state(state: SessionState, expected: State) -> None:
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
    assert sorted(rows_of(state.pending, EVENTS), key=lambda row: row["machine_id"]) == [
        event_row(event) for event in pending
    ]
