"""Sessions by example: each behaviour of the contract (§2 *Duplicate*, §3) once, by hand."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from sessionize.model.schemas import DESKTOP
from sessionize.sessions.hour import SessionizedHour, sessionize
from sessionize.sessions.state import State

from .examples import MIDNIGHT, at, clock, event, landed, rules
from .reference import Event
from .rows import Row, events_frame, rows_of


def play(*runs: list[Event], **settings: str) -> list[SessionizedHour]:
    """Run hour after hour from midnight on what landed in it, an object's events as they stand."""
    state = State.empty()
    hour = MIDNIGHT
    played = []
    for events in runs:
        run = sessionize(state, events_frame(landed(events, hour)), hour, rules(**settings))
        played.append(run)
        state, hour = run.state, hour.next
    return played


def sessions(table: pd.DataFrame) -> list[tuple[str, str, str | None]]:
    """Return when each session started and ended, and why it ended."""
    return sorted(
        (clock(row["started_at"]), clock(row["ended_at"]), row["end_reason"])
        for row in rows_of(table, DESKTOP.sessions)
    )


def late(run: SessionizedHour) -> list[tuple[str, str]]:
    """Return the time of each late event, and its machine's frontier."""
    return sorted(
        (clock(row["event_time"]), clock(row["frontier"]))
        for row in rows_of(run.late, DESKTOP.datasets["late_events"])
    )


def times(events: pd.DataFrame) -> list[str]:
    return sorted(clock(time) for time in events["event_time"])


def closed_frontiers(run: SessionizedHour) -> list[str]:
    return sorted(clock(frontier) for frontier in run.state.closed_frontiers["frontier"])


def settled(run: SessionizedHour) -> list[Row]:
    return rows_of(run.settled, DESKTOP.datasets["sessionized_events"])


def only_session(table: pd.DataFrame) -> Row:
    (row,) = rows_of(table, DESKTOP.sessions)
    return row


class TestTimeout:
    def test_gap_of_exactly_the_timeout_is_the_same_session(self):
        (run,) = play([event("00:10"), event("00:40")])
        assert sessions(run.closed) == []
        assert sessions(run.state.open_sessions) == [("00:10", "00:40", None)]

    def test_gap_longer_by_a_microsecond_starts_a_new_session(self):
        (run,) = play([event("00:10"), event("00:40:00.000001")])
        assert sessions(run.closed) == [("00:10", "00:10", "timeout")]
        assert sessions(run.state.open_sessions) == [
            ("00:40:00.000001", "00:40:00.000001", None),
        ]

    def test_gap_counts_from_the_previous_event_not_from_the_first(self):
        (run,) = play([event("00:00"), event("00:25"), event("00:50")])
        assert sessions(run.state.open_sessions) == [("00:00", "00:50", None)]

    def test_each_machine_has_its_own_gaps(self):
        (run,) = play([event("00:00"), event("00:20", machine_id="cc"), event("00:40")])
        assert sessions(run.closed) == [("00:00", "00:00", "timeout")]
        assert sessions(run.state.open_sessions) == [
            ("00:20", "00:20", None),
            ("00:40", "00:40", None),
        ]


class TestClosingEvent:
    def test_is_off_unless_given(self):
        (run,) = play([event("00:10", "proexit"), event("00:11")])
        assert sessions(run.closed) == []

    def test_ends_the_session_that_it_belongs_to_and_leaves_none_open(self):
        (run,) = play([event("00:10"), event("00:11", "proexit")], closing="exit$")
        assert sessions(run.closed) == [("00:10", "00:11", "closing_event")]
        assert sessions(run.open) == []

    def test_ends_the_session_carried_from_an_earlier_run(self):
        _, run = play([event("00:50")], [event("01:10", "proexit")], closing="exit$")
        assert sessions(run.closed) == [("00:50", "01:10", "closing_event")]

    @pytest.mark.parametrize(("time", "is_late"), [("00:50", True), ("00:50:00.000001", False)])
    def test_makes_its_own_time_the_frontier_inclusive(self, time: str, is_late: bool):
        _, run = play(
            [event("00:50", "proexit", event_id="1")], [event(time, event_id="2")], closing="exit$"
        )
        assert len(run.late) == is_late
        assert len(run.settled) == (not is_late)

    def test_the_next_event_begins_a_session_whatever_it_is(self):
        (run,) = play([event("00:10", "proexit"), event("00:10", event_id="2")], closing="exit$")
        assert sessions(run.closed) == [("00:10", "00:10", "closing_event")]
        assert sessions(run.open) == [("00:10", "00:10", None)]

    def test_an_opening_event_that_closes_is_a_session_of_its_own(self):
        (run,) = play([event("00:10"), event("00:11", "prostarted")], closing="start")
        assert sessions(run.closed) == [
            ("00:10", "00:10", "opening_event"),
            ("00:11", "00:11", "closing_event"),
        ]


