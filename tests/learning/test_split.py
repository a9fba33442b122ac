"""The split by time: the train part is what one pass over the events before the cut gives.

Held against the plain reference of the sessions' tests, whatever happens from the cut on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionize import split_by_time
from sessionize.config import SessionRules
from sessionize.learning.split import Part, TimeSplit
from sessionize.model.columns import EVENT_COLUMNS, SESSION_COLUMNS, SessionColumn
from sessionize.model.frames import to_table
from sessionize.model.hours import Hour
from sessionize.model.schemas import Schemas
from sessionize.sessions.hour import SessionizedHour, sessionize
from sessionize.sessions.state import State
from tests.sessions.examples import at, event, landed, rules
from tests.sessions.reference import MICROSECOND, Event, Session, one_pass
from tests.sessions.rows import Row, events_frame, in_any_order, rows_of
from tests.sessions.strategies import (
    ACTIONS,
    FIRST_HOUR,
    MACHINES,
    dated,
    hour_at,
    many_drafts,
    session_rules,
)
from tests.sessions.test_law import law

COLUMNS = (
    *SESSION_COLUMNS,
    SessionColumn("actions", "", "string", "list", "action"),
    SessionColumn("times", "", "timestamp", "list", "event_time", limit=2),
    SessionColumn("edits", "", "int64", "count", where="edit"),
    SessionColumn("builds", "", "string", "distinct", "build_id"),
    SessionColumn("last_day", "", "int32", "max", "date_id", where="view"),
)
SCHEMAS = Schemas(EVENT_COLUMNS, COLUMNS)
ROWS = SCHEMAS.sessions.append(pa.field("censored", pa.bool_()))
EVENTS = SCHEMAS.datasets["sessionized_events"]
NOON = at("12:00")


@dataclass(frozen=True)
class Case:
    """Two courses of events that are the same before the cut."""

    rules: SessionRules
    cut: datetime
    one: list[Event]
    other: list[Event]
    hours: tuple[Hour, Hour]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    drawn = msgspec.structs.replace(
        draw(session_rules), max_out_of_orderness=rules().max_clock_skew
    )
    events = dated(draw(many_drafts(drawn)))
    times = [each.event_time for each in events] or [FIRST_HOUR.start]
    beside = st.sampled_from([timedelta(), drawn.timeout, drawn.timeout / 2, timedelta(hours=1)])
    nudge = st.sampled_from([timedelta(), MICROSECOND, -MICROSECOND])
    cut = draw(st.sampled_from(times)) + draw(beside) + draw(nudge)
    before = [each for each in events if each.event_time < cut]
    after = [each for each in events if each.event_time >= cut]
    later = st.builds(
        event,
        st.sampled_from([0, 0, 60, 600, 1800, 7200]).map(lambda s: cut + timedelta(seconds=s)),
        st.sampled_from(ACTIONS),
        machine_id=st.sampled_from([*MACHINES, "another"]),
        event_id=st.sampled_from(["new", "newer"]),
    )
    changed = [replace(each, action=draw(st.sampled_from(ACTIONS))) for each in after]
    other = [each for each in changed if draw(st.booleans())]
    other += draw(st.lists(later, max_size=5))
    end = st.integers(10, 16).map(hour_at)
    return Case(drawn, cut, landed(events), landed([*before, *other]), (draw(end), draw(end)))


def run_of(events: Iterable[Event], hour: Hour, given: SessionRules) -> SessionizedHour:
    """Return everything that a lake has of the events, all landed in one run."""
    frame = events_frame(events, SCHEMAS)
    return sessionize(State.empty(SCHEMAS), frame, hour, given, COLUMNS)


def split_of(run: SessionizedHour, cut: datetime, given: SessionRules, **more: Any) -> TimeSplit:
    more = {"open_sessions": run.open, "rules": given, "columns": COLUMNS} | more
    return split_by_time(run.closed, run.settled, cut, **more)


def expected_row(session: Session) -> Row:
    actions = [each.action for each in session.events]
    days = [int(f"{e.event_time:%Y%m%d}") for e in session.events if "view" in e.action]
    return session.row() | {
        "actions": actions,
        "times": [each.event_time for each in session.events][:2],
        "edits": sum("edit" in action for action in actions),
        "builds": len({each.build_id for each in session.events} - {None}),
        "last_day": max(days, default=None),
    }


def known_at(cut: datetime, events: Sequence[Event], given: SessionRules) -> list[Row]:
    """Say plainly what is known at the cut: one pass over what was before it."""
    rows = []
    for session in one_pass([each for each in events if each.event_time < cut], given):
        if session.end_reason is None and cut - session.last.event_time > given.timeout:
            session = session.closed("timeout")
        rows.append(expected_row(session) | {"censored": session.end_reason is None})
    return rows


def session_rows(part: Part) -> list[Row]:
    return in_any_order(rows_of(part.sessions, ROWS))


def event_rows(part: Part) -> list[Row]:
    return to_table(part.events, EVENTS).to_pylist()


class TestWhateverComes:
    @law(1)
    @given(cases())
    def test_train_is_what_one_pass_over_the_events_before_the_cut_gives(self, case: Case):
        known = known_at(case.cut, case.one, case.rules)
        run = run_of(case.one, case.hours[0], case.rules)
        trimmed = split_of(run, case.cut, case.rules, over_cut="trim")
        assert session_rows(trimmed.train) == in_any_order(known)
        left_out = split_of(run, case.cut, case.rules)
        assert session_rows(left_out.train) == in_any_order(
            row for row in known if not row["censored"]
        )

    @law(1)
    @given(cases(), st.sampled_from(["leave_out", "trim"]), st.sampled_from([0.0, 0.4]))
    def test_what_happens_from_the_cut_on_changes_nothing_in_train(
        self, case: Case, over_cut: str, held_out: float
    ):
        parts = []
        for events, hour in zip((case.one, case.other), case.hours, strict=True):
            run = run_of(events, hour, case.rules)
            split = split_of(run, case.cut, case.rules, over_cut=over_cut, held_out=held_out)
            parts.append((session_rows(split.train), in_any_order(without_place(split.train))))
        assert parts[0] == parts[1]

    @law(0.5)
    @given(cases(), st.sampled_from(["leave_out", "trim"]))
    def test_without_the_later_rows_of_the_same_frames_train_is_the_same(
        self, case: Case, over_cut: str
    ):
        run = run_of(case.one, case.hours[0], case.rules)
        split = split_of(run, case.cut, case.rules, over_cut=over_cut)
        earlier = replace(run, settled=run.settled[run.settled["event_time"] < case.cut])
        again = split_of(earlier, case.cut, case.rules, over_cut=over_cut)
        assert session_rows(again.train) == session_rows(split.train)
        assert event_rows(again.train) == event_rows(split.train)

    @law(1)
    @given(cases(), st.sampled_from(["leave_out", "trim"]), st.sampled_from([0.0, 0.4]))
    def test_every_event_is_in_one_part(self, case: Case, over_cut: str, held_out: float):
        run = run_of(case.one, case.hours[0], case.rules)
        split = split_of(run, case.cut, case.rules, over_cut=over_cut, held_out=held_out)
        parts = [event_rows(part) for part in (split.train, split.test, split.left_out)]
        assert in_any_order(row for part in parts for row in part) == in_any_order(
            to_table(run.settled, EVENTS).to_pylist()
        )
        train, test, _ = parts
        assert all(row["event_time"] < case.cut for row in train)
        assert all(row["event_time"] >= case.cut for row in test)
        for rows, part in zip((train, test), (split.train, split.test), strict=True):
            ids = [row["session_id"] for row in rows]
            counted = {row["session_id"]: row["event_count"] for row in session_rows(part)}
            assert {name: ids.count(name) for name in ids} == counted

    @law(0.5)
    @given(cases())
    def test_test_has_the_sessions_that_begin_at_the_cut_or_after_it(self, case: Case):
        run = run_of(case.one, case.hours[0], case.rules)
        split = split_of(run, case.cut, case.rules)
        published = rows_of(pd.concat([run.closed, run.open]), SCHEMAS.sessions)
        assert session_rows(split.test) == in_any_order(
            row | {"censored": row["end_reason"] is None}
            for row in published
            if row["started_at"] >= case.cut
        )

    @law(0.5)
    @given(cases(), st.sampled_from(["leave_out", "trim"]), st.sampled_from([0.2, 0.5, 0.9]))
    def test_a_machine_is_on_one_side_where_a_share_is_held_out(
        self, case: Case, over_cut: str, held_out: float
    ):
        run = run_of(case.one, case.hours[0], case.rules)
        split = split_of(run, case.cut, case.rules, over_cut=over_cut, held_out=held_out)
        both = split_of(run, case.cut, case.rules, over_cut=over_cut)
        of = [{row["machine_id"] for row in session_rows(p)} for p in (split.train, split.test)]
        assert not of[0] & of[1]
        for part, whole in ((split.train, both.train), (split.test, both.test)):
            rows = session_rows(part)
            machines = {row["machine_id"] for row in rows}
            assert rows == [row for row in session_rows(whole) if row["machine_id"] in machines]


def without_place(part: Part) -> list[Row]:
    """Return the events without where they landed, which is by the order of all of them."""
    return [row | {"position": None} for row in event_rows(part)]


def day(*events: Event, given: SessionRules | None = None, hour: str = "23") -> SessionizedHour:
    return run_of(landed(events), Hour.parse(f"2017-02-04T{hour}"), given or rules())


def trained(
    run: SessionizedHour, given: SessionRules | None = None, cut: datetime = NOON, **more: Any
) -> list[tuple[str, int, str | None, bool]]:
    """Split at noon; return start, events, end reason and whether censored of the train part."""
    split = split_of(run, cut, given or rules(), **more)
    names = ("event_count", "end_reason", "censored")
    return [
        (f"{row['started_at']:%H:%M}", *(row[name] for name in names))
        for row in session_rows(split.train)
    ]


class TestExamples:
    def test_a_session_that_might_have_gone_on_is_not_known_to_be_over(self):
        """It ends a minute before the cut; that nothing came is known only half an hour later."""
        run = day(event("11:00"), event("11:29"), event("11:59"), event("12:40"))
        assert run.closed["end_reason"].tolist() == ["timeout", "timeout"]
        assert trained(run) == []
        assert trained(run, over_cut="trim") == [("11:00", 3, None, True)]

    def test_exactly_the_timeout_before_the_cut_is_still_open(self):
        assert trained(day(event("11:30"))) == []
        assert trained(day(event("11:29:59.999999"))) == [("11:29", 1, "timeout", False)]

    def test_a_session_that_no_run_has_closed_yet_but_was_silent_is_over(self):
        run = day(event("11:20"), hour="11")
        assert run.open["event_count"].tolist() == [1]
        assert trained(run) == [("11:20", 1, "timeout", False)]

    def test_another_session_of_the_machine_ends_it(self):
        run = day(event("11:50"), event("11:55", "prostarted"))
        assert trained(run, over_cut="trim") == [
            ("11:50", 1, "opening_event", False),
            ("11:55", 1, None, True),
        ]

    def test_a_closing_event_ends_it(self):
        given = rules(closing="exit")
        run = day(event("11:50"), event("11:55", "proexit"), given=given)
        assert trained(run, given) == [("11:50", 2, "closing_event", False)]

    def test_a_trimmed_session_says_nothing_of_what_comes_after(self):
        run = day(event("11:40"), event("11:50", "proview"), event("12:10", "prosign"))
        split = split_of(run, NOON, rules(), over_cut="trim")
        [row] = session_rows(split.train)
        assert (row["ended_at"], row["end_action"], row["end_reason"]) == (
            at("11:50"),
            "proview",
            None,
        )
        assert (row["duration_s"], row["event_count"], row["censored"]) == (600.0, 2, True)
        assert row["actions"] == ["proedit", "proview"]
        assert split.left_out.events["action"].tolist() == ["prosign"]
        assert not len(split.left_out.sessions)

    def test_a_session_that_began_before_the_first_run_that_was_read_is_left_out(self):
        run = day(event("09:00"), event("09:20"), event("11:00"))
        read = replace(run, settled=run.settled.iloc[1:])
        assert trained(read) == [("11:00", 1, "timeout", False)]
        split = split_of(read, NOON, rules())
        assert split.left_out.sessions["event_count"].tolist() == [2]
        assert len(split.left_out.events) == 1

    def test_the_partitions_of_a_lake_go_as_pandas_reads_them(self, tmp_path: Path):
        run = day(event("10:00"), event("11:40"), event("12:05"), event("13:00", machine_id="cc"))
        for name, frame in (("sessions", run.closed), ("open_sessions", run.open)):
            folder = tmp_path / name / "dt=2017-02-04/hour=23"
            folder.mkdir(parents=True)
            to_table(frame, SCHEMAS.sessions).to_pandas().to_parquet(folder / "part-0.parquet")
        read = replace(
            run,
            closed=pd.read_parquet(tmp_path / "sessions"),
            open=pd.read_parquet(tmp_path / "open_sessions"),
        )
        assert {"dt", "hour"} < {*read.closed.columns}
        one, other = (split_of(r, NOON, rules(), over_cut="trim") for r in (run, read))
        assert session_rows(one.train) == session_rows(other.train)
        assert session_rows(one.test) == session_rows(other.test)
        assert other.train.sessions["event_count"].dtype == read.closed["event_count"].dtype

    def test_some_columns_are_enough(self):
        run = day(event("10:00"), event("11:40"), event("12:05"))
        names = ["session_id", "machine_id", "started_at", "end_reason"]
        of_events = ["session_id", "machine_id", "event_time", "action"]
        read = replace(
            run, closed=run.closed[names], open=run.open[names], settled=run.settled[of_events]
        )
        split = split_of(read, NOON, rules(), over_cut="trim")
        assert split.train.sessions.columns.tolist() == [*names, "censored"]
        assert split.train.sessions["censored"].tolist() == [False, True]

    def test_of_nothing_comes_nothing(self):
        split = split_of(day(), NOON, rules(), over_cut="trim")
        for part in (split.train, split.test, split.left_out):
            assert (len(part.sessions), len(part.events)) == (0, 0)


class TestRefused:
    def refused(self, message: str, run: SessionizedHour | None = None, **more: Any) -> None:
        run = run or day(event("11:40"), event("12:05"))
        with pytest.raises(ValueError, match=message):
            split_of(run, more.pop("cut", NOON), rules(), **more)

    def test_a_cut_without_a_time_zone(self):
        self.refused("no time zone: give one", cut=datetime(2017, 2, 4))

    def test_another_word(self):
        self.refused('"leave_out" or "trim"', over_cut="keep")

    def test_no_share(self):
        self.refused("from 0 to less than 1", held_out=1.0)

    def test_events_of_sessions_that_are_not_there(self):
        run = day(event("11:40"), hour="12")
        self.refused("and open_sessions of the last", run, open_sessions=None)

    def test_open_sessions_of_several_runs(self):
        run = day(event("11:40"), hour="12")
        twice = pd.concat([run.open, run.open])
        self.refused("open_sessions of the last run only", run, open_sessions=twice)

    def test_columns_that_nobody_declared(self):
        run = day(event("11:40"))
        run = replace(run, closed=run.closed.assign(score=1.0))
        self.refused("score. Give the pipeline's columns=", run)

    def test_columns_that_are_lacking(self):
        run = day(event("11:40"), event("12:05"))
        self.refused(
            "sessions lacks started_at",
            replace(run, closed=run.closed[["session_id", "machine_id", "end_reason"]]),
        )
        less = run.settled.drop(columns="build_id")
        self.refused("events lacks build_id", replace(run, settled=less), over_cut="trim")

    def test_an_event_that_was_filtered_away(self):
        run = day(event("10:00"), event("10:05"))
        self.refused("has 1 events and an event_count of 2", replace(run, settled=run.settled[:1]))
