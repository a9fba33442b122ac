"""The README says what the code declares, and its snippets run."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from local.docs import PAGES
from sessionize.config import load_config
from sessionize.model.describe import blocks, rewritten

REPOSITORY = Path(__file__).parents[2]


def snippets(page: str, language: str) -> list[str]:
    text = (REPOSITORY / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def record(second: int, action: str) -> dict[str, Any]:
    return {
        "timestamp": f"2017-02-04T23:10:{second:02}Z",
        "action": action,
        "inst_id": "a1b2ffff",
        "_l": 4,
        "build_id": "10.3.5.34",
        "trialstate": "Trial",
        "document": {"pages": second},
    }


@pytest.mark.parametrize("page", PAGES)
def test_its_tables_are_those_of_the_declared_columns(page: str) -> None:
    text = (REPOSITORY / page).read_text()
    assert text == rewritten(text, blocks()), "run `make docs`"


def test_every_block_has_its_marks_on_one_page() -> None:
    text = "".join((REPOSITORY / page).read_text() for page in PAGES)
    assert re.findall("<!-- ([a-z_]+) -->", text) == list(blocks())


def test_its_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [code] = snippets("README.md", "python")
    (tmp_path / "nitro.toml").write_text("".join(snippets("README.md", "toml")))
    (tmp_path / "landed").mkdir()
    landed = [record(4, "prostarted"), record(9, "proprint"), record(12, "prostarted"), {}]
    for number, text in enumerate(map(json.dumps, landed)):
        (tmp_path / f"landed/stream-{number}").write_bytes(gzip.compress(text.encode()))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(code, names)
    run = names["run"]
    assert run.closed["event_count"].tolist() == [2]
    assert run.open["event_count"].tolist() == [1]
    assert len(run.settled) == 3
    assert run.closed["pages_printed"].tolist() == [9]


@pytest.mark.parametrize("page", PAGES)
def test_its_pipelines_are_valid(page: str, tmp_path: Path) -> None:
    whole = [text for text in snippets(page, "toml") if "start = " in text]
    assert whole
    for number, text in enumerate(whole):
        path = tmp_path / f"{number}.toml"
        path.write_text(text)
        load_config(path)
    parts = [text for text in snippets(page, "toml") if "start = " not in text]
    for number, text in enumerate(parts):
        path = tmp_path / f"part-{number}.toml"
        path.write_text(whole[0] + text)
        load_config(path)