class TestOpeningEvent:
    @pytest.mark.parametrize("action", ["prostarted", "profirstrun", "readerrestart"])
    def test_starts_a_session_within_the_timeout(self, action: str):
        (run,) = play([event("00:10"), event("00:11", action)])
        assert sessions(run.closed) == [("00:10", "00:10", "opening_event")]

    @pytest.mark.parametrize("action", ["proSTART", "prostar", "readerview"])
    def test_is_told_by_the_pattern_as_it_is_written(self, action: str):
        (run,) = play([event("00:10"), event("00:11", action)])
        assert sessions(run.closed) == []

    def test_is_told_by_the_pattern_that_is_set(self):
        (run,) = play([event("00:10"), event("00:11", "proedit"), event("00:12", "prostarted")])
        assert sessions(run.closed) == [("00:10", "00:11", "opening_event")]
        (run,) = play(
            [event("00:10"), event("00:11", "proedit"), event("00:12", "prostarted")],
            opening="^proe",
        )
        assert sessions(run.closed) == [("00:10", "00:10", "opening_event")]

    def test_starts_a_session_even_at_the_time_of_the_previous_event(self):
        (run,) = play([event("00:10", "prostarted"), event("00:10", "prostarted", event_id="2")])
        assert sessions(run.closed) == [("00:10", "00:10", "opening_event")]

    def test_ends_the_session_carried_from_an_earlier_run(self):
        _, run = play([event("00:50")], [event("01:10", "prostarted")])
        assert sessions(run.closed) == [("00:50", "00:50", "opening_event")]

    def test_after_the_timeout_the_reason_is_the_timeout(self):
        (run,) = play([event("00:00"), event("00:31", "prostarted")])
        assert sessions(run.closed) == [("00:00", "00:00", "timeout")]

    def test_after_the_maximal_duration_the_reason_is_the_opening_event(self):
        (run,) = play([event("00:00"), event("00:20", "prostarted")], max_duration="10m")
        assert sessions(run.closed) == [("00:00", "00:00", "opening_event")]


class TestMaxDuration:
    def test_event_at_exactly_the_maximal_duration_extends(self):
        (run,) = play([event("00:00"), event("00:20")], max_duration="20m")
        assert sessions(run.state.open_sessions) == [("00:00", "00:20", None)]

    def test_event_a_microsecond_later_starts_a_new_session(self):
        (run,) = play([event("00:00"), event("00:20:00.000001")], max_duration="20m")
        assert sessions(run.closed) == [("00:00", "00:00", "max_duration")]

    def test_after_the_timeout_the_reason_is_the_timeout(self):
        (run,) = play([event("00:00"), event("00:31")], max_duration="20m")
        assert sessions(run.closed) == [("00:00", "00:00", "timeout")]

    def test_splits_a_long_activity_again_and_again(self):
        (run,) = play([event(f"00:{minute:02}") for minute in range(0, 60, 5)], max_duration="12m")
        assert sessions(run.closed) == [
            ("00:00", "00:10", "max_duration"),
            ("00:15", "00:25", "max_duration"),
            ("00:30", "00:40", "max_duration"),
        ]
        assert sessions(run.state.open_sessions) == [("00:45", "00:55", None)]

    def test_splits_across_runs_where_it_splits_within_one(self):
        activity = [event(MIDNIGHT.start + timedelta(minutes=7 * step)) for step in range(40)]
        by_hour = [
            [event for event in activity if event.event_time.hour == hour] for hour in range(5)
        ]
        runs = play(*by_hour, max_duration="45m")
        *_, at_once = play([], [], [], [], activity, max_duration="45m")
        union = [session for run in runs for session in sessions(run.closed)]
        assert union == sessions(at_once.closed)
        assert len(union) == 5
        assert sessions(runs[-1].state.open_sessions) == sessions(at_once.state.open_sessions)

    def test_starts_anew_after_an_opening_event_and_after_a_timeout(self):
        (run,) = play(
            [
                event("00:00"),
                event("00:08"),
                event("00:10", "prostarted"),
                event("00:20"),
                event("00:55"),
                event("00:59"),
            ],
            max_duration="10m",
        )
        assert sessions(run.closed) == [
            ("00:00", "00:08", "opening_event"),
            ("00:10", "00:20", "timeout"),
        ]
        assert sessions(run.state.open_sessions) == [("00:55", "00:59", None)]


