"""The queries of docs/daily.md run."""

from __future__ import annotations

import contextlib
from pathlib import Path

import duckdb
import pytest

from sessionize.cli import main
from sessionize.lake.storage import LocalStorage
from tests.pipeline import scenario

from .test_readme import snippets

FIRST, *_, LAST = scenario.HOURS


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the lake of two days."""
    folder = tmp_path_factory.mktemp("days")
    (folder / "raw").mkdir()
    scenario.land_all(LocalStorage(folder / "raw"))
    file = folder / "nitro.toml"
    file.write_text(
        f'name = "nitro"\nraw = "raw"\nlake = "lake"\nstart = {FIRST}:00:00Z\n'
        f"end = {LAST.next}:00:00Z\n"
    )
    assert main(["run", "--config", str(file), "--from", str(FIRST), "--to", str(LAST.next)]) == 0
    days = ("--from", "2017-02-04", "--to", "2017-02-06")
    assert main(["daily", "--config", str(file), *days]) == 0
    return folder


@pytest.mark.parametrize("command", snippets("docs/daily.md", "sh")[0].splitlines())
def test_a_command_is_understood(
    command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys
):
    """It gets as far as the pipeline file, which is not there."""
    monkeypatch.chdir(tmp_path)
    *_, arguments = command.split("#")[0].partition("-m sessionize ")
    assert main(arguments.split()) == 1
    assert "nitro.toml" in capsys.readouterr().err


@pytest.mark.parametrize("query", snippets("docs/daily.md", "sql"))
def test_a_query_gives_an_answer(lake: Path, query: str):
    with contextlib.chdir(lake):
        assert duckdb.sql(query).fetchall()
