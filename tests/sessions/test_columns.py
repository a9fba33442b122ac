"""Declared session columns are part of the law (contract §3, *Columns of a session*).

Columns of every kind are carried through runs, as a lake keeps them in between, and held against
Python's own functions over the events of each whole session.
"""

from __future__ import annotations

import functools
import operator
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from sessionize.lake.migrations import FORMAT, as_declared
from sessionize.model.columns import (
    EVENT_COLUMNS,
    SESSION_COLUMNS,
    Aggregate,
    EventColumn,
    SessionColumn,
)
from sessionize.model.schemas import Schemas
from sessionize.sessions.hour import SessionizedHour, sessionize
from sessionize.sessions.state import State

from .examples import MIDNIGHT, event
from .reference import Event, Played, Session
from .rows import Row, event_row, events_frame, kept, rows_of
from .strategies import Scenario, cuts, scenarios
from .test_law import law, played

OWN_EVENT_COLUMNS = (
    EventColumn("label", "texts"),
    EventColumn("kind", "few texts", few_values=True),
    EventColumn("amount", "whole numbers", "int64"),
    EventColumn("weight", "numbers", "double"),
    EventColumn("is_new", "yes or no", "bool"),
    EventColumn("seen_at", "times", "timestamp"),
)
DAY = datetime(2017, 2, 4, tzinfo=UTC)
VALUES: dict[str, Sequence[Any]] = {
    "label": (None, None, "", "a", "B", "é", "a" * 40),
    "kind": (None, "x", "y", "é"),
    "amount": (None, None, 0, 1, -1, 7, 2**53 + 1, -(2**53) - 1, 2**55),
    "weight": (None, None, 0.0, -0.0, 0.1, 0.2, 0.3, -0.1, 1e16, -1e16, 1e308, -1e308, 5e-324),
    "is_new": (None, True, False),
    "seen_at": (None, DAY, DAY + timedelta(microseconds=1), DAY - timedelta(days=20_000)),
}
#: The columns that are aggregated: those of one's own, and built-in ones of other kinds.
TYPES = {column.name: column.type for column in OWN_EVENT_COLUMNS} | {
    "date_id": "int32",
    "event_time": "timestamp",
    "user_id": "string",
    "build_id": "string",
}

Values = Callable[[Event], Row]


@st.composite
def values(draw: st.DrawFn) -> Values:
    """Draw what events have in the columns of one's own: a copy has other values."""
    rows = draw(
        st.lists(
            st.fixed_dictionaries({name: st.sampled_from(each) for name, each in VALUES.items()}),
            min_size=1,
            max_size=30,
        )
    )
    return lambda event: rows[event.position % len(rows)]


@st.composite
def columns_of_ones_own(draw: st.DrawFn) -> tuple[SessionColumn, ...]:
    aggregates = get_args(Aggregate)
    # Always one whose last bit tells in which order, and in which parts, it was added up.
    columns = [SessionColumn("own_sum", "", "double", "sum", of="weight")]
    for number in range(draw(st.integers(1, 5))):
        aggregate = draw(st.sampled_from(aggregates))
        numbers = ("amount", "weight", "date_id")
        of = draw(st.sampled_from(numbers if aggregate == "sum" else sorted(TYPES)))
        kind = TYPES[of]
        if aggregate == "count":
            of, kind = draw(st.sampled_from((None, of))), "int64"
        elif aggregate == "sum" and kind == "int32":
            kind = "int64"
        limits = st.none() | st.integers(1, 3)
        where = draw(st.sampled_from((None, None, "edit", "^pro", r"\bnever\b")))
        columns.append(
            SessionColumn(
                name=f"own_{number}",
                about="",
                type=kind,
                aggregate=aggregate,
                of=of,
                where=where,
                limit=draw(limits) if aggregate in ("distinct", "list") else None,
                skip_nulls=where is not None or draw(st.booleans()),
            )
        )
    return tuple(columns)


def schemas_of(*own: SessionColumn) -> Schemas:
    return Schemas((*EVENT_COLUMNS, *OWN_EVENT_COLUMNS), (*SESSION_COLUMNS, *own))


def plainly(column: SessionColumn, session: Session, values: Values) -> Any:
    """Return a column of a whole session, by Python's own functions."""
    rows = [
        event_row(event) | values(event)
        for event in session.events
        if column.where is None or re.search(column.where, event.action)
    ]
    if column.of is None:
        return len(rows)
    found = [row[column.of] for row in rows]
    if column.skip_nulls or column.aggregate not in ("first", "last"):
        found = [value for value in found if value is not None]
    match column.aggregate:
        case "count":
            return len(found)
        case "distinct":
            return len(list(dict.fromkeys(found))[: column.limit])
        case "list":
            return found[: column.limit]
    if not found:
        return None
    return {
        "first": lambda: found[0],
        "last": lambda: found[-1],
        "sum": lambda: functools.reduce(operator.add, found),
        "min": lambda: min(found),
        "max": lambda: max(found),
    }[column.aggregate]()


def to_the_bit(value: Any) -> Any:
    """Return a value that is equal to another where they are the same, -0.0 and 0.0 told apart."""
    if isinstance(value, list):
        return [to_the_bit(item) for item in value]
    return value.hex() if isinstance(value, float) else value