class TestSession:
    def test_carries_what_its_first_and_its_last_event_say(self):
        (run,) = play(
            [
                event("00:10", "prostarted", user_id="u1", build_id="9.1.2.3"),
                event("00:12", "readeredit", user_id="u2", build_id="10.0.0.1"),
                event("00:10:30.5", "proprint", user_id="u3", build_id=None),
            ]
        )
        assert only_session(run.state.open_sessions) == {
            "session_id": "df5cd621-303c-5f00-b9e2-80ed996d1445",
            "machine_id": "aa",
            "user_id": "u1",
            "started_at": at("00:10"),
            "ended_at": at("00:12"),
            "duration_s": 120.0,
            "event_count": 3,
            "start_action": "prostarted",
            "end_action": "readeredit",
            "end_reason": None,
            "product": "pro",
            "build_id": "9.1.2.3",
        }

    def test_of_one_event_lasts_no_time(self):
        (run,) = play([event("00:10")])
        session = only_session(run.state.open_sessions)
        assert (session["duration_s"], session["event_count"]) == (0.0, 1)

    def test_duration_is_exact_to_the_microsecond(self):
        (run,) = play([event("00:10"), event("00:10:00.000001")])
        assert only_session(run.state.open_sessions)["duration_s"] == 0.000001

    def test_what_its_first_event_lacks_is_not_taken_from_a_later_one(self):
        _, run = play(
            [event("00:50", user_id=None, build_id=None)],
            [event("01:00", user_id="u1", build_id="9.1.2.3")],
        )
        session = only_session(run.state.open_sessions)
        assert (session["user_id"], session["build_id"]) == (None, None)

    def test_tags_its_events(self):
        (run,) = play([event("00:10"), event("00:20"), event("00:30", "prostarted")])
        tags = {clock(row["event_time"]): row["session_id"] for row in settled(run)}
        assert tags["00:10"] == tags["00:20"] == only_session(run.closed)["session_id"]
        assert tags["00:30"] == only_session(run.state.open_sessions)["session_id"]

    def test_id_depends_on_the_first_events_machine_id_and_time(self):
        def session_id(first: Event) -> str:
            (run,) = play([first])
            return only_session(run.state.open_sessions)["session_id"]

        first = event("00:10", event_id="1")
        assert session_id(first) == session_id(event("00:10", "readerview", event_id="1"))
        assert session_id(first) != session_id(event("00:10", event_id="2"))
        assert session_id(first) != session_id(event("00:11", event_id="1"))
        assert session_id(first) != session_id(event("00:10", event_id="1", machine_id="cc"))

    def test_id_never_changes_from_one_version_to_the_next(self):
        (run,) = play([event("00:10", event_id="e1")])
        assert only_session(run.state.open_sessions)["session_id"] == (
            "00de1844-6b7f-51d7-9a18-4fab78ca73e8"
        )


