"""A day that fails at any request is never taken for done, and completed by the next attempt."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sessionize.daily import run as daily_run
from sessionize.daily.commit import commit_day
from sessionize.daily.records import read_record
from sessionize.daily.run import run_day
from sessionize.daily.status import DayState
from sessionize.lake.storage import LocalStorage, S3Credentials, Storage, open_storage
from sessionize.model.errors import DayNotReadyError, OvertakenError, SessionizeError
from tests.pipeline.faults import Fault, FaultyStorage, KilledError, Requests

from .conftest import FIRST, SECOND, THIRD, open_pipeline
from .test_run import lake_of, rerun_with_more, states

STRIDE = 1 if os.environ.get("SESSIONIZE_EXHAUSTIVE") else 8 * len(Fault)
#: The requests that write, and their neighbours: every one of them is tried.
_LAST = 9


def faulty(requests: Requests) -> Callable[[Storage], Storage]:
    return lambda storage: FaultyStorage(storage, requests)


def failing(folder: Path, fault: Fault):  # type: ignore[no-untyped-def]
    """Yield, for each request that the second day makes, a copy of the folder with it failed."""
    counted = shutil.copytree(folder, folder.with_name("counted"))
    requests = Requests()
    run_day(open_pipeline(counted, faulty(requests)), SECOND)
    begin = 8 * list(Fault).index(fault) % STRIDE
    sample = {*range(begin, requests.count, STRIDE), *range(requests.count)[-_LAST:]}
    for at in sorted(sample):
        copy = shutil.copytree(folder, folder.with_name(f"failing-{at}"))
        with pytest.raises((SessionizeError, KilledError)):
            run_day(open_pipeline(copy, faulty(Requests(fault, at))), SECOND)
        yield at, copy
        shutil.rmtree(copy)


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize(
    "is_published",
    [pytest.param(False, id="first"), pytest.param(True, id="again", marks=pytest.mark.slow)],
)
def test_a_day_that_fails_anywhere_is_completed_by_the_next_attempt(
    folder: Path, fault: Fault, is_published: bool
):
    run_day(open_pipeline(folder), FIRST)
    if is_published:
        run_day(open_pipeline(folder), SECOND)
        rerun_with_more(folder, "2017-02-05T12")
    before = lake_of(folder)
    right = shutil.copytree(folder, folder.with_name("right"))
    run_day(open_pipeline(right), SECOND)
    undisturbed = lake_of(right)
    assert undisturbed != before
    noted = 0
    for at, copy in failing(folder, fault):
        now = lake_of(copy)
        if any(now[key] != before.get(key) for key in now if not key.startswith("_")):
            # Whoever looks is told, unless all of it is there.
            is_done = {
                key: now[key] for key in now if not key.startswith("_staging")
            } == undisturbed
            noted += not is_done
            assert states(copy)[1] is (DayState.DONE if is_done else DayState.INTERRUPTED)
            if not is_done:
                with pytest.raises(DayNotReadyError, match=f"Run the day {SECOND} again first"):
                    run_day(open_pipeline(copy), THIRD)
        run_day(open_pipeline(copy), SECOND)
        assert lake_of(copy) == undisturbed, f"{fault} at request {at}"
    assert noted


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, folder: Path) -> Callable[[Storage], Storage]:
    """The lake in its folder, or copied to S3."""
    if request.param == "folder":
        return lambda storage: storage
    credentials: S3Credentials = request.getfixturevalue("s3_credentials")
    bucket = request.getfixturevalue("bucket")
    lake = open_storage(f"s3://{bucket}/lake", credentials)
    local = LocalStorage(folder / "lake")
    for entry in local.list():
        if entry.key != "_pipeline.json":  # it says from where the objects of a folder come
            lake.write(entry.key, local.read(entry.key) or b"")
    return lambda _: lake


def test_an_attempt_that_lags_behind_replaces_nothing(
    folder: Path, store: Callable[[Storage], Storage], monkeypatch: pytest.MonkeyPatch
):
    """It has read its hours; before it writes, one of them is published anew, and so is the day."""
    run_day(open_pipeline(folder, store), FIRST)

    def after_another(*arguments: object) -> None:
        monkeypatch.undo()
        pipeline = open_pipeline(folder, store, session={"column": [COLUMN]})
        assert run_day(pipeline, SECOND).changed
        commit_day(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(daily_run, "commit_day", after_another)
    with pytest.raises(
        OvertakenError, match=r"another attempt publishes the day .* daily --status"
    ):
        run_day(open_pipeline(folder, store), SECOND)
    published = run_day(open_pipeline(folder, store, session={"column": [COLUMN]}), SECOND)
    assert not published.changed


def test_of_two_attempts_at_once_no_mixture_is_taken_for_a_day(
    folder: Path, store: Callable[[Storage], Storage], monkeypatch: pytest.MonkeyPatch
):
    """Before each request of the first one's publication the second one does all of its own."""
    run_day(open_pipeline(folder, store), FIRST)
    lake = open_pipeline(folder, store).lake
    for at in range(1, 6):
        for key in [*lake.storage.list("_days/dt=2017-02-05"), *_files(lake.storage)]:
            lake.storage.delete(key.key)
        count = 0

        def write(wrapped: Callable[..., str]) -> Callable[..., str]:
            def counted(*arguments: object) -> str:
                nonlocal count
                count += 1
                if count == at:  # noqa: B023
                    other = open_pipeline(folder, store, session={"column": [COLUMN]})
                    run_day(other, SECOND)
                return wrapped(*arguments)

            return counted

        with monkeypatch.context() as patch:
            patch.setattr("sessionize.daily.commit.side_by_side", _in_turn)
            pipeline = open_pipeline(folder, store)
            patch.setattr(pipeline.lake, "write_json", write(pipeline.lake.write_json))
            storage = _Uploads(pipeline.lake.storage, write)
            patch.setattr(pipeline.lake, "storage", storage)
            with pytest.raises(OvertakenError):
                run_day(pipeline, SECOND)
        record = read_record(lake, SECOND)
        if record.ledger is not None:
            assert not run_day(
                open_pipeline(folder, store, session={"column": [COLUMN]}), SECOND
            ).changed


COLUMN = {"name": "edits", "aggregate": "count"}


def _files(storage: Storage):  # type: ignore[no-untyped-def]
    for dataset in ("daily_sessions", "machines", "daily_summary"):
        yield from storage.list(f"{dataset}/dt=2017-02-05/")


def _in_turn(_: Storage, request: Callable[[object], object], items: list[object]) -> list[object]:
    return [request(item) for item in items]


class _Uploads:
    """A store whose uploads are counted."""

    def __init__(self, storage: Storage, counted: Callable[..., Callable[..., str]]) -> None:
        self._storage = storage
        self.upload = counted(storage.upload)

    def __getattr__(self, name: str) -> object:
        return getattr(self._storage, name)
