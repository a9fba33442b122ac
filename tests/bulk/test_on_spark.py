"""On Spark itself: the same lake, tasks that fail, workers and drivers that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.events import generate
from local.landing import land, put_folder
from sessionize.bulk import engine as on_spark
from sessionize.bulk.driver import Cut, bulk
from sessionize.bulk.engine import SparkEngine
from sessionize.bulk.reading import read
from sessionize.bulk.walking import walk
from sessionize.lake.storage import LocalStorage
from sessionize.model.errors import ObjectGoneError, SparkError
from sessionize.model.hours import Hour, hours_between
from tests.bulk.lakes import Lakes
from tests.pipeline import scenario

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.slow

FIRST, END = Hour.parse("2017-02-04T20"), Hour.parse("2017-02-05T02")
HOURS = list(hours_between(FIRST, END))
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def lakes(tmp_path: Path) -> Lakes:
    """The four hours of `scenario`, and the lake of their hourly runs."""
    lakes = Lakes(tmp_path / "x", '[run]\nbatch_size = "1B"\n', scenario.START)
    scenario.land_all(LocalStorage(lakes.raw))
    lakes.hourly("hourly", scenario.HOURS)
    return lakes


@pytest.mark.parametrize("cut", [Cut(), Cut(stretch=4, shards=5, at_once=1)], ids=str)
def test_the_lake_is_that_of_hourly_runs(tmp_path: Path, spark: SparkSession, cut: Cut):
    rules = '[session]\nmax_out_of_orderness = "20m"\n[run]\nbatch_size = "2KiB"\n'
    lakes = Lakes(tmp_path / "x", rules, FIRST)
    landing = land(generate(HOURS, seed=7, installations=60), seed=7, straggler_of=HOURS[1])
    put_folder(landing.objects, lakes.raw)
    lakes.hourly("bulk", HOURS[:2])
    put_folder(landing.stragglers, lakes.raw)
    lakes.copy("hourly", "bulk")
    lakes.hourly("hourly", HOURS[2:])
    lakes.in_bulk("bulk", HOURS[2:5], SparkEngine(spark), cut)
    lakes.hourly("bulk", HOURS[5:])
    lakes.assert_same("hourly", "bulk")


def failing_once(work, mark: Path, fail):  # type: ignore[no-untyped-def]
    """A stage whose first task to begin fails when it has made a row, in whatever process."""

    def first_fails(given, stretch) -> Iterator:  # type: ignore[no-untyped-def, type-arg]
        for row in work(given, stretch):
            yield row
            try:
                mark.touch(exist_ok=False)
            except FileExistsError:
                continue
            fail()

    return first_fails


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def give_up() -> None:
    raise OSError("a disk is full")


@pytest.mark.parametrize("stage", [read, walk])
@pytest.mark.parametrize("fail", [die, give_up])
def test_a_task_that_fails_and_a_worker_that_is_killed(
    lakes: Lakes, spark: SparkSession, monkeypatch: pytest.MonkeyPatch, stage, fail
):
    mark = lakes.folder / "mark"
    monkeypatch.setattr(on_spark, stage.__name__, failing_once(stage, mark, fail))
    lakes.in_bulk("bulk", scenario.HOURS, SparkEngine(spark), Cut(shards=2))
    assert mark.exists()
    lakes.assert_same("hourly", "bulk")


def test_an_error_of_a_task_is_the_error(lakes: Lakes, spark: SparkSession, monkeypatch):
    def without_an_object(given, stretch):  # type: ignore[no-untyped-def]
        for path in sorted((lakes.raw / scenario.HOURS[1].landing_prefix).iterdir())[:1]:
            path.unlink()
        return read(given, stretch)

    monkeypatch.setattr(on_spark, "read", without_an_object)
    with pytest.raises(ObjectGoneError, match=f"or run {scenario.HOURS[1]} again from `claim`"):
        lakes.in_bulk("bulk", scenario.HOURS, SparkEngine(spark))
    assert lakes.pipeline("bulk").lake.done_hours() == []


def test_what_no_one_has_thought_of_is_told_in_a_line(lakes: Lakes, spark, monkeypatch):
    def broken(given, stretch):  # type: ignore[no-untyped-def]
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(on_spark, "walk", broken)
    with pytest.raises(SparkError, match="ZeroDivisionError: by nothing") as caught:
        lakes.in_bulk("bulk", scenario.HOURS, SparkEngine(spark))
    assert len(str(caught.value)) < 600


def command(lakes: Lakes, *options: str) -> list[str]:
    lakes.pipeline("bulk")  # its file
    hours = ["--from", str(scenario.START), "--to", str(scenario.HOURS[-1].next)]
    program = [sys.executable, "-m", "sessionize", "bulk", "--master", "local[2]"]
    return [*program, "--config", str(lakes.folder / "bulk.toml"), *hours, *options]


@pytest.mark.parametrize("folder", ["_claims", "_staging", "events", "_runs"])
def test_a_driver_that_is_killed_and_started_again(lakes: Lakes, needs_spark: None, folder: str):
    """Killed once something is there of what it does one after the other."""
    begun = lakes.folder / "bulk" / folder
    with subprocess.Popen(
        command(lakes, "--stretch", "2"), cwd=REPOSITORY, stderr=subprocess.DEVNULL
    ) as driver:
        while driver.poll() is None and not (begun.exists() and any(begun.rglob("*.*"))):
            time.sleep(0.001)
        driver.kill()
    done = lakes.pipeline("bulk").lake.done_hours()
    assert done == scenario.HOURS[: len(done)]
    again = subprocess.run(
        command(lakes, "--resume"), cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stderr
    assert len(again.stdout.splitlines()) == 4 - len(done)
    lakes.assert_same("hourly", "bulk")


def test_spark_submit(lakes: Lakes, needs_spark: None):
    import pyspark

    lakes.pipeline("bulk")
    job = REPOSITORY / "sessionize/cli/bulk_job.py"
    run = subprocess.run(
        [
            *(str(Path(pyspark.__file__).parent / "bin/spark-submit"), "--master", "local[2]"),
            *("--conf", "spark.ui.enabled=false", str(job)),
            *command(lakes)[6:],
        ],
        env=os.environ | {"PYSPARK_PYTHON": sys.executable, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    lines = [line for line in run.stdout.splitlines() if "  read " in line]  # its own are there too
    assert [line.split()[0] for line in lines] == [str(hour) for hour in scenario.HOURS]
    lakes.assert_same("hourly", "bulk")


def test_one_machine_sends_a_tenth_of_all(tmp_path: Path, spark: SparkSession):
    lakes = Lakes(tmp_path / "x", "", scenario.START)
    for hour in scenario.HOURS[:2]:
        minute = f"{hour.start:%H}:{{:02}}:{{:02}}"
        events = [
            scenario.event(f"{machine:04x}", minute.format(n // 60, n % 60))
            for machine in range(90)
            for n in range(0, 3600, 360)
        ] + [scenario.event("beef", minute.format(n // 60, n % 60)) for n in range(0, 3600, 36)]
        scenario.land(LocalStorage(lakes.raw), hour, "one", events)
    lakes.hourly("hourly", scenario.HOURS[:2])
    published = [
        *bulk(lakes.pipeline("bulk"), SparkEngine(spark), scenario.HOURS[:2], Cut(shards=4))
    ]
    assert published[0].ledger.counts.valid == 1000
    lakes.assert_same("hourly", "bulk")
