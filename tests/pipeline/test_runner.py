"""The run of an hour in one process: what is its own beside the stages."""

from __future__ import annotations

import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sessionize.lake.storage import LocalStorage
from sessionize.model.errors import ClaimChangedError, LimitExceededError
from sessionize.pipeline import runner
from sessionize.pipeline.runner import in_order, run_hour
from sessionize.pipeline.stages import Pipeline
from tests.pipeline import scenario

FIRST, SECOND = scenario.HOURS[:2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    scenario.land_all(LocalStorage(tmp_path / "raw"))
    return tmp_path


def pipeline(folder: Path, **settings: object) -> Pipeline:
    return Pipeline.open(scenario.config(folder / "raw", folder / "lake", **settings))


class TestRunHour:
    def test_nothing_is_left_over_from_a_run(self, folder, tmp_path, monkeypatch):
        temporary = tmp_path / "temporary"
        temporary.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(temporary))
        run_hour(pipeline(folder), FIRST)
        assert list(temporary.iterdir()) == []
        assert not (folder / "lake" / "_staging").exists()

    def test_nothing_is_left_over_from_a_run_that_fails(self, folder, tmp_path, monkeypatch):
        temporary = tmp_path / "temporary"
        temporary.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(temporary))
        with pytest.raises(LimitExceededError):
            run_hour(pipeline(folder, limits={"fail_quarantined": 0.0}), FIRST)
        assert list(temporary.iterdir()) == []
        assert {path.name for path in (folder / "lake").iterdir()} == {"_claims", "_pipeline.json"}

    @pytest.mark.parametrize("in_memory", ["1B", "1GiB"])
    def test_a_run_whose_hour_before_was_replaced_meanwhile_publishes_nothing(
        self, folder, monkeypatch, in_memory
    ):
        run = {"shards": 2, "in_memory": in_memory}
        run_hour(pipeline(folder), FIRST)
        changed = pipeline(folder, session={"timeout": "1m"})
        write = runner.write_of_shards

        def write_slowly(*arguments):  # type: ignore[no-untyped-def]
            written = write(*arguments)
            monkeypatch.setattr(runner, "write_of_shards", write)
            run_hour(changed, FIRST)
            return written

        monkeypatch.setattr(runner, "write_of_shards", write_slowly)
        with pytest.raises(ClaimChangedError, match=f"{FIRST} has been run again meanwhile"):
            run_hour(pipeline(folder, run=run), SECOND)
        assert pipeline(folder).lake.ledger(SECOND) is None


class TestInOrder:
    def test_results_come_in_order_whichever_is_done_first(self):
        is_done = [threading.Event() for _ in range(3)]

        def work(number: int) -> int:
            if number < 2:
                assert is_done[number + 1].wait(60)
            is_done[number].set()
            return number

        with ThreadPoolExecutor(3) as pool:
            assert list(in_order(pool, work, 3, ahead=3)) == [0, 1, 2]

    def test_no_more_is_begun_ahead_than_asked_for(self):
        begun: list[int] = []
        with ThreadPoolExecutor(4) as pool:
            results = in_order(pool, lambda number: begun.append(number) or number, 10, ahead=2)
            assert next(results) == 0
            assert set(begun) <= {0, 1}
            assert list(results) == list(range(1, 10))

    def test_what_fails_keeps_the_rest_from_being_begun(self):
        begun: list[int] = []

        def work(number: int) -> None:
            begun.append(number)
            if number == 1:
                raise ValueError("the second")

        with ThreadPoolExecutor(1) as pool, pytest.raises(ValueError, match="the second"):
            list(in_order(pool, work, 100, ahead=2))
        assert len(begun) <= 3

    def test_no_work_has_no_results(self):
        with ThreadPoolExecutor(1) as pool:
            assert list(in_order(pool, str, 0, ahead=2)) == []
