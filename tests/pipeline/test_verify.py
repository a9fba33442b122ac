"""A lake in which something is rotten: it is found, and what is named mends it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sessionize.lake.layout import Lake
from sessionize.lake.storage import LocalStorage
from sessionize.model.errors import MissingStateError, SessionizeError
from sessionize.model.hours import Hour
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline
from sessionize.pipeline.verify import Remedy, faults_of, hours_to_run
from tests.pipeline import scenario

A, B, C, D = scenario.HOURS
STATE = "_state/dt=2017-02-04/hour=23"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verify") / "base"
    (folder / "raw").mkdir(parents=True)
    scenario.land_all(LocalStorage(folder / "raw"))
    for hour in (A, B, C):
        run_hour(pipeline(folder), hour)
    return folder


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    return shutil.copytree(base, tmp_path / "place")


def pipeline(folder: Path, **settings: object) -> Pipeline:
    return Pipeline.open(scenario.config(folder / "raw", folder / "lake", **settings))


def run_in_order(folder: Path, *hours: Hour) -> None:
    for hour in hours:
        run_hour(pipeline(folder), hour)


def lake_of(folder: Path) -> dict[str, bytes]:
    return scenario.content(LocalStorage(folder / "lake"))


def verify(folder: Path) -> tuple[list[str], list[tuple[Hour, Hour]]]:
    there = pipeline(folder)
    faults = list(faults_of(there.lake, there.config))
    return [fault.what for fault in faults], hours_to_run(there.lake, faults)


def state_of(folder: Path, name: str = "open_sessions") -> Path:
    [path] = (folder / "lake" / STATE).glob(f"{name}-*.parquet")
    return path


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    path.write_bytes(content)


def part(folder: Path, dataset: str = "sessions") -> Path:
    return folder / "lake" / dataset / B.partition / "part-0.parquet"


def test_a_lake_in_which_nothing_is_wrong(folder: Path) -> None:
    before = lake_of(folder)
    assert verify(folder) == ([], [])
    assert lake_of(folder) == before


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a changed byte of a partition": (lambda f: flip(part(f)), r"sessions/.*is damaged"),
    "a changed byte of a state": (lambda f: flip(state_of(f)), r"open_sessions-.*is damaged"),
    "a partition cut short": (lambda f: part(f).write_bytes(b"x"), r"has 1 bytes, not"),
    "a partition that is gone": (lambda f: part(f).unlink(), r"part-0.parquet is gone"),
    "a state that is gone": (lambda f: state_of(f).unlink(), r"open_sessions-.* is gone"),
    "a state too many": (
        lambda f: shutil.copy(state_of(f), state_of(f).with_name("pending-0.parquet")),
        r"pending-0\.parquet is a state that no ledger names",
    ),
}


@pytest.mark.parametrize(("damage", "told"), DAMAGES.values(), ids=DAMAGES)
def test_a_rotten_file_is_named_and_its_hour_run_again_mends_it(
    folder: Path, damage: Callable[[Path], object], told: str
) -> None:
    right = lake_of(folder)
    damage(folder)
    [what], ranges = verify(folder)
    assert re.search(told, what)
    assert ranges == [(B, C)]
    run_hour(pipeline(folder), B)
    assert lake_of(folder) == right
    assert verify(folder) == ([], [])


def test_a_state_in_which_a_byte_has_changed_is_not_built_upon(folder: Path) -> None:
    flip(state_of(folder))
    with pytest.raises(MissingStateError, match=rf"open_sessions-.*damaged.*run {B} again"):
        run_hour(pipeline(folder), C)


def test_a_partition_file_that_no_ledger_names_is_to_be_moved_away(folder: Path) -> None:
    part(folder).with_name("theirs.parquet").write_bytes(b"")
    there = pipeline(folder)
    [fault] = faults_of(there.lake, there.config)
    assert fault.remedy is Remedy.BY_HAND
    assert fault.what.endswith("read it too: move it away")


def test_hours_upon_another_state_are_run_again_from_the_first_one_on(folder: Path) -> None:
    run_hour(pipeline(folder, session={"timeout": "5m"}), A)
    told, ranges = verify(folder)
    assert f"{B} does not stand on that of {A}, as it is now" in told
    assert ranges == [(B, D)]


def test_a_gap_is_filled_from_its_first_hour_on(folder: Path) -> None:
    (folder / "lake" / "_runs" / f"{B.partition}.json").unlink()
    told, ranges = verify(folder)
    assert f"{B} has no ledger, though later hours have" in told
    assert ranges == [(B, D)]
    run_in_order(folder, B, C)
    assert verify(folder) == ([], [])


FOREIGN = {
    "null": b"null",
    "nothing": b"",
    "garbage": b"\xff\x00{",
    "a list": b"[]",
    "nested": b"[" * 10_000 + b"]" * 10_000,
    "nested objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "an open object": b'{"a":' * 10_000,
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("record", ["_runs", "_claims"])
def test_a_record_that_is_none_is_named_with_what_to_do(
    folder: Path, record: str, content: bytes
) -> None:
    (folder / "lake" / record / f"{B.partition}.json").write_bytes(content)
    with pytest.raises(SessionizeError, match=rf"{record}/{B.partition}\.json is not a .*Restore"):
        run_in_order(folder, B, C)
    told, _ = verify(folder)
    assert any(f"{record}/{B.partition}.json is not a" in line for line in told)


@pytest.mark.parametrize(
    "change",
    [
        {"hour": str(A)},
        {"state": {"pending": {"key": 1, "rows": 1, "bytes": 1, "sha256": ""}}},
        {"previous_state": None},
        {"counts": None},
    ],
)
def test_a_ledger_that_was_tampered_with_is_named(folder: Path, change: dict[str, object]) -> None:
    path = folder / "lake" / "_runs" / f"{B.partition}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(SessionizeError, match=r"_runs/.*is not a ledger of this project.*Restore"):
        run_hour(pipeline(folder), C)


@pytest.mark.parametrize(
    "entry",
    [
        {"key": "elsewhere/file", "size": 1, "etag": ""},
        {"key": "2017/02/04/25/file", "size": 1, "etag": ""},
        {"key": "2017/02/04/23/file", "size": True, "etag": ""},
        {"key": None, "size": 1, "etag": ""},
        "2017/02/04/23/file",
    ],
)
def test_a_claim_of_what_has_not_landed_is_named(folder: Path, entry: object) -> None:
    path = folder / "lake" / "_claims" / f"{B.partition}.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | {"objects": [entry]}))
    with pytest.raises(SessionizeError, match=r"_claims/.*is not a claim of this project.*Restore"):
        run_hour(pipeline(folder), B)


def test_it_changes_nothing_and_reads_only_what_it_is_asked_for(folder: Path) -> None:
    flip(part(folder))
    there = pipeline(folder)
    assert list(faults_of(Lake(there.lake.storage), there.config, C)) == []
    assert len(list(faults_of(there.lake, there.config, B, C))) == 1
