"""Every example runs, and gives what its `expected.toml` says."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from sessionize.cli import main

EXAMPLES = Path(__file__).parents[2] / "examples"
PAGE = EXAMPLES.parent / "docs" / "examples.md"
FILES = ("pipeline.toml", "expected.toml", "raw")
FIRST, SECOND, END = "2026-03-02T09", "2026-03-02T10", "2026-03-02T11"

#: What an expectation says of a session beside its columns.
OF_A_SESSION = ("machine", "start", "events", "end_reason", "null")

Row = dict[str, Any]


def incomplete(examples: Path) -> list[str]:
    """What folders of examples lack."""
    folders = sorted(path for path in examples.iterdir() if path.is_dir())
    return [
        f"{folder.name}/{name}"
        for folder in folders
        for name in FILES
        if not (folder / name).exists()
    ]


def rows(lake: Path, dataset: str, hours: tuple[str, ...] = (FIRST, SECOND)) -> list[Row]:
    found = []
    for hour in hours:
        partition = lake / dataset / f"dt={hour[:10]}" / f"hour={hour[11:]}"
        for file in sorted(partition.glob("*.parquet")):
            found += pq.ParquetFile(file).read().to_pylist()
    return found


def shown(row: Row, expected: Row) -> Row:
    """A session, as far as an expectation says something of it."""
    names = [name for name in expected if name not in OF_A_SESSION]
    return {
        "machine": row["machine_id"],
        "start": row["started_at"],
        "events": row["event_count"],
        "end_reason": row["end_reason"] or "open",
        **{name: row[name] for name in names},
        **({"null": [n for n in expected["null"] if row[n] is None]} if "null" in expected else {}),
    }


@pytest.fixture(params=sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir()))
def example(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of an example: what is run in place stays out of it."""
    folder = tmp_path / request.param
    folder.mkdir()
    for name in ("pipeline.toml", "expected.toml"):
        shutil.copy(EXAMPLES / request.param / name, folder)
    shutil.copytree(EXAMPLES / request.param / "raw", folder / "raw")
    return folder


def test_every_example_has_a_pipeline_landed_events_and_an_expectation() -> None:
    assert not incomplete(EXAMPLES)


def test_an_example_without_an_expectation_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "new" / "raw").mkdir(parents=True)
    (tmp_path / "new" / "pipeline.toml").touch()
    assert incomplete(tmp_path) == ["new/expected.toml"]


def test_the_page_names_every_example_and_no_other() -> None:
    named = re.findall(r"\]\(\.\./examples/(\w+)/pipeline\.toml\)", PAGE.read_text())
    assert sorted(named) == sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir())


def test_check_accepts_it(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--config", str(example / "pipeline.toml")]) == 0
    assert f"pipeline '{example.name}'" in capsys.readouterr().out


def test_its_sessions_are_those_that_it_says(
    example: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = tomllib.loads((example / "expected.toml").read_text())
    config = str(example / "pipeline.toml")
    assert main(["run", "--config", config, "--from", FIRST, "--to", END]) == 0, capsys.readouterr()
    capsys.readouterr()

    lake = example / "lake"
    sessions = rows(lake, "sessions") + rows(lake, "open_sessions", (SECOND,))
    sessions.sort(key=lambda row: (row["machine_id"], row["started_at"]))
    wanted = sorted(expected["session"], key=lambda row: (row["machine"], row["start"]))
    assert [(row["machine_id"], row["started_at"]) for row in sessions] == [
        (row["machine"], row["start"]) for row in wanted
    ]
    for row, session in zip(sessions, wanted, strict=True):
        assert shown(row, session) == session
    assert any(row["started_at"].hour < row["ended_at"].hour for row in sessions), "over the hour"

    quarantine = rows(lake, "quarantine")
    assert [row["reason"] for row in quarantine] == [
        row["reason"] for row in expected["quarantine"]
    ]
    for row, refused in zip(quarantine, expected["quarantine"], strict=True):
        assert refused["has"] in row["raw"]

    assert main(["status", "--config", config, "--json"]) == 0
    hours = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(hour["hour"], hour["state"]) for hour in hours] == [(FIRST, "done"), (SECOND, "done")]
    for count in ("duplicates", "late"):
        assert sum(hour["counts"][count] for hour in hours) == expected[count]
    assert hours[-1]["counts"]["pending_after"] == expected["pending"]


def test_the_query_of_the_page_has_the_landing_pages_of_ga4(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "ga4", tmp_path / "ga4", ignore=shutil.ignore_patterns("lake"))
    config = str(tmp_path / "ga4" / "pipeline.toml")
    assert main(["run", "--config", config, "--from", FIRST, "--to", END]) == 0
    [query] = re.findall("```sql\n(.*?)```", PAGE.read_text(), re.DOTALL)
    query = query.replace("s3://bucket", str(tmp_path / "ga4"))
    pages = duckdb.sql(query).df()["landing_page"].str.removeprefix("https://store.example")
    assert sorted(pages) == ["/", "/", "/", "/", "/desk"]


def test_it_shows_what_a_pipeline_meets(example: Path) -> None:
    """More than one machine, a session that ends, odd records: else it teaches little."""
    expected = tomllib.loads((example / "expected.toml").read_text())
    sessions = expected["session"]
    assert len({row["machine"] for row in sessions}) > 1
    assert any(row["end_reason"] != "open" for row in sessions)
    assert len(expected["quarantine"]) == 1
    assert expected["duplicates"] + expected["late"] > 0
    for row in sessions:
        assert set(row) - set(OF_A_SESSION), f"{row['machine']}: no column of the session is given"
