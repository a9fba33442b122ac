"""Trends: sums of the ledgers, and exact lengths of sessions."""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionize.lake.layout import Lake
from sessionize.lake.storage import LocalStorage
from sessionize.model.errors import RequestError
from sessionize.observe import lengths, partial
from sessionize.observe.catalog import Catalog
from sessionize.observe.lengths import BOUNDS, LengthCounts
from sessionize.observe.trends import trends
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline
from tests.observe.conftest import WEB_HOURS, opened
from tests.observe.stores import CountedStorage, lake_of
from tests.pipeline import scenario

A, B, C, D = scenario.HOURS
CONFIG = scenario.config("raw", "lake")


def durations(pipeline: Pipeline, hours) -> list[float]:
    """The lengths of the sessions closed in some hours, read plainly."""
    found: list[float] = []
    for hour in hours:
        path = Path(pipeline.config.lake) / "sessions" / hour.partition / "part-0.parquet"
        found += pq.ParquetFile(path).read()["duration_s"].to_pylist()
    return found


def of_seconds(values: list[int]) -> LengthCounts:
    import numpy as np

    return LengthCounts(*np.unique(np.array(values, np.int64), return_counts=True))


seconds = st.lists(st.integers(0, 100_000), max_size=30)


@given(st.lists(seconds, max_size=4), st.sampled_from([1, 1 << 21]))
def test_added_counts_are_those_of_all_sessions(parts: list[list[int]], dense: int):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lengths, "_DENSE", dense)
        added = LengthCounts.added(map(of_seconds, parts))
    values = sorted(value for part in parts for value in part)
    assert dict(zip(added.seconds.tolist(), added.sessions.tolist(), strict=True)) == Counter(
        values
    )
    view = added.summary()
    assert view.sessions == len(values)
    if values:
        assert view.median_s == statistics.median_low(values)
        assert view.p95_s == values[math.ceil(len(values) * 0.95) - 1]
    ends = [*BOUNDS[1:], math.inf]
    assert view.histogram == [
        sum(low <= value < high for value in values) for low, high in zip(BOUNDS, ends, strict=True)
    ]


