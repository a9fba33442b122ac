from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sessionize.lake.commit import commit_run, remove_leftovers
from sessionize.lake.layout import Lake, partition_key
from sessionize.lake.ledger import NO_STATE, Counts, Ledger, WrittenFile
from sessionize.lake.storage import LocalStorage, S3Storage, Storage
from sessionize.model.errors import (
    ForeignFileError,
    OvertakenError,
    SessionizeError,
    StorageError,
)
from sessionize.model.hours import Hour

HOUR = Hour.parse("2017-02-04T22")
DATASETS = ("events", "sessions")
STATES = ("open_sessions", "pending")


class Run:
    """A made-up run: its ledger, and its files in a folder."""

    def __init__(self, folder: Path, content: str, hour: Hour = HOUR, **changes: object) -> None:
        self.files: dict[str, Path] = {}
        # Each run writes files of its own: a lake on the same disk takes them over.
        folder = Path(tempfile.mkdtemp(dir=folder))

        def file(name: str, key_of: Callable[[str], str]) -> WrittenFile:
            text = f"{name} {content}".encode()
            digest = hashlib.sha256(text).hexdigest()
            key = key_of(digest)
            self.files[key] = folder / name
            (folder / name).write_bytes(text)
            return WrittenFile(key, 1, len(text), digest)

        published = {
            name: file(name, lambda _, name=name: partition_key(name, hour)) for name in DATASETS
        }
        state = {
            name: file(
                f"state-{name}",
                lambda digest, name=name: f"_state/{hour.partition}/{name}-{digest[:12]}.parquet",
            )
            for name in STATES
        }
        counts = Counts(*[0] * 13)
        ledger = Ledger("t", hour, "", "", NO_STATE, counts, {}, {}, (), published, state)
        self.ledger: Ledger = replace(ledger, **changes)

    def content(self) -> dict[str, bytes]:
        return {key: path.read_bytes() for key, path in self.files.items()}


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return LocalStorage(tmp_path / "lake")
    bucket = request.getfixturevalue("bucket")
    return S3Storage(f"s3://{bucket}/lake", request.getfixturevalue("s3_credentials"))


@pytest.fixture
def lake(storage: Storage) -> Lake:
    return Lake(storage)


@pytest.fixture
def local(tmp_path: Path) -> Lake:
    return Lake(LocalStorage(tmp_path / "lake"))


def arguments(storage: Storage, folder: str) -> list[Any]:
    """Return what opens a store like this one at another place."""
    if isinstance(storage, S3Storage):
        return [f"{storage.url}-{folder}", storage._credentials]
    return [f"{storage.url}-{folder}"]


def marks_of(lake: Lake) -> dict[str, bytes]:
    return {entry.key: lake.storage.read(entry.key) for entry in lake.storage.list("_marks/")}


def content_of(lake: Lake) -> dict[str, bytes]:
    keys = [entry.key for entry in lake.storage.list()]
    return {key: lake.storage.read(key) or b"" for key in keys if not key.startswith("_runs")}


def commit(lake: Lake, run: Run):
    return commit_run(lake, run.ledger, run.files)


def test_a_run_is_there_with_its_ledger(lake, tmp_path):
    run = Run(tmp_path, "one")
    published = commit(lake, run)
    assert (published.ledger, published.changed, published.outdated) == (run.ledger, True, ())
    assert lake.ledger(HOUR) == run.ledger
    assert content_of(lake) == run.content()


def test_the_same_run_again_changes_nothing(lake, tmp_path):
    commit(lake, Run(tmp_path, "one"))
    before = {entry.key: entry for entry in lake.storage.list()}
    assert not commit(lake, Run(tmp_path, "one")).changed
    assert {entry.key: entry for entry in lake.storage.list()} == before


def test_another_run_replaces_the_partitions_and_removes_the_states(lake, tmp_path):
    commit(lake, Run(tmp_path, "one"))
    run = Run(tmp_path, "two")
    assert commit(lake, run).changed
    assert content_of(lake) == run.content()


def test_a_partition_that_stays_the_same_is_not_written_again(lake, tmp_path):
    one, two = Run(tmp_path, "one"), Run(tmp_path, "two")
    commit(lake, one)
    mixed = replace(
        two.ledger, published={**two.ledger.published, "events": one.ledger.published["events"]}
    )
    del two.files[mixed.published["events"].key]  # to upload it would fail
    commit_run(lake, mixed, two.files)
    assert lake.ledger(HOUR) == mixed