def declared(schemas: Schemas) -> tuple[SessionColumn, ...]:
    return schemas.session_columns[len(SESSION_COLUMNS) :]


Found = dict[tuple[str, str | None], Row]


def found(run: SessionizedHour, schemas: Schemas) -> Found:
    """Return the declared columns of a run's sessions, by id and by why they ended."""
    return {
        (row["session_id"], row["end_reason"]): {
            column.name: to_the_bit(row[column.name]) for column in declared(schemas)
        }
        for frame in (run.closed, run.open)
        for row in rows_of(frame, schemas.sessions)
    }


def expected(
    run: Played, schemas: Schemas, values: Values, incomplete: Mapping[str, set[str]]
) -> Found:
    """Return them by the reference; sessions that miss events in a column have null there."""
    return {
        (session.session_id, session.end_reason): {
            column.name: None
            if column.name in incomplete.get(session.session_id, ())
            else to_the_bit(plainly(column, session, values))
            for column in declared(schemas)
        }
        for session in (*run.closed, *run.state.open_sessions.values())
    }


anything_landed = scenarios() | cuts().map(lambda cuts: cuts.scenarios[0])


@law(1 / 4)
@given(anything_landed, columns_of_ones_own(), values())
def test_columns_are_exact_over_any_number_of_runs(
    scenario: Scenario, own: tuple[SessionColumn, ...], values: Values
):
    schemas = schemas_of(*own)
    state = State.empty(schemas)
    for hour, events, run in zip(scenario.hours, scenario.runs, played(scenario), strict=True):
        frame = events_frame(events, schemas, values)
        result = sessionize(state, frame, hour, scenario.rules, schemas.session_columns)
        assert found(result, schemas) == expected(run, schemas, values, {})
        state = State.of_tables(kept(result.state, schemas))


@law(1 / 4)
@given(anything_landed, columns_of_ones_own(), values(), st.data())
def test_columns_come_and_go_while_sessions_are_open(
    scenario: Scenario, own: tuple[SessionColumn, ...], values: Values, data: st.DataObject
):
    """Sessions that miss events in a column have null there; all later ones are exact."""
    some = st.sets(st.sampled_from([column.name for column in own]))
    tables, before = {}, set()
    incomplete: defaultdict[str, set[str]] = defaultdict(set)
    open_sessions: set[str] = set()
    for hour, events, run in zip(scenario.hours, scenario.runs, played(scenario), strict=True):
        names = data.draw(some) if data.draw(st.integers(0, 2)) == 0 else before
        schemas = schemas_of(*(column for column in own if column.name in names))
        for session_id in open_sessions:
            incomplete[session_id] |= names - before
        state = State.of_tables(
            {
                name: as_declared(name, tables.get(name, schema.empty_table()), schema, FORMAT)
                for name, schema in schemas.state.items()
            }
        )
        frame = events_frame(events, schemas, values)
        result = sessionize(state, frame, hour, scenario.rules, schemas.session_columns)
        assert found(result, schemas) == expected(run, schemas, values, incomplete)
        tables, before = kept(result.state, schemas), names
        open_sessions = {session.session_id for session in run.state.open_sessions.values()}


def test_a_column_that_is_new_is_null_for_the_sessions_that_were_open_and_no_others():
    own_count = SessionColumn("own_count", "", "int64", "count", where="edit")
    old, new = Schemas(), Schemas(session_columns=(*SESSION_COLUMNS, own_count))
    first = [event("00:50"), event("00:55", machine_id="cc")]
    run = sessionize(State.empty(old), events_frame(first), MIDNIGHT, columns=old.session_columns)
    state = State.of_tables(
        {
            name: as_declared(name, table, new.state[name], FORMAT)
            for name, table in kept(run.state, old).items()
        }
    )
    second = [event("01:10"), event("01:20", "prostarted"), event("01:25", machine_id="dd")]
    run = sessionize(state, events_frame(second), MIDNIGHT.next, columns=new.session_columns)
    assert {(row["machine_id"], row["own_count"]) for row in rows_of(run.closed, new.sessions)} == {
        ("aa", None)
    }
    assert {(row["machine_id"], row["own_count"]) for row in rows_of(run.open, new.sessions)} == {
        ("aa", 0),
        ("cc", None),
        ("dd", 1),
    }
    assert run.open["event_count"].to_list() == [1, 1, 1]


def test_a_pattern_means_the_same_as_in_the_settings_where_letters_are_ascii():
    own = SessionColumn("words", "", "int64", "count", where=r"^pro\w+$")
    schemas = Schemas(session_columns=(*SESSION_COLUMNS, own))
    landed = events_frame([event("00:10", "proedit"), event("00:11", "proédit")])
    run = sessionize(State.empty(schemas), landed, MIDNIGHT, columns=schemas.session_columns)
    assert run.open["words"].to_list() == [1]


def test_rows_stand_in_the_order_of_the_declared_columns():
    own = SessionColumn("own_count", "", "int64", "count", where="edit")
    schemas = Schemas(session_columns=(own, *SESSION_COLUMNS))
    landed = events_frame([event("00:10")])
    run = sessionize(State.empty(schemas), landed, MIDNIGHT, columns=schemas.session_columns)
    assert list(run.open.columns) == schemas.sessions.names
    assert list(run.closed.columns) == schemas.sessions.names