@pytest.mark.parametrize("small", [0, 1 << 20])
def test_lengths_are_those_of_the_sessions(
    web_lake: Callable[[int], Pipeline], small: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(partial, "SMALL", small)
    pipeline = web_lake(0)
    view = trends(opened(pipeline), WEB_HOURS[0], WEB_HOURS[-1].next)
    whole = sorted(map(int, durations(pipeline, WEB_HOURS)))
    assert view.lengths.sessions == len(whole) > 10
    assert view.lengths.median_s == statistics.median_low(whole)
    assert sum(view.lengths.histogram) == len(whole)
    for bucket, hour in zip(view.buckets, WEB_HOURS, strict=True):
        assert bucket.lengths.sessions == bucket.sessions_closed == len(durations(pipeline, [hour]))
    assert (view.lengths_waiting, view.lengths_lost) == (0, 0)


def test_a_bucket_sums_up_its_hours(tmp_path: Path):
    catalog = Catalog(lake_of(LocalStorage(tmp_path), A, 26), CONFIG)
    catalog.refresh()
    view = trends(catalog, A, "2017-02-07T00", by="day")
    assert [(it.begin, it.hours) for it in view.buckets] == [("2017-02-04", 2), ("2017-02-05", 24)]
    first = view.buckets[0]
    assert (first.records, first.valid, first.quarantined) == (200, 180, 20)
    assert (first.settled, first.late, first.duplicates) == (160, 12, 8)
    assert (first.sessions_closed, first.sessions_open) == (14, 3)
    assert first.closed_by_reason == {"timeout": 10, "opening_event": 4}
    assert (first.share_quarantined, first.share_late) == (0.1, 12 / 180)
    assert first.share_duplicates == 8 / 180
    assert (first.objects, first.bytes_landed, first.bytes_published) == (2, 2000, 2468)
    assert first.lag_max_s is not None
    by_hour = trends(catalog, A, "2017-02-07T00").buckets
    assert [it.begin for it in by_hour[:3]] == [str(A), str(B), str(C)]
    assert sum(it.records for it in by_hour) == sum(it.records for it in view.buckets)


def test_an_hour_of_nothing_has_no_shares(tmp_path: Path):
    pipeline = Pipeline.open(scenario.config(tmp_path / "raw", tmp_path / "lake"))
    (tmp_path / "raw").mkdir()
    run_hour(pipeline, A)
    (bucket,) = trends(opened(pipeline)).buckets
    assert (bucket.records, bucket.share_quarantined, bucket.share_late) == (0, None, None)
    assert (bucket.lengths.sessions, bucket.lengths.median_s) == (0, None)


def test_gaps_and_lakes_without_hours_have_no_buckets(tmp_path: Path):
    lake = lake_of(LocalStorage(tmp_path), A, 3)
    lake.storage.delete(f"_runs/{B.partition}.json")
    catalog = Catalog(lake, CONFIG)
    assert trends(catalog, A, D).buckets == []
    catalog.refresh()
    assert [it.begin for it in trends(catalog, A, D).buckets] == [str(A), str(C)]


class TestReads:
    @pytest.fixture
    def store(self, desktop: Pipeline) -> CountedStorage:
        return CountedStorage(desktop.config.lake)

    @pytest.fixture
    def catalog(self, desktop: Pipeline, store: CountedStorage, tmp_path: Path) -> Catalog:
        return opened(replace(desktop, lake=Lake(store)), tmp_path / "cache")

    def ask(self, catalog: Catalog, store: CountedStorage, files: int = 100):
        store.reads.clear()
        view = trends(catalog, A, D.next, read_files=files)
        return view, [key.split("/")[0] for key in store.reads]

    def test_so_many_files_are_read_at_a_time_the_newest_first(self, catalog, store, desktop):
        closed = [len(durations(desktop, [hour])) for hour in scenario.HOURS]
        with_sessions = sum(map(bool, closed))
        assert with_sessions >= 2
        none, reads = self.ask(catalog, store, 0)
        assert (none.lengths_read, none.lengths_waiting, reads) == (0, with_sessions, [])
        one, reads = self.ask(catalog, store, 1)
        assert (one.lengths_read, one.lengths_waiting) == (1, with_sessions - 1)
        assert reads == ["sessions"]
        newest = max(n for n, count in enumerate(closed) if count)
        assert one.buckets[newest].lengths.sessions == closed[newest]
        rest, reads = self.ask(catalog, store)
        assert (rest.lengths_waiting, len(reads)) == (0, with_sessions - 1)

    def test_what_has_been_read_is_known_for_good(self, catalog, store, desktop, tmp_path):
        view, _ = self.ask(catalog, store)
        assert self.ask(catalog, store) == (view, [])
        another = opened(replace(desktop, lake=Lake(store)), tmp_path / "cache")
        assert self.ask(another, store) == (view, [])

    def test_a_kept_file_that_is_damaged_is_read_anew(self, catalog, store, desktop, tmp_path):
        view, reads = self.ask(catalog, store)
        for spoil in (lambda it: b"", lambda it: it[:-3], lambda it: it + it, lambda it: it[::-1]):
            for file in (tmp_path / "cache").glob("lengths-*/*"):
                file.write_bytes(spoil(file.read_bytes()))
            another = opened(replace(desktop, lake=Lake(store)), tmp_path / "cache")
            assert self.ask(another, store) == (view, reads)

    def test_more_than_memory_holds_comes_from_the_folder(self, catalog, store, monkeypatch):
        view, _ = self.ask(catalog, store)
        monkeypatch.setattr(lengths, "_IN_MEMORY", 0)
        assert self.ask(catalog, store) == (view, [])

    def test_a_file_that_is_gone_or_another_one_is_said_to_be_lost(self, catalog, store, desktop):
        whole = [hour for hour in scenario.HOURS if durations(desktop, [hour])]
        key = f"sessions/{whole[0].partition}/part-0.parquet"
        store.write(key, store.read(key) + b"more")
        store.delete(f"sessions/{whole[1].partition}/part-0.parquet")
        view, _ = self.ask(catalog, store)
        assert (view.lengths_lost, view.lengths_waiting) == (2, 0)
        assert self.ask(catalog, store)[1] == []


def test_other_buckets_than_hours_and_days_are_refused(tmp_path: Path):
    catalog = Catalog(lake_of(LocalStorage(tmp_path), A, 1), CONFIG)
    with pytest.raises(RequestError, match='Ask for "hour" or "day"'):
        trends(catalog, A, B, by="week")


def test_all_of_it_is_json(desktop: Pipeline):
    json.dumps(asdict(trends(opened(desktop))), allow_nan=False)
