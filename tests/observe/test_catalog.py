"""The catalog: right after whatever has happened to the lake, and for no more reads than that."""

from __future__ import annotations

from pathlib import Path

import pytest

from sessionize.lake.layout import Lake
from sessionize.lake.storage import S3Credentials, open_storage
from sessionize.model.errors import StorageError
from sessionize.observe.catalog import Catalog
from sessionize.observe.hours import hours
from sessionize.observe.views import Progress
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline
from tests.observe.conftest import opened
from tests.observe.stores import COUNTS, CountedStorage, MemoryStore, claim, lake_of, run_again
from tests.pipeline import scenario

A, B, C, D = scenario.HOURS
CONFIG = scenario.config("raw", "lake")


@pytest.fixture
def store(tmp_path: Path) -> CountedStorage:
    return CountedStorage(tmp_path / "lake")


@pytest.fixture
def lake(store: CountedStorage) -> Lake:
    return lake_of(store, A, 4, claims=True)


def states(catalog: Catalog) -> list[str]:
    return [row.state for row in hours(catalog, A, D.next).hours]


def test_a_lake_without_hours_has_none(tmp_path: Path):
    catalog = Catalog(Lake(CountedStorage(tmp_path / "none")), CONFIG)
    assert catalog.refresh() == Progress(0, 0)
    assert [row.state for row in hours(catalog).hours] == ["missing"]


@pytest.mark.parametrize("count", [100, pytest.param(10_000, marks=pytest.mark.slow)])
def test_after_a_run_of_one_hour_one_ledger_is_read(count: int, tmp_path: Path):
    store = MemoryStore()
    lake = lake_of(store, A, count)
    catalog = Catalog(lake, CONFIG, tmp_path)
    assert catalog.refresh() == Progress(count, count)
    assert len(store.reads) == count
    again = Catalog(lake, CONFIG, tmp_path)
    for known in (catalog, again):
        run_again(lake, C, str(known))
        store.reads.clear()
        assert known.refresh() == Progress(count, count)
        assert store.reads == [f"_runs/{C.partition}.json"]


def test_what_has_not_changed_is_not_read_again(lake: Lake, store: CountedStorage, tmp_path: Path):
    Catalog(lake, CONFIG, tmp_path / "cache").refresh()
    store.reads.clear()
    catalog = Catalog(lake, CONFIG, tmp_path / "cache")
    assert catalog.refresh() == Progress(4, 4)
    assert store.reads == []
    assert states(catalog) == ["done"] * 4
    assert catalog.snapshot.rows[A].counts == COUNTS


def test_the_newest_hours_are_read_first_and_the_rest_later(lake: Lake, store: CountedStorage):
    lake_of(store, A, 20)
    catalog = Catalog(lake, CONFIG)
    first = catalog.refresh(budget_s=0)
    assert 0 < first.read < first.known == 20
    assert min(catalog.snapshot.rows) > min(catalog.snapshot.ledgers)
    assert states(catalog)[0] == "reading"
    while catalog.progress.read < 20:
        before = catalog.progress.read
        assert catalog.refresh(budget_s=0).read > before
    assert states(catalog) == ["done"] * 4


def test_a_run_with_another_outcome_is_seen(lake: Lake):
    catalog = Catalog(lake, CONFIG)
    catalog.refresh()
    run_again(lake, B)
    catalog.refresh()
    assert states(catalog) == ["done", "done", "outdated", "outdated"]


def test_a_ledger_that_is_gone_is_forgotten(lake: Lake, tmp_path: Path):
    Catalog(lake, CONFIG, tmp_path / "cache").refresh()
    lake.storage.delete(f"_runs/{C.partition}.json")
    catalog = Catalog(lake, CONFIG, tmp_path / "cache")
    assert catalog.refresh() == Progress(3, 3)
    assert states(catalog) == ["done", "done", "missing", "done"]


def test_a_new_claim_is_read_alone(lake: Lake, store: CountedStorage):
    catalog = Catalog(lake, CONFIG)
    catalog.refresh()
    store.reads.clear()
    claim(lake, D, [f"{D.landing_prefix}a"])
    catalog.refresh()
    assert store.reads == [f"_claims/{D.partition}.json"]
    assert states(catalog) == ["done"] * 4


def test_a_claim_of_more_than_was_read_interrupts_its_hour(lake: Lake, tmp_path: Path):
    catalog = Catalog(lake, CONFIG, tmp_path / "cache")
    catalog.refresh()
    claim(lake, D, [f"{D.landing_prefix}a", f"{D.landing_prefix}b"])
    for known in (catalog, Catalog(lake, CONFIG, tmp_path / "cache"), Catalog(lake, CONFIG)):
        known.refresh()
        assert states(known) == ["done", "done", "done", "interrupted"]
    claim(lake, D, [])
    catalog.refresh()
    assert states(catalog) == ["done"] * 4


