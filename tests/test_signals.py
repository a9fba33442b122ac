"""Runs that are ended from outside: real processes, real signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sessionize.cli import main
from sessionize.lake.storage import LocalStorage
from tests.pipeline import scenario

FIRST, *_, LAST = scenario.HOURS
COMMAND = [sys.executable, "-m", "sessionize"]
#: A writer that stops for good at the moment when its file has a temporary name.
STOPS_AT_THE_NAME = """
import pathlib, sys, time
from sessionize import cli
def stop(self, target):
    if "events" in str(target):
        print("here", flush=True)
        time.sleep(600)
    return rename(self, target)
rename = pathlib.Path.replace
pathlib.Path.replace = stop
sys.exit(cli.main(sys.argv[1:]))
"""


class Place:
    """A pipeline in a folder, run by processes whose temporary folder is its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.temporary = folder, folder / "temporary"
        self.temporary.mkdir(parents=True)
        scenario.land_all(LocalStorage(folder / "raw"))
        self.config = folder / "pipeline.toml"
        self.write_config()

    def write_config(self, more: str = "") -> None:
        text = f'name = "t"\nraw = "raw"\nlake = "lake"\nstart = {FIRST}:00:00Z\n{more}'
        self.config.write_text(text)

    @property
    def arguments(self) -> list[str]:
        config = ["--config", str(self.config)]
        return ["run", *config, "--from", str(FIRST), "--to", str(LAST.next)]

    def start(self, command: list[str], **options: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*command, *self.arguments],
            env=os.environ | {"TMPDIR": str(self.temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,  # type: ignore[call-overload]
        )

    def wait_for(self, process: subprocess.Popen[str], is_there: Callable[[], object]) -> None:
        until = time.monotonic() + 60
        while not is_there():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.002)

    def work_has_begun(self) -> bool:
        return any(self.temporary.iterdir())

    def content(self) -> dict[str, bytes]:
        lake = self.folder / "lake"
        return {
            str(path.relative_to(lake)): path.read_bytes()
            for path in lake.rglob("*")
            if path.is_file()
        }

    def leftovers(self) -> list[Path]:
        return [*self.temporary.iterdir(), *(self.folder / "lake").rglob(".sessionize-*")]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "place")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    place = Place(tmp_path_factory.mktemp("undisturbed") / "place")
    assert main(place.arguments) == 0
    return place.content()


@pytest.mark.parametrize("pause", [0.0, 0.1, 0.3])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_run_that_is_asked_to_end_cleans_up_and_says_so(
    place: Place, undisturbed: dict[str, bytes], number: signal.Signals, code: int, pause: float
) -> None:
    process = place.start(COMMAND)
    place.wait_for(process, place.work_has_begun)
    time.sleep(pause)
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    assert process.returncode == code
    assert error == f"sessionize: ended by {number.name}; run the hour again to complete it\n"
    assert place.leftovers() == []
    assert main(place.arguments) == 0
    assert place.content() == undisturbed


def test_a_run_under_nohup_goes_on(place: Place, undisturbed: dict[str, bytes]) -> None:
    process = place.start(["nohup", *COMMAND])
    place.wait_for(process, place.work_has_begun)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert place.content() == undisturbed


def test_what_a_killed_run_leaves_in_the_lake_the_next_run_of_any_hour_removes(
    place: Place,
) -> None:
    assert main(place.arguments) == 0
    part = place.folder / "lake" / "events" / LAST.partition / "part-0.parquet"
    part.write_bytes(b"rotten")
    process = place.start([sys.executable, "-c", STOPS_AT_THE_NAME])
    assert process.stdout is not None
    while process.stdout.readline() != "here\n":
        assert process.poll() is None
    assert len(place.leftovers()) > 1
    process.kill()
    process.communicate(timeout=60)
    assert [path for path in place.leftovers() if path.name == ".sessionize-tmp"]
    first = ["run", "--config", str(place.config), "--hour", str(FIRST)]
    assert main(first) == 0
    assert not list((place.folder / "lake").rglob(".sessionize-*"))


@pytest.mark.parametrize("seed", range(3))
def test_a_run_killed_anywhere_is_completed_and_leaves_nothing_in_the_lake(
    place: Place, undisturbed: dict[str, bytes], seed: int
) -> None:
    process = place.start(COMMAND)
    place.wait_for(process, place.work_has_begun)
    time.sleep(0.15 * seed)
    process.kill()
    process.communicate(timeout=60)
    assert main(place.arguments) == 0
    assert place.content() == undisturbed
    assert not list((place.folder / "lake").rglob(".sessionize-*"))