@pytest.mark.parametrize("key", [partition_key("events", HOUR), "state"])
def test_what_was_lost_is_written_again(lake, tmp_path, key):
    run = Run(tmp_path, "one")
    commit(lake, run)
    lake.storage.delete(run.ledger.state["pending"].key if key == "state" else key)
    assert commit(lake, run).changed
    assert content_of(lake) == run.content()


def test_an_interrupted_hour_is_written_anew_whatever_the_sizes_say(lake, tmp_path):
    run = Run(tmp_path, "one")
    commit(lake, run)
    key = partition_key("events", HOUR)
    lake.storage.write(key, bytes(run.ledger.published["events"].bytes))
    lake.mark(HOUR, "interrupted", "a test")
    commit(lake, run)
    assert content_of(lake) == run.content()
    assert lake.marks() == {}


def test_a_file_that_is_not_the_pipelines_is_refused_before_anything_is_written(lake, tmp_path):
    lake.storage.write(f"sessions/{HOUR.partition}/theirs.parquet", b"")
    with pytest.raises(ForeignFileError, match=r"theirs\.parquet is not a file of this pipeline"):
        commit(lake, Run(tmp_path, "one"))
    assert len(list(lake.storage.list())) == 1


class TestLaterHours:
    def test_later_hours_upon_another_state_are_outdated(self, lake, tmp_path, caplog):
        commit(lake, Run(tmp_path, "one"))
        for hour in (HOUR.next, HOUR.next.next):
            commit(lake, Run(tmp_path, "later", hour, previous_state="of one"))
        assert commit(lake, Run(tmp_path, "two")).outdated == (HOUR.next, HOUR.next.next)
        assert lake.marks() == {HOUR.next: {"outdated"}}
        assert "run them again, in order" in caplog.text

    def test_a_run_that_brings_the_state_back_clears_the_mark(self, lake, tmp_path):
        one = Run(tmp_path, "one")
        commit(lake, one)
        state = one.ledger.state_fingerprint
        commit(lake, Run(tmp_path, "later", HOUR.next, previous_state=state))
        commit(lake, Run(tmp_path, "two"))
        assert lake.marks() == {HOUR.next: {"outdated"}}
        assert commit(lake, one).outdated == ()
        assert lake.marks() == {}

    def test_an_outdated_hour_that_is_run_again_is_outdated_no_more(self, lake, tmp_path):
        run = Run(tmp_path, "one")
        lake.mark(HOUR, "outdated", "a test")
        commit(lake, run)
        assert lake.marks() == {}


class Meddled(LocalStorage):
    """Does something else before its n-th upload."""

    def __init__(self, folder: Path, at: int, meanwhile: Callable[[], object]) -> None:
        super().__init__(folder)
        self._at, self._meanwhile = at, meanwhile

    def upload(self, key: str, path: Path, replaces: str | None = None) -> str:
        self._at -= 1
        if self._at == 0:
            self._meanwhile()
        return super().upload(key, path, replaces)


class AtRequest:
    """A store that does something else, once, before its n-th request."""

    def __init__(self, storage: Storage, at: int, meanwhile: Callable[[], object]) -> None:
        self.url, self.count = storage.url, 0
        self._storage, self._at, self._meanwhile = storage, at, meanwhile

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._storage, name)
        if not callable(verb):
            raise AttributeError(name)  # such as how much is done side by side

        def request(*arguments: object) -> Any:
            self.count += 1
            if self.count == self._at:
                self._meanwhile()
            return verb(*arguments)

        return request


