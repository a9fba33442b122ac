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
    for command in snippets("docs/daily.md", "sh")[0].splitlines()[:1]:
        assert main(["daily", "--config", str(file), "--date", "2017-02-04"]) == 0
        arguments = command.split("#")[0].replace("nitro.toml", str(file)).split()
        assert main(arguments[3:]) == 0
    return folder


@pytest.mark.parametrize("query", snippets("docs/daily.md", "sql"))
def test_a_query_gives_an_answer(lake: Path, query: str):
    with contextlib.chdir(lake):
        assert duckdb.sql(query).fetchall()