@pytest.mark.parametrize("content", [b"", b"{", b"null", b'{"format": 99, "pipeline": "x"}'])
def test_a_ledger_that_cannot_be_read_costs_its_hour_alone(lake: Lake, content: bytes):
    whole = lake.storage.read(f"_runs/{B.partition}.json")
    assert whole
    lake.storage.write(f"_runs/{B.partition}.json", content)
    catalog = Catalog(lake, CONFIG)
    assert catalog.refresh() == Progress(4, 4)
    assert states(catalog) == ["done", "damaged", "done", "done"]
    assert f"_runs/{B.partition}.json" in (hours(catalog, B, C).hours[0].problem or "")
    lake.storage.write(f"_runs/{B.partition}.json", whole)
    catalog.refresh()
    assert states(catalog) == ["done"] * 4


def test_a_claim_that_cannot_be_read_is_a_problem_of_its_hour(lake: Lake):
    lake.storage.write(f"_claims/{B.partition}.json", b"[]")
    catalog = Catalog(lake, CONFIG)
    catalog.refresh()
    assert states(catalog) == ["done", "damaged", "done", "done"]


class TestCacheFile:
    @pytest.fixture
    def cache(self, lake: Lake, tmp_path: Path) -> Path:
        Catalog(lake, CONFIG, tmp_path / "cache").refresh()
        return tmp_path / "cache"

    def file(self, cache: Path) -> Path:
        (file,) = cache.iterdir()
        return file

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda text: "",
            lambda text: text[: len(text) // 2],
            lambda text: "[" * 100_000,
            lambda text: text.replace('"format":', '"farmat":'),
            lambda text: text.replace('"format":1', '"format":0'),
            lambda text: text.replace('"objects":1', '"objects":"1"'),
            lambda text: text.replace(f'"{A}"', '"yesterday"'),
            lambda text: text.replace('"lake":"', '"lake":"s3://another/'),
            lambda text: text.replace("done", "\udc80").encode(errors="surrogateescape"),
        ],
    )
    def test_one_that_is_damaged_foreign_or_old_is_thrown_away(self, lake, store, cache, spoil):
        text = self.file(cache).read_text()
        spoilt = spoil(text)
        if isinstance(spoilt, str):
            assert spoilt != text
            self.file(cache).write_text(spoilt)
        else:
            self.file(cache).write_bytes(spoilt + b"\xff")
        store.reads.clear()
        catalog = Catalog(lake, CONFIG, cache)
        assert catalog.refresh() == Progress(4, 4)
        assert len(store.reads) == 8
        assert self.file(cache).read_text() == text

    def test_a_lake_that_cannot_be_listed_at_first_costs_no_reads_later(
        self, lake, store, cache, monkeypatch
    ):
        def fail(prefix: str = ""):
            raise StorageError("the listing failed", "Try again.")

        catalog = Catalog(lake, CONFIG, cache)
        with monkeypatch.context() as patch:
            patch.setattr(store, "list", fail)
            with pytest.raises(StorageError):
                catalog.refresh()
        store.reads.clear()
        assert catalog.refresh() == Progress(4, 4)
        assert store.reads == []

    def test_each_lake_has_its_own(self, cache, tmp_path):
        other = lake_of(CountedStorage(tmp_path / "other"), A, 2)
        assert Catalog(other, CONFIG, cache).refresh() == Progress(2, 2)
        assert len(list(cache.iterdir())) == 2

    def test_one_that_cannot_be_written_is_done_without(self, lake, tmp_path):
        (tmp_path / "file").write_text("no folder")
        assert Catalog(lake, CONFIG, tmp_path / "file").refresh() == Progress(4, 4)


def test_it_follows_the_pipeline(desktop: Pipeline, tmp_path: Path):
    catalog = opened(desktop, tmp_path / "cache")
    assert states(catalog) == ["done"] * 4
    late = [scenario.event("f6", "22:58:00")]
    scenario.land(desktop.raw, A, "late", late)
    run_hour(desktop, A)
    catalog.refresh()
    assert states(catalog) == ["done", "outdated", "outdated", "outdated"]
    for hour in (B, C, D):
        run_hour(desktop, hour)
    catalog.refresh()
    assert states(catalog) == ["done"] * 4
    assert states(opened(desktop)) == ["done"] * 4


def test_it_reads_a_lake_on_s3(bucket: str, s3_credentials: S3Credentials, tmp_path: Path):
    lake = lake_of(open_storage(f"s3://{bucket}/lake", s3_credentials), A, 4, claims=True)
    catalog = Catalog(lake, CONFIG, tmp_path)
    assert catalog.refresh() == Progress(4, 4)
    run_again(lake, B)
    catalog.refresh()
    assert states(catalog) == ["done", "done", "outdated", "outdated"]
    published = catalog.snapshot.published_at(B)
    entries = {entry.key: entry for entry in lake.storage.list("_runs/")}
    assert published is not None
    assert published.timestamp() == entries[f"_runs/{B.partition}.json"].modified