class TestTwoAttempts:
    @pytest.mark.parametrize(
        "first",
        [None, *(pytest.param(first, marks=pytest.mark.slow) for first in ("before", "other"))],
    )
    def test_whatever_one_that_lags_behind_does_the_other_outcome_stays(
        self, storage, tmp_path, first
    ):
        """The later attempt publishes before any request that the lagging one makes.

        ``events`` are the same in the other outcome as in what is replaced.
        """

        class BegunAnewError(SessionizeError):
            pass

        mine, counted = Run(tmp_path, "mine"), None
        at = 0
        while counted is None or at < counted:
            at += 1
            lake = Lake(type(storage)(*arguments(storage, f"at-{at}")))
            if first:
                commit(lake, Run(tmp_path, first))
            other = Run(tmp_path, "other")
            if first:
                same = Run(tmp_path, first).ledger.published["events"]
                other.files[same.key] = Run(tmp_path, first).files[same.key]
                changed = {**other.ledger.published, "events": same}
                other.ledger = replace(other.ledger, published=changed)
            begun = []

            def publish(lake: Lake = lake, other: Run = other, begun: list[int] = begun) -> None:
                begun.append(1)
                commit(lake, other)

            def check(begun: list[int] = begun) -> None:
                if begun:
                    raise BegunAnewError("the hour was begun anew", "Run it again.")

            lagging = AtRequest(lake.storage, at, publish)
            try:
                commit_run(Lake(lagging), mine.ledger, mine.files, check)
            except (OvertakenError, BegunAnewError):
                now = content_of(lake)
                assert other.content().items() <= now.items(), f"at {at}"
                assert lake.ledger(HOUR) == other.ledger
            else:
                # It was done before the other came to its end, or had only to tidy up.
                assert begun
                assert lake.ledger(HOUR) == other.ledger
                assert other.content().items() <= content_of(lake).items()
            if counted is None:
                trial = Lake(type(storage)(*arguments(storage, "counted")))
                if first:
                    commit(trial, Run(tmp_path, first))
                counting = AtRequest(trial.storage, 0, lambda: None)
                commit_run(Lake(counting), mine.ledger, mine.files)
                counted = counting.count
            commit(lake, other)
            assert content_of(lake) == other.content() | marks_of(lake)
            assert HOUR not in lake.marks()
        assert at > 10

    @pytest.mark.parametrize("at", [1, 2, 3, 4])
    def test_one_that_meets_another_outcome_says_so(self, local, tmp_path, at):
        other, mine = Run(tmp_path, "other"), Run(tmp_path, "mine")
        lagging = Meddled(Path(local.storage.url), at, lambda: commit(local, other))
        with pytest.raises(OvertakenError, match=r"another attempt publishes.*run it again unless"):
            commit(Lake(lagging), mine)
        assert local.marks() == {}
        assert local.ledger(HOUR) == other.ledger
        commit(local, mine)
        assert content_of(local) == mine.content()

    def test_two_that_are_the_same_both_end_well(self, storage, tmp_path):
        run = Run(tmp_path, "one")
        commit(Lake(storage), Run(tmp_path, "before"))
        barrier = threading.Barrier(2)

        def attempt(_: int) -> bool:
            barrier.wait()
            return commit(Lake(storage), run).changed

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(attempt, range(2)))
        assert content_of(Lake(storage)) == run.content()

    def test_one_that_meets_the_same_outcome_goes_on(self, local, tmp_path):
        run = Run(tmp_path, "one")
        lagging = Meddled(Path(local.storage.url), 2, lambda: commit(local, run))
        commit(Lake(lagging), run)
        assert content_of(local) == run.content()

    def test_a_mark_that_another_attempt_has_left_meanwhile_stays(self, local, tmp_path):
        """It may have replaced a file after this attempt wrote it."""
        lagging = Meddled(
            Path(local.storage.url), 2, lambda: local.mark(HOUR, "interrupted", "the other's")
        )
        commit(Lake(lagging), Run(tmp_path, "one"))
        assert local.marks() == {HOUR: {"interrupted"}}

    def test_states_of_a_later_attempt_are_left_to_it(self, local, tmp_path):
        other, mine = Run(tmp_path, "other"), Run(tmp_path, "mine")
        commit(local, mine)
        for key, path in other.files.items():
            if key.startswith("_state"):
                local.storage.upload(key, path)

        class Overtaken(LocalStorage):
            def write(self, key: str, content: bytes, replaces: str | None = None) -> str:
                version = super().write(key, content, replaces)
                if key.startswith("_runs") and self.url == local.storage.url:
                    local.write_ledger(other.ledger)
                return version

        commit(Lake(Overtaken(local.storage.url)), Run(tmp_path, "mine", settings="changed"))
        keys = {entry.key for entry in local.storage.list("_state/")}
        assert {file.key for file in other.ledger.state.values()} <= keys


def test_a_failed_upload_leaves_the_hour_undone(local, tmp_path):
    def fail() -> None:
        raise StorageError("the request failed", "Try again.")

    run = Run(tmp_path, "one")
    with pytest.raises(StorageError):
        commit(Lake(Meddled(Path(local.storage.url), 3, fail)), run)
    assert local.ledger(HOUR) is None
    commit(local, run)
    assert content_of(local) == run.content()


def test_work_in_progress_is_removed_wherever_it_lies(lake, tmp_path):
    run = Run(tmp_path, "one")
    staging = LocalStorage(tmp_path / "staging")
    for store in (staging, lake.storage):
        store.write(f"_staging/{HOUR.partition}/a/b", b"")
        store.write(f"_staging/{HOUR.next.partition}/a/b", b"")
    remove_leftovers(lake, staging, run.ledger)
    for store in (staging, lake.storage):
        assert [entry.key for entry in store.list()] == [f"_staging/{HOUR.next.partition}/a/b"]
