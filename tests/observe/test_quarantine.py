"""Refused records: why, where, and what they look like."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import pytest

from sessionize.config.rules import rule_of
from sessionize.lake import parquet
from sessionize.lake.storage import LocalStorage
from sessionize.model.errors import IntervalError, ObjectGoneError, RequestError
from sessionize.observe import partial
from sessionize.observe.catalog import Catalog
from sessionize.observe.quarantine import quarantine_reasons, quarantined
from sessionize.observe.views import WorstObject
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline
from tests.observe.conftest import opened
from tests.observe.stores import lake_of
from tests.pipeline import scenario

A, B, C, D = scenario.HOURS
BAD = [
    *(scenario.event("a1", f"22:10:{n:02}", build_id=f"x{n}") for n in range(20)),
    *(scenario.event("a1", f"22:11:{n:02}", action="none") for n in range(10)),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An hour with much in quarantine, in files of many row groups."""
    folder = tmp_path_factory.mktemp("made")
    raw = LocalStorage(folder / "raw")
    scenario.land(raw, A, "a", BAD[:25])
    scenario.land(raw, A, "b", BAD[25:])
    scenario.land(raw, A, "c", b'{"a": 1}\n\xff\x1b[0m\n<script>alert(1)</script>\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "ROW_GROUP_ROWS", 7)
        run_hour(opened_in(folder), A)
    return folder


def opened_in(folder: Path) -> Pipeline:
    limits = {"fail_quarantined": 1.0}
    return Pipeline.open(scenario.config(folder / "raw", folder / "lake", limits=limits))


@pytest.fixture(params=[1 << 20, 0], ids=["whole", "in parts"])
def pipeline(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Pipeline:
    """A copy of that lake; its files are read in both ways."""
    monkeypatch.setattr(partial, "SMALL", request.param)
    return opened_in(shutil.copytree(made, tmp_path / "copy"))


def key(name: str) -> str:
    return f"{A.landing_prefix}stream-1-{name}"


class TestQuarantined:
    def test_records_come_in_landed_order_with_the_rule_that_refuses_them(self, pipeline):
        view = quarantined(opened(pipeline), A)
        assert view.total == 33
        assert [(it.object_key, it.position) for it in view.records] == [
            *((key("a"), n) for n in range(25)),
            *((key("b"), n) for n in range(5)),
            *((key("c"), n) for n in range(3)),
        ]
        first = view.records[0]
        assert json.loads(first.raw) == BAD[0]
        assert first.reason == "bad_build_id"
        assert first.detail == "`build_id` is 'x0'"
        assert first.rule == rule_of("bad_build_id", pipeline.config)
        assert not view.settings_changed

    @pytest.mark.parametrize("offset", [0, 3, 7, 30, 32, 33, 99])
    @pytest.mark.parametrize("limit", [1, 7, 20])
    def test_pages_are_cut_from_the_whole(self, pipeline, offset, limit):
        catalog = opened(pipeline)
        whole = quarantined(catalog, A).records
        page = quarantined(catalog, A, offset=offset, limit=limit)
        assert page.records == whole[offset : offset + limit]
        assert page.total == 33

    @pytest.mark.parametrize("reason", [None, "bad_build_id", "bad_action", "no_such"])
    @pytest.mark.parametrize("name", [None, "a", "b", "no such"])
    def test_a_page_can_be_of_one_reason_and_one_object(self, pipeline, reason, name):
        catalog = opened(pipeline)
        wanted = [
            it
            for it in quarantined(catalog, A).records
            if reason in (None, it.reason) and name in (None, it.object_key.rpartition("-")[2])
        ]
        asked = None if name is None else key(name)
        page = quarantined(catalog, A, reason, asked, offset=2, limit=9)
        assert (page.records, page.total) == (wanted[2:11], len(wanted))

    def test_any_bytes_are_shown_as_text(self, pipeline):
        shown = quarantined(opened(pipeline), A, object_key=key("c")).records
        assert [it.raw for it in shown] == [
            '{"a": 1}',
            r"\xff\x1b[0m",
            "<script>alert(1)</script>",
        ]
        assert [it.raw_is_bytes for it in shown] == [False, True, False]
        assert [it.raw_length for it in shown] == [8, 5, 25]

    def test_it_says_when_the_settings_have_changed_since(self, pipeline):
        config = scenario.config(
            pipeline.config.raw, pipeline.config.lake, valid={"build_id": "[a-z]+"}
        )
        catalog = Catalog(pipeline.lake, config)
        catalog.refresh()
        view = quarantined(catalog, A, limit=1)
        assert view.settings_changed
        assert "[a-z]+" in view.records[0].rule

    def test_an_hour_can_be_asked_for_before_its_ledger_has_been_read(self, pipeline):
        catalog = opened(pipeline)
        unread = Catalog(pipeline.lake, pipeline.config)
        unread.snapshot = catalog.snapshot.__class__(A, catalog.snapshot.ledgers)
        assert quarantined(unread, A).total == 33

    def test_a_file_that_is_another_one_by_now_is_refused(self, pipeline):
        catalog = opened(pipeline)
        file = f"quarantine/{A.partition}/part-0.parquet"
        content = pipeline.lake.storage.read(file)
        pipeline.lake.storage.write(file, content[:-10] + b"0123456789")
        with pytest.raises(ObjectGoneError, match="ask once more"):
            quarantined(catalog, A)
        pipeline.lake.storage.delete(file)
        with pytest.raises(ObjectGoneError, match="ask once more"):
            quarantined(catalog, A)

    @pytest.mark.parametrize(
        ("asked", "error", "says"),
        [
            ({"hour": str(B)}, RequestError, "has not been published"),
            ({"hour": "now"}, IntervalError, "not an hour"),
            ({"hour": "2017-01-01T00"}, IntervalError, "before the first hour"),
            ({"offset": -1}, RequestError, "cannot be had"),
            ({"limit": 0}, RequestError, "cannot be had"),
            ({"limit": 1001}, RequestError, "1 to 1,000"),
            ({"reason": ""}, RequestError, "`reason` has 0"),
            ({"object_key": "x" * 5000}, RequestError, "5,000 characters"),
        ],
    )
    def test_what_cannot_be_had_is_refused(self, pipeline, asked, error, says):
        with pytest.raises(error, match=says):
            quarantined(opened(pipeline), **{"hour": A} | asked)

    def test_an_hour_whose_ledger_is_damaged_cannot_be_looked_into(self, pipeline):
        pipeline.lake.storage.write(f"_runs/{A.partition}.json", b"{")
        with pytest.raises(RequestError, match="cannot be looked into"):
            quarantined(opened(pipeline), A)


class TestReasons:
    def test_they_are_those_of_the_ledgers(self, pipeline):
        view = quarantine_reasons(opened(pipeline))
        (hour,) = view.hours
        assert (hour.hour, hour.records, hour.quarantined) == (str(A), 33, 33)
        counted = Counter(it.reason for it in quarantined(opened(pipeline), A).records)
        assert view.by_reason == hour.by_reason == dict(counted)
        assert [*view.by_reason][:2] == ["bad_build_id", "bad_action"]
        assert view.rules == {reason: rule_of(reason, pipeline.config) for reason in counted}
        assert [(it.key, it.quarantined, it.records) for it in view.worst] == [
            (key("a"), 25, 25),
            (key("b"), 5, 5),
            (key("c"), 3, 3),
        ]

    def test_the_worst_objects_are_those_of_the_range(self, tmp_path):
        catalog = Catalog(lake_of(LocalStorage(tmp_path), A, 30), scenario.config("raw", "lake"))
        catalog.refresh()
        view = quarantine_reasons(catalog, B, "2017-02-06T00")
        assert len(view.worst) == 10
        assert view.worst[0] == WorstObject(str(B), f"{B.landing_prefix}a", 1000, 100, 90, 10)
        assert view.by_reason == {"not_json": 7 * 25, "bad_build_id": 3 * 25}

    def test_all_of_it_is_json(self, pipeline):
        catalog = opened(pipeline)
        views = [quarantine_reasons(catalog), quarantined(catalog, A)]
        json.dumps([asdict(view) for view in views], allow_nan=False)
