"""What is found of a machine and of an event, against a plain loop over all partitions."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from sessionize.config import load_config
from sessionize.lake.layout import Lake
from sessionize.lake.storage import LocalStorage, S3Credentials, open_storage
from sessionize.model.errors import IntervalError, ObjectGoneError, RequestError
from sessionize.model.hours import Hour, hours_between
from sessionize.observe import find, partial, search
from sessionize.observe.catalog import Catalog
from sessionize.observe.find import event, machine
from sessionize.observe.hours import hour, hours
from sessionize.observe.plain import plain
from sessionize.observe.quarantine import quarantine_reasons, quarantined
from sessionize.observe.trends import trends
from sessionize.observe.views import EventRow, MachineView
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline
from tests.observe.conftest import WEB_HOURS, opened
from tests.observe.stores import ReadOnlyStorage
from tests.pipeline import scenario

A, B, C, D = scenario.HOURS
FIRST, END = WEB_HOURS[0], WEB_HOURS[-1].next
RECORDED = Path(__file__).parents[1] / "lake" / "recorded"
WHOLE, WITHIN, LAST = (0, 5), (1, 3), (4, 5)

WebLake = Callable[[int], Pipeline]


class Plain:
    """All rows of a lake, hour by hour, read whole."""

    def __init__(self, pipeline: Pipeline, first: Hour, end: Hour) -> None:
        self.folder = Path(pipeline.config.lake)
        self.hours = [it for it in hours_between(first, end) if it in pipeline.lake.done_hours()]
        self.last = pipeline.lake.ledger(self.hours[-1])

    def rows(self, dataset: str, **wanted: str) -> list[dict[str, Any]]:
        """The rows with these values, in the order of hours and of files."""
        keys = [f"{dataset}/{hour.partition}/part-0.parquet" for hour in self.hours]
        if dataset == "open_sessions":
            keys = keys[-1:]
        if dataset == "pending":
            assert self.last is not None
            keys = [self.last.state["pending"].key]
        rows = [row for key in keys for row in pq.ParquetFile(self.folder / key).read().to_pylist()]
        return [row for row in rows if all(row[name] == value for name, value in wanted.items())]

    def ids(self, column: str) -> list[str]:
        """All ids that there are, those of refused records left out."""
        rows = [row for name in ("events", "late_events", "pending") for row in self.rows(name)]
        return sorted({row[column] for row in rows})


def places(rows: list[EventRow] | list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    """Name records by id and place."""
    dicts = [asdict(row) if isinstance(row, EventRow) else row for row in rows]
    return [(row["event_id"], row["object_key"], row["position"]) for row in dicts]


def check_machine(view: MachineView, plainly: Plain) -> None:
    """Hold a view against all rows of the machine."""
    name = view.machine_id
    closed = plainly.rows("sessions", machine_id=name)
    is_open = plainly.rows("open_sessions", machine_id=name)
    events = plainly.rows("sessionized_events", machine_id=name)
    expected = sorted([*closed, *is_open], key=lambda row: row["started_at"])
    assert [it.session_id for it in view.sessions] == [row["session_id"] for row in expected]
    for session, row in zip(view.sessions, expected, strict=True):
        its_own = [it for it in events if it["session_id"] == row["session_id"]]
        assert places(session.events) == places(its_own)
        assert session.events_before == row["event_count"] - len(its_own)
        assert session.is_open == (row in is_open)
        for column in ("end_reason", "duration_s", "event_count", "start_action", "end_action"):
            assert getattr(session, column) == row[column], column
        assert session.started_at == plain(row["started_at"])
        assert session.extra == {
            key: plain(value) for key, value in row.items() if key not in asdict(session)
        }
    for found, dataset in ((view.late, "late_events"), (view.pending, "pending")):
        assert places(found) == places(plainly.rows(dataset, machine_id=name))
    told = {it["session_id"] for it in events} - {row["session_id"] for row in expected}
    assert told == set()


@pytest.mark.parametrize(
    ("seed", "small", "cut"),
    [(0, 1 << 20, WHOLE), (0, 0, WITHIN), (1, 1 << 20, WITHIN), (1, 1 << 20, LAST)],
)
def test_a_machine_is_what_a_plain_loop_finds(
    web_lake: WebLake,
    seed: int,
    small: int,
    cut: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(partial, "SMALL", small)
    pipeline = web_lake(seed)
    catalog = opened(pipeline)
    since, until = WEB_HOURS[cut[0]], WEB_HOURS[cut[1] - 1].next
    plainly = Plain(pipeline, since, until)
    for name in [*Plain(pipeline, FIRST, END).ids("machine_id")[:9], "no such machine"]:
        check_machine(machine(catalog, name, since, until), plainly)


@pytest.mark.parametrize("seed", range(2))
def test_sessions_begin_for_the_reason_for_which_the_one_before_ended(web_lake: WebLake, seed: int):
    pipeline = web_lake(seed)
    catalog, rules = opened(pipeline), pipeline.config.session
    reasons = set()
    for name in Plain(pipeline, FIRST, END).ids("machine_id"):
        before = None
        for session in machine(catalog, name, FIRST, END).sessions:
            reasons.add(session.began)
            if before is None:
                assert session.began == "no_open_session"
            else:
                assert session.began == before.end_reason
            if session.began == "timeout":
                assert session.since_previous_s is not None
                assert session.since_previous_s > rules.timeout.total_seconds()
            if session.began == "opening_event":
                assert rules.opening.search(session.start_action or "")
            if session.end_reason == "closing_event":
                assert rules.closing is not None
                assert rules.closing.search(session.end_action or "")
            before = session
    assert reasons >= {"no_open_session", "timeout", "opening_event", "closing_event"}


@pytest.mark.parametrize("cut", [WHOLE, WITHIN])
def test_an_event_is_what_a_plain_loop_finds(web_lake: WebLake, cut: tuple[int, int]):
    pipeline = web_lake(0)
    catalog = opened(pipeline)
    since, until = WEB_HOURS[cut[0]], WEB_HOURS[cut[1] - 1].next
    plainly = Plain(pipeline, since, until)
    # Each overrides what stands above it.
    fates = {
        "events": "duplicate",
        "late_events": "late",
        "sessionized_events": "settled",
        "pending": "pending",
    }
    expected = {place: fate for name, fate in fates.items() for place in places(plainly.rows(name))}
    doubled = [place[0] for place, fate in expected.items() if fate == "duplicate"]
    waiting = [place[0] for place, fate in expected.items() if fate == "pending"]
    assert doubled
    for name in {*plainly.ids("event_id")[:5], *doubled[:3], *waiting[:3]}:
        found = {}
        for it in event(catalog, name, since, until).fates:
            if it.event is not None:
                found[name, it.event.object_key, it.event.position] = it.fate
            if it.session is not None:
                assert it.event in it.session.events
                assert it.session.session_id in it.why
            assert (it.session is not None) == (it.fate == "settled")
        assert found == {place: fate for place, fate in expected.items() if place[0] == name}


class TestDesktop:
    def test_a_machines_story_is_told(self, desktop: Pipeline):
        view = machine(opened(desktop), "b2b2b2b2", A, D.next)
        first, second = view.sessions[0], view.sessions[-1]
        assert (first.began, first.end_reason) == ("no_open_session", "timeout")
        assert (second.began, second.is_open, second.end_reason) == ("timeout", True, None)
        assert "more than `timeout` (30m now)" in second.began_why
        assert second.extra == {"product": "pro", "build_id": "10.3.5.34"}
        assert first.events[0].extra["build_id"] == "10.3.5.34"
        assert view.read.hours == 4
        assert view.missing_hours == 0

    def test_late_events_say_how_late_they_are(self, desktop: Pipeline):
        (late,) = machine(opened(desktop), "a1a1a1a1", A, D.next).late
        assert late.hour == str(C)
        assert late.event_time == "2017-02-04T22:45:00Z"
        assert late.frontier is not None
        assert late.late_by_s is not None
        assert late.late_by_s > 0
        (fate,) = event(opened(desktop), late.event_id, A, D.next).fates
        assert (fate.fate, fate.event) == ("late", late)

    def test_a_session_that_was_open_before_says_so(self, desktop: Pipeline):
        session = machine(opened(desktop), "b2b2b2b2", B, D.next).sessions[0]
        assert (session.began, session.events_before) == ("before_range", 1)
        assert len(session.events) == session.event_count - 1

    def test_a_gap_is_told(self, desktop: Pipeline):
        desktop.lake.storage.delete(f"_runs/{B.partition}.json")
        desktop.lake.storage.delete(f"_runs/{C.partition}.json")
        view = machine(opened(desktop), "b2b2b2b2", A, D.next)
        assert view.missing_hours == 2
        assert view.sessions[0].began == "no_open_session"
        assert view.sessions[0].events[0].hour == str(A)
        event_view = event(opened(desktop), "b2-22:59:00-proedit", A, B)
        assert [it.fate for it in event_view.fates] == ["settled", "duplicate"]

    def test_what_became_of_a_record_behind_a_gap_is_unknown(self, desktop: Pipeline):
        desktop.lake.storage.delete(f"_runs/{B.partition}.json")
        fates = event(opened(desktop), "b2-22:59:00-proedit", A, D.next).fates
        assert [it.fate for it in fates] == ["settled", "unknown"]

    def test_a_session_of_which_events_alone_are_left_is_told_from_them(self, desktop: Pipeline):
        for outdated in (B, C):
            ledger = desktop.lake.ledger(outdated)
            assert ledger is not None
            published = {
                name: replace(file, rows=0) if "sessions" in name else file
                for name, file in ledger.published.items()
            }
            desktop.lake.write_ledger(replace(ledger, published=published))
        view = machine(opened(desktop), "b2b2b2b2", B, D)
        assert [it.ended_why for it in view.sessions] == [
            "No published hour of the range says how it went on."
        ] * len(view.sessions)
        assert sum(len(it.events) for it in view.sessions) == 3

    def test_a_refused_record_is_found_by_its_text(self, desktop: Pipeline):
        (fate,) = event(opened(desktop), '"no": "event"', A, D.next).fates
        assert fate.fate == "quarantined"
        assert fate.hour == str(A)
        assert fate.record is not None
        assert fate.record.reason == "missing_field"

    def test_an_id_that_nobody_has_sent_is_unknown(self, desktop: Pipeline):
        view = event(opened(desktop), "no such", A, D.next)
        assert (view.fates, view.fates_left_out) == ([], 0)
        assert view.read.files > 0

    def test_answers_are_bounded(self, desktop: Pipeline, monkeypatch: pytest.MonkeyPatch):
        catalog = opened(desktop)
        whole = machine(catalog, "b2b2b2b2", A, D.next)
        count = sum(len(it.events) for it in whole.sessions)
        monkeypatch.setattr(search, "MOST_EVENTS", 2)
        cut = machine(catalog, "b2b2b2b2", A, D.next)
        assert sum(len(it.events) for it in cut.sessions) == 2
        assert cut.events_left_out == count - 2
        monkeypatch.setattr(search, "MOST_EVENTS", 10_000)
        monkeypatch.setattr(find, "MOST_FATES", 1)
        fates = event(catalog, "b2-22:59:00-proedit", A, D.next)
        assert (len(fates.fates), fates.fates_left_out) == (1, 2)

    def test_what_cannot_be_meant_is_refused(self, desktop: Pipeline):
        catalog = opened(desktop)
        with pytest.raises(IntervalError, match="Ask for 168 or fewer"):
            machine(catalog, "a1", A, "2017-03-01T00")
        with pytest.raises(IntervalError, match="Ask for 2 or fewer"):
            event(catalog, "a1", A, D.next, limit_hours=2)
        with pytest.raises(RequestError, match="`machine_id` has 0 characters"):
            machine(catalog, "", A, B)
        with pytest.raises(RequestError, match="`event_id` has 9,999 characters"):
            event(catalog, "x" * 9999, A, B)

    @pytest.mark.parametrize("name", ["../../etc/passwd", "s3://b/k", "a1\x00", "%2e", "a1*"])
    def test_ids_are_only_compared(self, desktop: Pipeline, name: str):
        catalog = opened(desktop)
        assert machine(catalog, name, A, D.next).sessions == []
        assert event(catalog, name, A, D.next).fates == []

    @pytest.mark.parametrize("small", [0, 1 << 20])
    def test_a_file_that_is_another_one_by_now_is_refused(self, desktop, small, monkeypatch):
        monkeypatch.setattr(partial, "SMALL", small)
        catalog = opened(desktop)
        key = f"sessionized_events/{A.partition}/part-0.parquet"
        desktop.lake.storage.write(key, b"PAR1 not so PAR1")
        with pytest.raises(ObjectGoneError, match="ask once more"):
            machine(catalog, "a1a1a1a1", A, D.next)
        desktop.lake.storage.delete(key)
        with pytest.raises(ObjectGoneError, match="ask once more"):
            machine(catalog, "a1a1a1a1", A, D.next)

    def test_all_of_it_is_json(self, desktop: Pipeline):
        catalog = opened(desktop)
        views = [machine(catalog, "b2b2b2b2", A, D.next), event(catalog, '"no"', A, D.next)]
        json.dumps([asdict(view) for view in views], allow_nan=False)


def test_own_columns_are_shown(web_lake: WebLake):
    pipeline = web_lake(0)
    catalog, plainly = opened(pipeline), Plain(pipeline, FIRST, END)
    row = next(it for it in plainly.rows("sessionized_events") if it["price"] is not None)
    view = machine(catalog, row["machine_id"], FIRST, END)
    (found,) = [
        it
        for session in view.sessions
        for it in session.events
        if (it.object_key, it.position) == (row["object_key"], row["position"])
    ]
    assert found.extra["price"] == row["price"]
    assert {"page_url", "items", "sent_at"} <= {*found.extra}
    assert "edits" in view.sessions[0].extra
    json.dumps(asdict(view), allow_nan=False)


@pytest.mark.parametrize("case", ["defaults", "waiting"])
def test_lakes_of_the_first_release_are_read(case: str, tmp_path: Path):
    folder = shutil.copytree(RECORDED / case, tmp_path / "copy")
    pipeline = Pipeline.open(load_config(folder / "pipeline.toml"))
    catalog = opened(pipeline)
    done = pipeline.lake.done_hours()
    plainly = Plain(pipeline, done[0], done[-1].next)
    names = sorted({row["machine_id"] for row in plainly.rows("events")})
    assert names
    for name in names:
        check_machine(machine(catalog, name, done[0], done[-1].next), plainly)
    fates = {
        it.fate
        for row in plainly.rows("events")
        for it in event(catalog, row["event_id"], done[0], done[-1].next).fates
    }
    assert "settled" in fates
    assert ("pending" in fates) == (case == "waiting")


def test_a_lake_without_hours_knows_nobody(tmp_path: Path):
    config = scenario.config(tmp_path / "raw", tmp_path / "lake")
    catalog = Catalog(Lake(LocalStorage(tmp_path / "lake")), config)
    catalog.refresh()
    view = machine(catalog, "a1", A, C)
    assert (view.sessions, view.late, view.pending, view.missing_hours) == ([], [], [], 2)
    assert event(catalog, "a1", A, C).fates == []


def test_nothing_is_written_to_the_lake(desktop: Pipeline, tmp_path: Path):
    before = scenario.content(desktop.lake.storage)
    lake = Lake(ReadOnlyStorage(desktop.config.lake))
    catalog = opened(replace(desktop, lake=lake), tmp_path / "cache")
    assert hours(catalog).by_state == {"done": 4}
    assert hour(catalog, A).claimed
    assert trends(catalog).lengths_read
    assert quarantine_reasons(catalog).worst
    assert quarantined(catalog, A).records
    assert machine(catalog, "b2b2b2b2", A, D.next).sessions
    assert event(catalog, "b2-22:59:00-proedit", A, D.next).fates
    assert scenario.content(desktop.lake.storage) == before


def test_what_waits_in_the_last_state_is_known_before_the_next_hour_has_run(tmp_path: Path):
    folder = shutil.copytree(RECORDED / "waiting", tmp_path / "copy")
    pipeline = Pipeline.open(load_config(folder / "pipeline.toml"))
    last = pipeline.lake.done_hours()[-1]
    row = Plain(pipeline, last, last.next).rows("pending")[0]
    view = event(opened(pipeline), row["event_id"], last.next, last.next.next)
    assert [it.fate for it in view.fates] == ["unknown"]
    assert (view.missing_hours, view.read.hours) == (1, 0)


@pytest.mark.parametrize("small", [0, 1 << 20], ids=["in parts", "whole"])
def test_a_lake_on_s3_is_read_as_one_in_a_folder(
    bucket: str, s3_credentials: S3Credentials, desktop: Pipeline, small: int, monkeypatch
):
    monkeypatch.setattr(partial, "SMALL", small)
    there = open_storage(f"s3://{bucket}/lake", s3_credentials)
    for entry in desktop.lake.storage.list():
        there.write(entry.key, desktop.lake.storage.read(entry.key) or b"")
    here, on_s3 = opened(desktop), opened(replace(desktop, lake=Lake(there)))
    for name in ("a1a1a1a1", "b2b2b2b2"):
        assert machine(on_s3, name, A, D.next) == machine(here, name, A, D.next)
    there.delete(f"sessions/{B.partition}/part-0.parquet")
    there.write(f"sessions/{C.partition}/part-0.parquet", b"")
    with pytest.raises(ObjectGoneError, match="ask once more"):
        machine(on_s3, "b2b2b2b2", A, D.next)


def test_an_hour_that_has_been_run_again_is_found_as_it_is_now(desktop: Pipeline):
    catalog = opened(desktop)
    scenario.land(desktop.raw, A, "late", [scenario.event("f6", "22:58:00")])
    for again in scenario.HOURS:
        run_hour(desktop, again)
    catalog.refresh()
    assert len(machine(catalog, "f6f6f6f6", A, D.next).sessions) == 1
