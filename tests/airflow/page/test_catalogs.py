from __future__ import annotations

import threading
from pathlib import Path

import pytest

from sessionize.airflow.page import catalogs
from sessionize.airflow.page.catalogs import Catalogs
from sessionize.lake.storage import S3Credentials
from sessionize.model.errors import StorageError, StorageRefusedError, UnknownPipelineError
from sessionize.observe.views import Progress
from tests.airflow.conftest import write_pipeline

NITRO = "sessionize_nitro"


class FakeCatalog:
    """A catalog of three ledgers, of which a request has time for one."""

    made: list[FakeCatalog]
    rest: threading.Event

    def __init__(self, lake: object, config: object, cache: object) -> None:
        self.config = config
        self.read = 0
        self.calls = 0
        self.made.append(self)

    def refresh(self, budget_s: float | None = None) -> Progress:
        self.calls += 1
        if budget_s is None:
            self.rest.wait(60)
        self.read = 3 if budget_s is None else max(self.read, 1)
        return Progress(self.read, 3)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeCatalog]:
    FakeCatalog.made, FakeCatalog.rest = [], threading.Event()
    monkeypatch.setattr(catalogs, "Catalog", FakeCatalog)
    return FakeCatalog


def test_what_is_not_read_at_once_is_read_in_the_background(
    pipelines: Path, fake: type[FakeCatalog]
):
    found = Catalogs(lambda: pipelines)
    # Neither request waits for the thread, nor reads beside it.
    assert found.ask(NITRO, lambda catalog: catalog.read) == 1  # type: ignore[attr-defined]
    assert found.ask(NITRO, lambda catalog: catalog.read) == 1  # type: ignore[attr-defined]
    fake.rest.set()
    (thread,) = [t for t in threading.enumerate() if t.name == "ledgers-nitro"]
    thread.join(60)
    assert found.ask(NITRO, lambda catalog: catalog.read) == 3  # type: ignore[attr-defined]
    assert len(fake.made) == 1


def test_what_a_page_asks_at_once_costs_one_look(
    pipelines: Path, fake: type[FakeCatalog], monkeypatch: pytest.MonkeyPatch
):
    fake.rest.set()
    monkeypatch.setattr(fake, "refresh", lambda self, budget_s=None: self.count())
    monkeypatch.setattr(
        fake,
        "count",
        lambda self: (setattr(self, "calls", self.calls + 1), Progress(3, 3))[1],
        raising=False,
    )
    now = 100.0
    monkeypatch.setattr(catalogs.time, "monotonic", lambda: now)
    found = Catalogs(lambda: pipelines)
    for _ in range(3):
        found.ask(NITRO, lambda catalog: None)
    assert fake.made[0].calls == 1
    now += 60
    found.ask(NITRO, lambda catalog: None)
    assert fake.made[0].calls == 2


def test_a_listing_that_takes_long_is_not_waited_for_but_the_first_time(
    pipelines: Path, fake: type[FakeCatalog], monkeypatch: pytest.MonkeyPatch
):
    listed = threading.Event()
    listed.set()

    def refresh(self: FakeCatalog, budget_s: float | None = None) -> Progress:
        assert listed.wait(60)
        self.read += 1
        return Progress(3, 3)

    monkeypatch.setattr(fake, "refresh", refresh)
    monkeypatch.setattr(catalogs, "_FRESH_S", -1.0)  # each request looks anew
    monkeypatch.setattr(catalogs, "_BUDGET_S", 0.0)
    found = Catalogs(lambda: pipelines)
    assert found.ask(NITRO, lambda catalog: catalog.read) == 1  # type: ignore[attr-defined]
    listed.clear()
    assert found.ask(NITRO, lambda catalog: catalog.read) == 1  # type: ignore[attr-defined]
    listed.set()
    for thread in [t for t in threading.enumerate() if t.name == "ledgers-nitro"]:
        thread.join(60)
    assert fake.made[0].read == 2


def test_what_a_look_meets_is_told_to_whoever_asks(
    pipelines: Path, fake: type[FakeCatalog], monkeypatch: pytest.MonkeyPatch
):
    def refresh(self: FakeCatalog, budget_s: float | None = None) -> Progress:
        raise StorageError("the lake cannot be listed", "Try again.")

    monkeypatch.setattr(fake, "refresh", refresh)
    with pytest.raises(StorageError, match="cannot be listed"):
        Catalogs(lambda: pipelines).ask(NITRO, lambda catalog: None)


def test_until_the_lake_has_been_listed_once_each_look_is_waited_for(
    pipelines: Path, fake: type[FakeCatalog], monkeypatch: pytest.MonkeyPatch
):
    """Else a lake that could not be read at first would be shown as an empty one."""
    is_up = threading.Event()

    def refresh(self: FakeCatalog, budget_s: float | None = None) -> Progress:
        if not is_up.is_set():
            is_up.set()
            raise StorageError("the lake cannot be listed", "Try again.")
        self.read += 1
        return Progress(3, 3)

    monkeypatch.setattr(fake, "refresh", refresh)
    monkeypatch.setattr(catalogs, "_FRESH_S", -1.0)
    monkeypatch.setattr(catalogs, "_BUDGET_S", 0.0)
    found = Catalogs(lambda: pipelines)
    with pytest.raises(StorageError):
        found.ask(NITRO, lambda catalog: None)
    assert found.ask(NITRO, lambda catalog: catalog.read) == 1  # type: ignore[attr-defined]


def test_another_pipeline_file_is_another_catalog(pipelines: Path, fake: type[FakeCatalog]):
    fake.rest.set()
    found = Catalogs(lambda: pipelines)
    found.ask(NITRO, lambda catalog: None)
    write_pipeline(pipelines, "nitro", '[session]\ntimeout = "1h"\n')
    found.ask(NITRO, lambda catalog: None)
    assert len(fake.made) == 2


def test_refused_credentials_are_fetched_anew_once(
    pipelines: Path, fake: type[FakeCatalog], monkeypatch: pytest.MonkeyPatch
):
    fake.rest.set()
    fetched: list[str | None] = []

    def fetch(aws_conn_id: str | None) -> S3Credentials | None:
        fetched.append(aws_conn_id)
        return None

    monkeypatch.setattr(catalogs, "credentials_of", fetch)
    refusals = iter([True, False, True, True])

    def question(catalog: object) -> str:
        if next(refusals):
            raise StorageRefusedError("the token has expired", "Fetch another.")
        return "answered"

    found = Catalogs(lambda: pipelines)
    assert found.ask(NITRO, question) == "answered"
    assert len(fetched) == 2
    with pytest.raises(StorageRefusedError):
        found.ask(NITRO, question)


def test_a_dag_without_a_pipeline_is_unknown(pipelines: Path):
    with pytest.raises(UnknownPipelineError, match="SESSIONIZE_PIPELINES"):
        Catalogs(lambda: pipelines).config("sessionize_other")
