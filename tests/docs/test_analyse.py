"""The queries of docs/analyse.md run, in both dialects, and give what the page shows."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import duckdb
import pytest
import sqlglot

from local.events import generate
from local.landing import land, put_folder
from sessionize.cli import main
from sessionize.model.hours import Hour, hours_between

PAGE = Path(__file__).parents[2] / "docs" / "analyse.md"
FIRST, END = "2017-02-04T18", "2017-02-06T06"
TABLE = r"(?:\n((?:\|[^\n]*\n)+))?"
BLOCK = re.compile(r"^```sql( duckdb)?\n(.*?)^```\n" + TABLE, re.DOTALL | re.MULTILINE)


def blocks() -> list[tuple[str, str, str]]:
    """Dialect, query and result of each block, in order; the first makes the views."""
    return BLOCK.findall(PAGE.read_text())


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """A lake of made-up events behind the page's views."""
    folder = tmp_path_factory.mktemp("lake")
    hours = list(hours_between(Hour.parse(FIRST), Hour.parse(END)))
    put_folder(land(generate(hours, seed=2017, installations=300)).objects, folder / "raw")
    file = folder / "nitro.toml"
    file.write_text(f'name = "nitro"\nraw = "raw"\nlake = "lake"\nstart = {FIRST}:00:00Z\n')
    assert main(["run", "--config", str(file), "--from", FIRST, "--to", END]) == 0
    connection = duckdb.connect()
    with contextlib.chdir(folder):
        _, views, _ = blocks()[0]
        connection.execute(views.replace("'lake/", f"'{folder}/lake/"))
    return connection


def as_table(answer: duckdb.DuckDBPyConnection) -> str:
    """Write an answer as the page does."""
    rows = [tuple(column[0] for column in answer.description), *answer.fetchall()]
    rows.insert(1, ("---",) * len(rows[0]))
    return "".join(f"| {' | '.join(map(shown, row))} |\n" for row in rows)


def shown(value: object) -> str:
    text = str(value)
    return re.sub(r"(?: 00:00:00)?\+00:00$", "", text)


@pytest.mark.parametrize(("dialect", "query", "result"), blocks()[1:])
def test_a_query_gives_what_the_page_shows(lake, dialect, query, result):
    assert as_table(lake.execute(query)) == result
    if not dialect:
        [translated] = sqlglot.transpile(query, read="athena", write="duckdb")
        assert as_table(lake.execute(translated)) == result


def test_the_views_are_of_every_dataset():
    assert len(blocks()) == 13
    assert blocks()[0][1].count("CREATE VIEW") == 6
