"""The calendar: the same states as `status` tells, and what the ledgers say."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import pytest

from sessionize.config import parse_config
from sessionize.lake.ledger import NO_STATE
from sessionize.lake.storage import LocalStorage
from sessionize.model.errors import IntervalError
from sessionize.model.hours import Hour
from sessionize.observe import hours as observed
from sessionize.observe.catalog import Catalog
from sessionize.observe.hours import calendar, hour, hours
from sessionize.observe.views import BrokenChain, HourRow
from sessionize.pipeline.stages import Pipeline
from sessionize.pipeline.status import pipeline_status
from tests.observe.conftest import opened
from tests.observe.stores import COUNTS, claim, lake_of, run_again
from tests.pipeline import scenario

A, B, C, D = scenario.HOURS
CONFIG = scenario.config("raw", "lake")


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(lake_of(LocalStorage(tmp_path / "lake"), A, 4), CONFIG)


def rows(catalog: Catalog, first: Hour = A, end: Hour = D.next, **more) -> list[HourRow]:
    catalog.refresh()
    return hours(catalog, first, end, **more).hours


def states(catalog: Catalog, *range_: Hour) -> list[str]:
    return [row.state for row in rows(catalog, *range_)]


def outdate(catalog: Catalog) -> None:
    run_again(catalog.lake, A)


def remove(catalog: Catalog) -> None:
    catalog.lake.storage.delete(f"_runs/{B.partition}.json")


def interrupt(catalog: Catalog) -> None:
    catalog.lake.mark(B, "interrupted", "a test")


def claim_more(catalog: Catalog) -> None:
    claim(catalog.lake, C, ["2017/02/05/00/new"])


@pytest.mark.parametrize("change", [lambda _: None, outdate, remove, interrupt, claim_more])
def test_states_are_those_that_status_tells(catalog: Catalog, change):
    change(catalog)
    told = [line.state.value for line in pipeline_status(catalog.lake, CONFIG, A, D.next)]
    assert states(catalog) == told


def test_what_cannot_be_run_yet_waits(catalog: Catalog):
    for gone in (C, D):
        catalog.lake.storage.delete(f"_runs/{gone.partition}.json")
    assert states(catalog, A, D.next.next) == ["done", "done", "missing", "waiting", "waiting"]
    run_again(catalog.lake, A)
    assert states(catalog) == ["done", "outdated", "waiting", "waiting"]
    catalog.lake.mark(A, "outdated", "a test")
    assert states(catalog) == ["outdated", "outdated", "waiting", "waiting"]


def test_before_the_first_run_only_the_first_hour_can_be_run(tmp_path: Path):
    catalog = Catalog(lake_of(LocalStorage(tmp_path / "empty"), A, 0), CONFIG)
    assert states(catalog, A, C.next) == ["missing", "waiting", "waiting"]


def test_hours_far_from_any_other_wait(tmp_path: Path):
    lake = lake_of(LocalStorage(tmp_path / "late"), C, 1)
    assert states(Catalog(lake, CONFIG), A, D.next.next) == [
        *("missing", "waiting", "done", "missing", "waiting")
    ]


def test_the_calendar_has_the_states_and_the_breaks(catalog: Catalog):
    run_again(catalog.lake, B)
    catalog.refresh()
    full, short = hours(catalog, A, D.next), calendar(catalog, A, D.next)
    assert [(it.hour, it.state) for it in short.hours] == [(it.hour, it.state) for it in full.hours]
    (broken,) = short.broken
    by_hour = {row.hour: row for row in full.hours}
    assert broken == BrokenChain(
        str(C), by_hour[str(C)].previous_state, by_hour[str(B)].state_fingerprint
    )
    # Also where the hour before lies outside of the range.
    assert calendar(catalog, C, D.next).broken == [broken]


def test_the_break_in_the_chain_is_where_the_states_differ(catalog: Catalog):
    run_again(catalog.lake, B)
    found = rows(catalog)
    assert [row.chain_broken for row in found] == [False, False, True, False]
    assert [row.state for row in found] == ["done", "done", "outdated", "outdated"]
    assert found[0].previous_state == NO_STATE
    assert found[1].previous_state == found[0].state_fingerprint
    assert found[2].previous_state != found[1].state_fingerprint
    assert found[3].previous_state == found[2].state_fingerprint


def test_a_row_says_what_its_ledger_does(catalog: Catalog):
    row = rows(catalog)[1]
    assert row.hour == "2017-02-04T23"
    assert row.counts == COUNTS
    assert row.quarantined_by_reason == {"not_json": 7, "bad_build_id": 3}
    assert row.closed_by_reason == {"timeout": 5, "opening_event": 2}
    assert (row.objects, row.bytes_landed) == (1, 1000)
    assert row.bytes_published == {"events": 1234}
    assert row.settings == "settings"
    view = hours(catalog, A, D.next)
    assert view.by_state == {"done": 4}
    assert view.settings_now == CONFIG.fingerprint()


def test_the_lag_is_from_the_hours_end_to_its_publication(catalog: Catalog, monkeypatch):
    catalog.refresh()
    at = B.end + timedelta(minutes=20, milliseconds=250)
    monkeypatch.setattr(type(catalog.snapshot), "published_at", lambda self, hour: at)
    row = hours(catalog, B, C).hours[0]
    assert (row.published_at, row.lag_s) == ("2017-02-05T00:20:00.250000Z", 1200.25)


def test_hours_that_are_not_over_are_left_out_unless_published(catalog: Catalog):
    catalog.lake.storage.delete(f"_runs/{D.partition}.json")
    at = D.end - timedelta(seconds=1)
    assert len(rows(catalog, now=at)) == 3
    assert len(rows(catalog, now=D.end)) == 4
    assert len(rows(catalog, now=A.start)) == 3


def test_hours_behind_the_pipelines_end_are_left_out_unless_published(catalog: Catalog):
    document = {"name": "test", "raw": "raw", "lake": "lake", "start": A.start}
    ended = Catalog(catalog.lake, parse_config(document | {"end": B.end}))
    catalog.lake.storage.delete(f"_runs/{C.partition}.json")
    assert [row.hour for row in rows(ended)] == [str(A), str(B), str(D)]


@pytest.mark.parametrize(
    ("first", "end", "says"),
    [
        ("yesterday", None, "not an hour"),
        ("2017-02-05T00", "2017-02-05T00", "has no hours"),
        ("2017-02-05T02", "2017-02-05T00", "has no hours"),
        ("2017-02-05T00", "2037-02-05T00", "Ask for 20,000 or fewer"),
        ("2017-02-05T00", "9999-12-31T23", "far away"),
        ("../../etc", "2017-02-05T00", "not an hour"),
    ],
)
def test_a_range_that_is_none_is_refused(catalog: Catalog, first, end, says):
    with pytest.raises(IntervalError, match=says):
        hours(catalog, first, end)


def test_a_range_is_cut_off_at_the_first_hour(catalog: Catalog):
    catalog.refresh()
    view = hours(catalog, "2017-02-04T00", "2017-02-05T00")
    assert (view.first, [row.hour for row in view.hours]) == (str(A), [str(A), str(B)])
    assert hours(catalog, "2017-02-01T00", "2017-02-02T00").hours == []


def test_without_a_range_it_is_the_last_week(tmp_path: Path):
    catalog = Catalog(lake_of(LocalStorage(tmp_path / "lake"), A, 200), CONFIG)
    catalog.refresh()
    assert len(hours(catalog).hours) == 168
    assert hours(catalog).end == str(Hour(A.start + timedelta(hours=200)))
    assert hours(catalog, first=D).first == str(D)


def test_one_hour_has_its_objects_and_files(desktop: Pipeline, monkeypatch):
    catalog = opened(desktop)
    ledger = desktop.lake.ledger(B)
    assert ledger is not None
    view = hour(catalog, str(B))
    assert view.published == ledger.published
    assert view.state == ledger.state
    assert [entry.quarantined for entry in view.claimed] == [1, 0, 0]
    assert {entry.key for entry in view.claimed} == {entry.key for entry in ledger.claimed}
    assert view.row == hours(catalog, B, C).hours[0]
    monkeypatch.setattr(observed, "MOST_OBJECTS", 1)
    cut = hour(catalog, B)
    assert (cut.claimed, cut.claimed_left_out) == (view.claimed[:1], 2)


def test_an_hour_that_has_not_been_run_has_a_row_alone(desktop: Pipeline):
    view = hour(opened(desktop), D.next)
    assert (view.row.state, view.claimed, view.published) == ("missing", [], {})
    with pytest.raises(IntervalError, match="lies before the first hour"):
        hour(opened(desktop), A.previous)


def test_all_of_it_is_json(desktop: Pipeline):
    catalog = opened(desktop)
    json.dumps([asdict(hours(catalog)), asdict(hour(catalog, A))], allow_nan=False)
