"""The lake is the same to the byte, however the work is divided, in memory or over the disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from local.events import generate
from local.landing import land, put_folder
from sessionize.cli import main
from sessionize.model.hours import Hour, hours_between
from sessionize.pipeline import runner, stages

FIRST, END = Hour.parse("2017-02-04T20"), Hour.parse("2017-02-04T23")
HOURS = list(hours_between(FIRST, END))

DIVISIONS = {
    "over the disk": 'in_memory = "1B"',
    "in shards and batches, over the disk": 'shards = 5\nbatch_size = "2KiB"\nin_memory = "1B"',
    "in shards, in memory, by one thread": "shards = 3\nthreads = 1",
    "in memory, one small shard after the other": "",
    "in memory, one shard in parts": "shards = 1",
    "over the disk, shards in parts": 'shards = 2\nin_memory = "1B"',
    "begun in memory, which does not suffice": 'in_memory = "102KiB"',
}


def lake(folder: Path, settings: str) -> dict[str, bytes]:
    config = folder.with_suffix(".toml")
    config.write_text(
        f'name = "t"\nraw = "raw"\nlake = "{folder.name}"\nstart = {FIRST}:00:00Z\n'
        f'[session]\nmax_out_of_orderness = "20m"\n[run]\n{settings}\n'
    )
    assert main(["run", "--config", str(config), "--from", f"{FIRST}", "--to", f"{END}"]) == 0
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_lake_does_not_depend_on_how_the_work_is_divided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_folder(land(generate(HOURS, seed=7, installations=40), seed=7).objects, tmp_path / "raw")
    expected = lake(tmp_path / "as-it-comes", "")
    assert any(key.startswith("sessionized_events/") for key in expected)
    sessionized, given_up = Counter[str](), Counter[str]()
    for number, (division, settings) in enumerate(DIVISIONS.items()):
        is_small = "small" in division or "parts" in division
        with monkeypatch.context() as patch:
            patch.setattr(runner, "_SHARD_SIZE", 1 << 10 if is_small else runner._SHARD_SIZE)
            counted(patch, stages, "load_state", lambda d=division: sessionized.update([d]))
            counted(patch, runner, "_in_shards_for", lambda d=division: given_up.update([d]))
            found = lake(tmp_path / f"lake-{number}", settings)
        assert found.keys() == expected.keys(), division
        assert [key for key in found if found[key] != expected[key]] == [], division
    assert set(given_up) == {"begun in memory, which does not suffice"}
    assert sessionized["in memory, one shard in parts"] > 2 * len(HOURS)
    assert sessionized["over the disk, shards in parts"] > 4 * len(HOURS)


def counted(
    patch: pytest.MonkeyPatch, module: ModuleType, name: str, count: Callable[[], None]
) -> None:
    function = getattr(module, name)

    def counting(*arguments: object) -> object:
        count()
        return function(*arguments)

    patch.setattr(module, name, counting)
