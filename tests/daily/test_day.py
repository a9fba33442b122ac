"""The core of a day, against a plain loop."""

from __future__ import annotations

import itertools
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionize.daily.day import make_day
from sessionize.daily.summary import Tally
from sessionize.model.columns import (
    PLAIN_EVENT_COLUMNS,
    PLAIN_INPUT_FIELDS,
    PLAIN_SESSION_COLUMNS,
)
from sessionize.model.frames import only, to_frame, to_table
from sessionize.model.schemas import DESKTOP, Schemas

from . import reference
from .strategies import MACHINES, START, closed_sessions, session

Row = dict[str, Any]
SCHEMAS = DESKTOP.daily_datasets
NO_MACHINES = to_frame(SCHEMAS["machines"].empty_table())


def frame(rows: list[Row]) -> pd.DataFrame:
    return to_frame(pa.Table.from_pylist(rows, DESKTOP.sessions))


def rows_of(name: str, rows: pd.DataFrame) -> list[Row]:
    return to_table(rows, SCHEMAS[name]).to_pylist()


@given(closed_sessions(), st.lists(st.integers(0, 20), max_size=4))
def test_any_division_into_days_numbers_as_one_pass_does(rows: list[Row], cuts: list[int]):
    at_once = make_day(NO_MACHINES, frame(rows))
    machines, by_day = NO_MACHINES, []
    bounds = [0, *sorted(cuts), len(rows)]
    for begin, end in itertools.pairwise(bounds):
        day = make_day(machines, frame(rows[begin:end]))
        machines = day.machines
        by_day += rows_of("daily_sessions", day.sessions)

    expected, expected_machines = reference.make_day([], rows)
    assert rows_of("daily_sessions", at_once.sessions) == expected
    assert sorted(by_day, key=lambda row: row["session_id"]) == sorted(
        expected, key=lambda row: row["session_id"]
    )
    assert rows_of("machines", machines) == expected_machines
    assert rows_of("machines", at_once.machines) == expected_machines


@given(closed_sessions(), closed_sessions(), st.sets(st.sampled_from(MACHINES)))
def test_the_summary_is_what_sql_makes_of_the_sessions(
    earlier: list[Row], rows: list[Row], part: set[str]
):
    before = make_day(NO_MACHINES, frame(earlier)).machines
    day = make_day(before, frame(rows))

    connection = duckdb.connect()
    connection.register("sessions", to_table(day.sessions, SCHEMAS["daily_sessions"]))
    by_sql = connection.sql(
        """
        select if(grouping(product, v) = 0, 'version', 'total') as scope, product, v,
            count(*), count(distinct machine_id),
            count(distinct machine_id) filter (is_new),
            count(distinct machine_id) filter (not is_new),
            coalesce(sum(event_count), 0), median(duration_s), quantile_cont(duration_s, 0.95),
            avg(event_count)
        from (
            select *, min(session_number) over (partition by machine_id) = 1 as is_new,
                regexp_extract(build_id, '^[0-9]+\\.[0-9]+') as v
            from sessions)
        group by grouping sets ((), (product, v))
        order by scope, product nulls last, v nulls last
        """
    ).fetchall()
    summary = rows_of("daily_summary", day.summary)
    # The two interpolate alike, but not to the last bit.
    assert [tuple(row.values()) for row in summary] == [
        tuple(pytest.approx(cell) if isinstance(cell, float) else cell for cell in row)
        for row in by_sql
    ]

    # Counted in two parts of the machines, it is the same.
    tally = Tally(by_version=True)
    for is_in_part in (True, False):
        ids = day.sessions["machine_id"]
        rows_in = np.array([(machine in part) is is_in_part for machine in ids], np.bool_)
        tally.add(only(day.sessions, rows_in))
    assert rows_of("daily_summary", tally.summary()) == summary


def test_without_a_profile_the_summary_is_the_total():
    plain = Schemas(PLAIN_EVENT_COLUMNS, PLAIN_SESSION_COLUMNS, PLAIN_INPUT_FIELDS)
    sessions = frame([session("s1", "a", START, START)])[plain.sessions.names]
    day = make_day(NO_MACHINES, sessions, by_version=plain.has_version)
    assert to_table(day.sessions, plain.daily_datasets["daily_sessions"]).num_rows == 1
    summary = plain.daily_datasets["daily_summary"]
    assert day.summary.columns.tolist() == summary.names
    assert "product" not in summary.names
    assert to_table(day.summary, summary).column("scope").to_pylist() == ["total"]


def test_a_day_without_sessions_carries_its_machines_on_and_has_a_total():
    before = make_day(NO_MACHINES, frame([session("s1", "a", START, START)])).machines
    day = make_day(before, frame([]))
    assert rows_of("daily_sessions", day.sessions) == []
    assert rows_of("machines", day.machines) == rows_of("machines", before)
    (total,) = rows_of("daily_summary", day.summary)
    assert (total["scope"], total["sessions"], total["median_duration_s"]) == ("total", 0, None)
