from __future__ import annotations

from pathlib import Path

import pytest

from sessionize.cli import main
from sessionize.lake.storage import LocalStorage
from tests.pipeline import scenario

FIRST, END = str(scenario.START), str(scenario.HOURS[-1].next)


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "t.toml"
    file.write_text(f'name = "t"\nraw = "raw"\nlake = "lake"\nstart = {FIRST}:00:00Z\n')
    (tmp_path / "raw").mkdir()
    scenario.land_all(LocalStorage(tmp_path / "raw"))
    return str(file)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--from", FIRST], "give --from and --to"),
        (["--from", FIRST, "--to", FIRST], "is not after"),
        (["--from", FIRST, "--to", END, "--stretch", "0"], "--stretch is at least 1"),
    ],
)
def test_a_range_is_needed(config: str, options: list[str], says: str, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["bulk", "--config", config, *options])
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def test_resumed_where_all_is_done_nothing_is_started(config: str, capsys, monkeypatch):
    hours = ["--config", config, "--from", FIRST, "--to", END]
    assert main(["run", *hours]) == 0
    capsys.readouterr()
    monkeypatch.setattr("sessionize.bulk.spark.session", None)
    assert main(["bulk", *hours, "--resume"]) == 0
    assert capsys.readouterr().out == f"{FIRST} to {END}: all hours are done\n"