class TestCarriedSession:
    def test_crosses_an_hour_boundary(self):
        first, second = play([event("00:50")], [event("01:10")])
        assert sessions(first.closed) == sessions(second.closed) == []
        assert sessions(second.state.open_sessions) == [("00:50", "01:10", None)]
        assert only_session(second.state.open_sessions)["event_count"] == 2

    def test_crosses_many_hours_as_one_session(self):
        half_hours = [event(MIDNIGHT.start + timedelta(minutes=30 * step)) for step in range(50)]
        runs = play(*(half_hours[2 * hour : 2 * hour + 2] for hour in range(25)))
        assert not any(len(run.closed) for run in runs)
        session = only_session(runs[-1].state.open_sessions)
        assert session["started_at"] == MIDNIGHT.start
        assert session["event_count"] == 50
        assert session["duration_s"] == 49 * 1800
        assert {row["session_id"] for run in runs for row in settled(run)} == {
            session["session_id"]
        }

    def test_is_closed_by_the_next_event_that_starts_a_session_in_whatever_run(self):
        _, run = play([event("00:50")], [event("01:30")])
        assert sessions(run.closed) == [("00:50", "00:50", "timeout")]


class TestWatermarkClose:
    def test_waits_until_timeout_and_lateness_are_before_the_watermark(self):
        first, second, third = play([event("00:30")], [], [])
        assert sessions(first.closed) == []
        assert sessions(second.closed) == []  # 00:30 + 30m + 1h is the watermark, not before it
        assert sessions(third.closed) == [("00:30", "00:30", "timeout")]

    def test_comes_as_soon_as_they_are(self):
        _, second = play([event("00:29:59.999999")], [])
        assert sessions(second.closed) == [("00:29:59.999999", "00:29:59.999999", "timeout")]

    def test_waits_for_events_out_of_order(self):
        runs = play([event("00:20")], [], [], max_out_of_orderness="10m")
        assert [len(run.closed) for run in runs] == [0, 0, 1]

    def test_in_an_empty_hour_is_all_that_happens(self):
        _, empty = play([event("00:10")], [])
        assert sessions(empty.closed) == [("00:10", "00:10", "timeout")]
        assert not len(empty.settled)
        assert not len(empty.late)
        assert empty.duplicates == 0
        assert not len(empty.state.open_sessions)

    def test_leaves_nothing_to_a_run_without_events_and_state(self):
        (run,) = play([])
        assert not len(run.settled)
        assert not len(run.closed)
        assert not len(run.state.open_sessions)

    def test_can_come_in_the_run_that_settles_the_event(self):
        (*_, run) = play([], [], [event("00:10")])
        assert sessions(run.closed) == [("00:10", "00:10", "timeout")]


class TestOrder:
    def test_of_events_that_settle_in_one_run_is_that_of_their_times(self):
        (run,) = play([event("00:40"), event("00:20"), event("00:10")])
        assert late(run) == []
        assert sessions(run.state.open_sessions) == [("00:10", "00:40", None)]

    def test_of_simultaneous_events_in_an_object_is_that_of_their_positions(self):
        (run,) = play(
            [event("00:10", "proview"), *(event("00:10", event_id=str(n)) for n in range(11))]
        )
        session = only_session(run.state.open_sessions)
        assert session["start_action"] == "proview"

    def test_of_simultaneous_events_in_two_objects_is_that_of_the_keys(self):
        (run,) = play(
            [
                event("00:10", "proprint", event_id="1", object_key="later"),
                event("00:10", "proview", event_id="2", object_key="earlier"),
            ]
        )
        session = only_session(run.state.open_sessions)
        assert (session["start_action"], session["end_action"]) == ("proview", "proprint")

    def test_of_simultaneous_events_in_two_runs_is_that_of_the_runs(self):
        _, run = play(
            [event("00:50", "proview", event_id="2", object_key="z")],
            [event("00:50", "proprint", event_id="1", object_key="a")],
        )
        session = only_session(run.state.open_sessions)
        assert (session["start_action"], session["end_action"]) == ("proview", "proprint")


