"""Days of a lake: what they are made of, and what they leave."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from sessionize.daily.onwards import run_onwards
from sessionize.daily.run import run_day
from sessionize.daily.status import DayState, day_statuses, outdated_after
from sessionize.daily.verify import day_faults
from sessionize.lake.storage import LocalStorage
from sessionize.model.days import day_partition
from sessionize.model.errors import DayNotReadyError, ForeignFileError, IntervalError
from sessionize.model.hours import Hour
from sessionize.pipeline.runner import run_hour
from tests.pipeline import scenario

from . import reference
from .conftest import END, FIRST, HOURS, SECOND, THIRD, land, open_pipeline

Row = dict[str, Any]
DAYS = [FIRST, SECOND, THIRD]


def rows(folder: Path, dataset: str, day: date) -> list[Row]:
    path = folder / "lake" / dataset / day_partition(day) / "part-0.parquet"
    return pq.ParquetFile(path).read().to_pylist()


def closed(folder: Path, *days: date) -> list[Row]:
    """The sessions that the hours of some days have closed, in order."""
    paths = [
        folder / "lake" / "sessions" / hour.partition / "part-0.parquet"
        for hour in HOURS
        if hour.start.date() in days
    ]
    return [row for path in paths for row in pq.ParquetFile(path).read().to_pylist()]


def lake_of(folder: Path) -> dict[str, bytes]:
    return scenario.content(LocalStorage(folder / "lake"))


def states(folder: Path) -> list[DayState]:
    pipeline = open_pipeline(folder)
    return [status.state for status in day_statuses(pipeline.lake, pipeline.config)]


def rerun_with_more(folder: Path, hour: str) -> None:
    """Land one more object in an hour, and run it and all later ones again."""
    land(folder, Hour.parse(hour), "more", "a8", "a9")
    for again in [done for done in HOURS if str(done) >= hour]:
        run_hour(open_pipeline(folder), again)


def test_days_hold_what_one_pass_over_all_their_sessions_gives(folder: Path):
    pipeline = open_pipeline(folder)
    for day in DAYS:
        assert run_day(pipeline, day).changed

    numbered = [row for day in DAYS for row in rows(folder, "daily_sessions", day)]
    expected, machines = reference.make_day([], closed(folder, *DAYS))
    assert sorted(numbered, key=lambda row: row["session_id"]) == sorted(
        expected, key=lambda row: row["session_id"]
    )
    assert max(row["session_number"] for row in numbered) > 2
    assert rows(folder, "machines", THIRD) == machines
    totals = [rows(folder, "daily_summary", day)[0] for day in DAYS]
    assert [total["sessions"] for total in totals] == [len(closed(folder, day)) for day in DAYS]
    assert sum(total["new_machines"] for total in totals) == len(machines)
    assert any(total["returning_machines"] for total in totals)
    assert states(folder) == [DayState.DONE] * 3


def test_the_number_of_parts_does_not_show(folder: Path, tmp_path: Path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    for day in DAYS:
        run_day(open_pipeline(folder), day)
        run_day(open_pipeline(copy), day, part_rows=1)
    assert lake_of(copy) == lake_of(folder)


def test_a_day_that_is_run_again_changes_nothing(folder: Path):
    for day in DAYS:
        run_day(open_pipeline(folder), day)
    before = lake_of(folder)
    for day in DAYS:
        published = run_day(open_pipeline(folder), day)
        assert (published.changed, published.outdated) == (False, False)
    assert lake_of(folder) == before


def test_days_whose_hours_are_published_anew_are_outdated_until_run_again(
    folder: Path, tmp_path: Path
):
    for day in DAYS:
        run_day(open_pipeline(folder), day)
    rerun_with_more(folder, "2017-02-05T12")
    assert states(folder) == [DayState.DONE, DayState.OUTDATED, DayState.OUTDATED]
    with pytest.raises(DayNotReadyError, match=f"{SECOND}, which is outdated"):
        run_day(open_pipeline(folder), THIRD)

    published = run_day(open_pipeline(folder), SECOND)
    assert (published.changed, published.outdated) == (True, True)
    assert outdated_after(open_pipeline(folder).lake, SECOND) == (THIRD, date(2017, 2, 7))
    assert states(folder) == [DayState.DONE, DayState.DONE, DayState.OUTDATED]
    run_day(open_pipeline(folder), THIRD)
    assert states(folder) == [DayState.DONE] * 3

    # As if the days had been made now for the first time.
    anew = shutil.copytree(folder, tmp_path / "anew")
    for name in ("_days", "daily_sessions", "machines", "daily_summary"):
        shutil.rmtree(anew / "lake" / name)
    for day in DAYS:
        run_day(open_pipeline(anew), day)
    assert lake_of(anew) == lake_of(folder)


def test_onwards_makes_the_missing_and_outdated_days_before_and_after(folder: Path):
    def made(day: date) -> list[tuple[date, bool]]:
        done = run_onwards(open_pipeline(folder), day)
        return [(published.ledger.day, published.changed) for published in done]

    assert made(SECOND) == [(FIRST, True), (SECOND, True), (THIRD, True)]
    assert made(SECOND) == [(SECOND, False)]
    rerun_with_more(folder, "2017-02-05T20")
    assert made(SECOND) == [(SECOND, True), (THIRD, True)]
    rerun_with_more(folder, "2017-02-05T12")
    assert made(THIRD) == [(SECOND, True), (THIRD, True)]
    assert states(folder) == [DayState.DONE] * 3


def test_a_day_waits_for_its_hours(folder: Path):
    (folder / "lake" / "_runs" / f"{HOURS[-1].partition}.json").unlink()
    assert states(folder) == [DayState.MISSING, DayState.MISSING, DayState.WAITING]
    pipeline = open_pipeline(folder)
    [*_, waiting] = day_statuses(pipeline.lake, pipeline.config)
    assert (waiting.hours_done, waiting.hours) == (1, 2)
    done = [published.ledger.day for published in run_onwards(pipeline, FIRST)]
    assert done == [FIRST, SECOND]
    with pytest.raises(DayNotReadyError, match=f"Run the hours {HOURS[-1]} to {HOURS[-1]} first"):
        run_day(pipeline, THIRD)


def test_a_day_is_not_made_of_outdated_hours(folder: Path):
    hour = Hour.parse("2017-02-05T12")
    land(folder, hour, "more", "a8")
    run_hour(open_pipeline(folder), hour)
    run_day(open_pipeline(folder), FIRST)
    with pytest.raises(DayNotReadyError, match=f"hours {hour.next} to 2017-02-05T23 again"):
        run_day(open_pipeline(folder), SECOND)


def test_a_day_needs_the_one_before(folder: Path):
    with pytest.raises(DayNotReadyError, match=f"--from {FIRST} --to {THIRD}"):
        run_day(open_pipeline(folder), THIRD)


@pytest.mark.parametrize("day", [date(2017, 2, 3), date(2017, 2, 7)])
def test_a_day_that_is_not_the_pipelines_is_refused(folder: Path, day: date):
    with pytest.raises(IntervalError, match=f"{day} is no day of 'test'"):
        run_day(open_pipeline(folder), day)


@pytest.mark.parametrize("dataset", ["daily_sessions", "machines", "daily_summary"])
def test_a_damaged_file_is_found_and_written_anew(folder: Path, dataset: str):
    for day in DAYS:
        run_day(open_pipeline(folder), day)
    right = lake_of(folder)
    path = folder / "lake" / dataset / day_partition(SECOND) / "part-0.parquet"
    path.write_bytes(bytes(path.stat().st_size))
    pipeline = open_pipeline(folder)
    [fault] = day_faults(pipeline.lake, pipeline.config)
    assert fault.day == SECOND
    assert fault.what.endswith("part-0.parquet is gone or damaged")
    if dataset == "machines":
        (folder / "lake" / "_days" / f"{day_partition(THIRD)}.json").unlink()
        with pytest.raises(DayNotReadyError, match=f"Run the day {SECOND} again, then {THIRD}"):
            run_day(pipeline, THIRD)
    run_day(pipeline, SECOND)
    run_day(pipeline, THIRD)
    assert lake_of(folder) == right
    assert list(day_faults(pipeline.lake, pipeline.config)) == []


def test_damaged_sessions_of_an_hour_are_not_built_upon(folder: Path):
    path = folder / "lake" / "sessions" / HOURS[1].partition / "part-0.parquet"
    right = path.read_bytes()
    path.write_bytes(b"")
    with pytest.raises(DayNotReadyError, match=f"Run the hour {HOURS[1]} again, then the day"):
        run_day(open_pipeline(folder), FIRST)
    run_hour(open_pipeline(folder), HOURS[1])
    assert path.read_bytes() == right
    run_day(open_pipeline(folder), FIRST)


def test_a_foreign_file_in_a_partition_is_refused(folder: Path):
    foreign = folder / "lake" / "machines" / day_partition(FIRST) / "mine.parquet"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"")
    with pytest.raises(ForeignFileError, match="Move it out of the lake, then run the day again"):
        run_day(open_pipeline(folder), FIRST)


def test_a_column_that_is_added_is_null_for_the_hours_before_it(folder: Path):
    for day in DAYS:
        run_day(open_pipeline(folder), day)
    column = {"name": "edits", "aggregate": "count"}
    session = {"column": [column]}
    pipeline = open_pipeline(folder, session=session)
    assert [status.state for status in day_statuses(pipeline.lake, pipeline.config)] == [
        DayState.DONE
    ] * 3
    assert run_day(pipeline, FIRST).changed
    sessions = rows(folder, "daily_sessions", FIRST)
    assert sessions
    assert {row["edits"] for row in sessions} == {None}


def test_a_reader_sees_one_table_by_day(folder: Path):
    for day in DAYS:
        run_day(open_pipeline(folder), day)
    sessions = duckdb.sql(
        f"""
        select dt::varchar, count(*), max(session_number)
        from read_parquet('{folder}/lake/daily_sessions/*/*.parquet', hive_partitioning = true)
        group by dt order by dt
        """
    ).fetchall()
    assert [(day, count) for day, count, _ in sessions] == [
        (str(day), len(closed(folder, day))) for day in DAYS if closed(folder, day)
    ]


def test_the_end_of_a_pipeline_that_moves_makes_its_last_day_another(folder: Path):
    for day in DAYS:
        run_day(open_pipeline(folder), day)
    run_hour(open_pipeline(folder, end=END.end), END)
    pipeline = open_pipeline(folder, end=END.end)
    [*_, last] = day_statuses(pipeline.lake, pipeline.config)
    assert (last.state, last.hours) == (DayState.OUTDATED, 3)
    assert run_day(pipeline, THIRD).changed
