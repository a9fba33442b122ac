"""Lakes that release 0.1 has written are carried on, and come out as they would have there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from sessionize.cli import main
from sessionize.config import load_config
from sessionize.lake.layout import Lake
from sessionize.lake.migrations import FORMAT
from sessionize.lake.storage import LocalStorage
from sessionize.model.hours import Hour
from sessionize.pipeline.stages import Pipeline
from sessionize.pipeline.status import HourState, pipeline_status
from tests.lake.recorded.record import (
    CASES,
    DATASETS,
    END,
    HOURS,
    LATER,
    RECORDED,
    partition,
    rows_of,
)

HERE = Path(__file__).parent / "recorded"
BEFORE, AFTER = HOURS[:RECORDED], HOURS[RECORDED:]


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def folder(case: str, tmp_path: Path) -> Path:
    """A copy of one of the recorded lakes, with what has landed and the rows to expect."""
    return shutil.copytree(HERE / case, tmp_path / "copy")


def run(folder: Path, first: str, end: str) -> int:
    config = str(folder / "pipeline.toml")
    return main(["run", "--config", config, "--from", first, "--to", end])


def expected(folder: Path, hour: str) -> dict[str, list[str]]:
    return json.loads((folder / "expected.json").read_text())[hour]


def published(folder: Path, hour: str) -> dict[str, list[str]]:
    """The rows of an hour, with the columns that release 0.1 knew."""
    rows = {}
    for dataset in DATASETS:
        known = expected(folder, hour)[dataset]
        columns = sorted(json.loads(known[0])) if known else None
        rows[dataset] = rows_of(folder / "lake" / dataset / partition(hour), columns)
    return rows


def recorded_straggler(folder: Path) -> Path:
    """What has landed under an earlier hour only after the lake was recorded."""
    under, name, _ = LATER[RECORDED]
    return folder / "raw" / Hour.parse(under).landing_prefix / name


def lake_of(folder: Path) -> Lake:
    return Lake(LocalStorage(folder / "lake"))


def content(folder: Path) -> dict[str, bytes]:
    lake = folder / "lake"
    return {str(path): path.read_bytes() for path in lake.rglob("*") if path.is_file()}


def test_a_recorded_lake_holds_what_a_lake_can_hold(folder: Path, case: str) -> None:
    ledgers = [lake_of(folder).ledger(Hour.parse(hour)) for hour in HOURS]
    done = [ledger for ledger in ledgers if ledger is not None]
    assert [ledger.format for ledger in done] == [1] * RECORDED
    assert any(ledger.counts.sessions_open for ledger in done)
    assert any(ledger.counts.duplicates for ledger in done)
    assert any(ledger.counts.quarantined for ledger in done)
    assert done[-1].state["closed_frontiers"].rows
    assert bool(done[-1].counts.pending_after) == (case == "waiting")
    assert any(expected(folder, hour)["late_events"] for hour in AFTER)
    assert list((folder / "lake" / "_claims").rglob("*.stragglers-of-*.json"))


def test_it_is_carried_on_as_the_release_would_have_done(folder: Path) -> None:
    assert run(folder, AFTER[0], END) == 0
    for hour in AFTER:
        assert published(folder, hour) == expected(folder, hour), hour
        ledger = lake_of(folder).ledger(Hour.parse(hour))
        assert ledger is not None
        assert ledger.format == FORMAT


def test_hours_of_the_release_come_out_the_same_when_they_are_replayed(folder: Path) -> None:
    landed_later = recorded_straggler(folder)
    landed_later.rename(folder / "aside")
    assert run(folder, HOURS[0], AFTER[0]) == 0
    (folder / "aside").rename(landed_later)
    assert run(folder, AFTER[0], END) == 0
    for hour in HOURS:
        assert published(folder, hour) == expected(folder, hour), hour
    pipeline = Pipeline.open(load_config(folder / "pipeline.toml"))
    states = [line.state for line in pipeline_status(pipeline.lake, pipeline.config)]
    assert states == [HourState.DONE] * len(HOURS)


def test_an_hour_of_the_release_that_is_replayed_alone_keeps_its_claim(folder: Path) -> None:
    last = BEFORE[-1]
    recorded_straggler(folder).unlink()
    assert run(folder, last, AFTER[0]) == 0
    assert published(folder, last) == expected(folder, last)


def test_the_status_of_a_recorded_lake_is_done(folder: Path) -> None:
    pipeline = Pipeline.open(load_config(folder / "pipeline.toml"))
    states = [line.state for line in pipeline_status(pipeline.lake, pipeline.config)]
    assert states == [HourState.DONE] * RECORDED


def test_the_release_refuses_the_lake_from_the_first_claim_on(folder: Path) -> None:
    """It compares the whole marker with its own."""
    marker = folder / "lake" / "_pipeline.json"
    assert json.loads(marker.read_text()) == {"format": 1, "name": "t"}
    assert run(folder, AFTER[0], AFTER[1]) == 0
    assert json.loads(marker.read_text()) == {"format": FORMAT, "name": "t", "raw": "../raw"}


@pytest.mark.parametrize("key", ["_pipeline.json", f"_runs/{partition(BEFORE[-1])}.json"])
def test_a_lake_of_a_newer_release_is_refused_before_anything_is_written(
    folder: Path, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "lake" / key
    document = json.loads(path.read_text()) | {"format": FORMAT + 1, "more": []}
    path.write_text(json.dumps(document))
    before = content(folder)
    assert run(folder, AFTER[0], END) == 1
    said = capsys.readouterr().err
    assert f"written by a newer release of sessionize, in format {FORMAT + 1}" in said
    assert "Run the newer release" in said
    assert content(folder) == before