class TestLate:
    def test_is_an_event_before_its_machines_last_settled_one(self):
        _, run = play([event("00:50")], [event("00:49:59.999999")])
        assert late(run) == [("00:49:59.999999", "00:50")]
        assert not len(run.settled)
        assert sessions(run.state.open_sessions) == [("00:50", "00:50", None)]

    def test_is_not_an_event_at_the_time_of_the_last_settled_one(self):
        _, run = play([event("00:50")], [event("00:50", event_id="2")])
        assert late(run) == []
        assert only_session(run.state.open_sessions)["event_count"] == 2

    def test_is_not_an_event_behind_another_machines_events(self):
        _, run = play([event("00:50")], [event("00:40", machine_id="cc")])
        assert late(run) == []

    def test_is_told_by_what_earlier_runs_settled_only(self):
        _, run = play([event("00:10")], [event("00:40"), event("00:20")])
        assert late(run) == []
        assert sessions(run.state.open_sessions) == [("00:10", "00:40", None)]

    def test_is_an_event_at_or_before_the_timeout_of_a_session_closed_by_the_watermark(self):
        _, _, run = play([event("00:10")], [], [event("00:40"), event("00:20"), event("00:05")])
        assert late(run) == [("00:05", "00:40"), ("00:20", "00:40"), ("00:40", "00:40")]
        assert not len(run.settled)

    def test_is_not_an_event_a_microsecond_after_that(self):
        _, _, run = play([event("00:10")], [], [event("00:40:00.000001")])
        assert late(run) == []
        assert times(run.settled) == ["00:40:00.000001"]

    def test_the_frontier_of_a_new_session_is_its_own_last_event(self):
        runs = play([event("00:10")], [], [event("02:30")], [event("02:30", event_id="2")])
        assert late(runs[-1]) == []
        assert sessions(runs[-1].state.open_sessions) == [("02:30", "02:30", None)]

    def test_frontier_of_a_closed_session_is_kept_for_the_maximal_age_of_events(self):
        runs = play([event("00:30")], *([[]] * 5), allowed_lateness="0s", max_event_age="3h")
        assert [closed_frontiers(run) for run in runs] == [
            [],
            ["01:00"],
            ["01:00"],
            ["01:00"],
            [],
            [],
        ]

    def test_a_machine_that_was_offline_for_five_hours_uploads_its_events_in_order(self):
        runs = play(
            [event("00:10"), event("00:20")],
            *([[]] * 4),
            [
                event("01:00", "prostarted"),
                event("01:30"),
                event("02:31"),
                event("04:10"),
                event("04:40"),
                event("05:05"),
            ],
        )
        assert not any(len(run.late) for run in runs)
        assert sessions(runs[1].closed) == [("00:10", "00:20", "timeout")]
        assert sessions(runs[5].closed) == [
            ("01:00", "01:30", "timeout"),
            ("02:31", "02:31", "timeout"),
        ]
        assert sessions(runs[5].state.open_sessions) == [("04:10", "05:05", None)]


class TestDuplicate:
    def test_in_the_same_object_is_counted_and_left_out(self):
        (run,) = play([event("00:10"), event("00:10")])
        assert run.duplicates == 1
        assert only_session(run.state.open_sessions)["event_count"] == 1

    def test_in_another_object_the_first_in_landed_order_counts(self):
        (run,) = play(
            [
                event("00:10", "proprint", object_key="later"),
                event("00:10", "proview", object_key="earlier"),
            ]
        )
        assert run.duplicates == 1
        assert [row["action"] for row in settled(run)] == ["proview"]

    def test_in_a_later_hour_is_found(self):
        _, run = play([event("00:10"), event("00:50")], [event("00:10")])
        assert run.duplicates == 1
        assert late(run) == []

    def test_every_copy_is_counted(self):
        first, second = play([event("00:10")] * 3, [event("00:10")] * 2)
        assert (first.duplicates, second.duplicates) == (2, 2)

    def test_of_an_event_that_waits_is_found(self):
        _, run = play([event("01:10")], [event("01:10")])
        assert run.duplicates == 1
        assert times(run.settled) == ["01:10"]

    def test_of_a_late_event_is_a_duplicate_too(self):
        _, run, later = play([event("00:50")], [event("00:40"), event("00:40")], [event("00:40")])
        assert late(run) == [("00:40", "00:50")]
        assert (run.duplicates, later.duplicates) == (1, 1)
        assert late(later) == []

    def test_is_not_the_same_id_at_another_time(self):
        (run,) = play([event("00:10", event_id="1"), event("00:10:00.000001", event_id="1")])
        assert run.duplicates == 0

    def test_is_not_the_same_id_on_another_machine(self):
        (run,) = play([event("00:10"), event("00:10", machine_id="cc")])
        assert run.duplicates == 0
        assert len(run.state.open_sessions) == 2

    def test_is_not_the_other_split_of_the_same_letters(self):
        (run,) = play(
            [
                event("00:10", machine_id="a", event_id="bc"),
                event("00:10", machine_id="ab", event_id="c"),
            ]
        )
        assert run.duplicates == 0
        assert len({row["session_id"] for row in settled(run)}) == 2

    def test_beyond_the_dedup_window_is_late(self):
        runs = play([event("00:10"), event("00:50")], [], [], [event("00:10")])
        assert runs[3].duplicates == 0
        assert late(runs[3]) == [("00:10", "01:20")]

    def test_on_the_edge_of_the_dedup_window_is_remembered(self):
        runs = play([event("00:00"), event("00:50")], [], [event("00:00")])
        assert runs[2].duplicates == 1

    def test_beyond_the_window_but_at_the_frontier_of_an_open_session_is_remembered(self):
        waiting = {"dedup_window": "10m", "allowed_lateness": "5h"}
        *_, run = play([event("00:20"), event("00:30")], [], [], [event("00:30")], **waiting)
        assert run.duplicates == 1
        assert late(run) == []
        assert only_session(run.state.open_sessions)["event_count"] == 2

    def test_beyond_the_window_and_behind_the_frontier_of_an_open_session_is_late(self):
        waiting = {"dedup_window": "10m", "allowed_lateness": "5h"}
        *_, run = play([event("00:20"), event("00:30")], [], [], [event("00:20")], **waiting)
        assert run.duplicates == 0
        assert late(run) == [("00:20", "00:30")]

    def test_beyond_the_window_at_the_last_event_of_a_closed_session_is_late(self):
        runs = play([event("00:30")], [], [], [event("00:30")], dedup_window="10m")
        assert runs[3].duplicates == 0
        assert late(runs[3]) == [("00:30", "01:00")]


class TestPending:
    def test_an_event_at_the_watermark_waits(self):
        first, second = play([event("00:59:59.999999"), event("01:00")], [])
        assert times(first.settled) == ["00:59:59.999999"]
        assert times(first.state.pending) == ["01:00"]
        assert times(second.settled) == ["01:00"]
        assert not len(second.state.pending)

    def test_an_event_within_the_out_of_orderness_waits(self):
        first, second = play([event("00:49"), event("00:50")], [], max_out_of_orderness="10m")
        assert times(first.settled) == ["00:49"]
        assert times(second.settled) == ["00:50"]

    def test_settles_in_order_with_what_landed_later(self):
        first, second = play(
            [event("00:40"), event("00:55")],
            [event("00:52", "prostarted"), event("01:10")],
            max_out_of_orderness="10m",
        )
        assert sessions(first.state.open_sessions) == [("00:40", "00:40", None)]
        assert late(second) == []
        assert sessions(second.closed) == [("00:40", "00:40", "opening_event")]
        assert sessions(second.state.open_sessions) == [("00:52", "01:10", None)]

    def test_comes_before_a_simultaneous_event_that_landed_later(self):
        _, run = play(
            [event("00:55", "proview", event_id="2", object_key="z")],
            [event("00:55", "proprint", event_id="1", object_key="a")],
            max_out_of_orderness="10m",
        )
        session = only_session(run.state.open_sessions)
        assert (session["start_action"], session["end_action"]) == ("proview", "proprint")

    def test_waits_for_several_runs_in_landed_order(self):
        runs = play(
            [event("00:10", "proview", event_id="3", object_key="z")],
            [event("00:10", "proedit", event_id="2", object_key="y")],
            [event("00:10", "prostarted", event_id="1", object_key="a")],
            [],
            max_out_of_orderness="2h50m",
        )
        assert [len(run.state.pending) for run in runs] == [1, 2, 3, 0]
        closed = only_session(runs[3].closed)
        assert (closed["start_action"], closed["end_action"]) == ("proview", "proedit")
        assert only_session(runs[3].state.open_sessions)["start_action"] == "prostarted"

    def test_does_not_hold_its_machines_session_open(self):
        first, second = play([event("00:10"), event("01:10")], [event("02:20")])
        assert sessions(first.closed) == []
        assert sessions(second.closed) == [("00:10", "00:10", "timeout")]

    def test_is_not_late_when_it_settles(self):
        *_, run = play([event("00:10"), event("02:20")], [event("01:30")], [])
        assert late(run) == []
        assert times(run.settled) == ["02:20"]
