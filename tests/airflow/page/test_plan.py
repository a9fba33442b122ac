"""The plan of a replay: what the page is told is what the command line says, and nothing is run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from sessionize.airflow.page import plan_routes
from sessionize.airflow.page.app import build_app
from sessionize.config import load_config
from sessionize.lake.storage import LocalStorage
from sessionize.pipeline.stages import Pipeline
from sessionize.replay.explain import explained
from sessionize.replay.look import plan_of
from sessionize.replay.plan import to_json
from tests.airflow.page.conftest import OURS, Login
from tests.pipeline import scenario

A, B, C, D = scenario.HOURS
TODAY = "first=2017-02-04T22&end=2017-02-05T02"


@pytest.fixture
def app(lake: Path, tmp_path: Path) -> FastAPI:
    """The page of a copy of the lake, whose first hour is outdated and whose last was never run."""
    folder = shutil.copytree(lake, tmp_path / "page")
    for file in (folder / "pipelines").iterdir():
        file.write_text(file.read_text().replace(str(lake), str(folder)))
    pipeline(folder).lake.mark(A, "outdated", "for a test")
    return build_app(lambda: folder / "pipelines", tmp_path / "cache")


def pipeline(folder: Path) -> Pipeline:
    return Pipeline.open(load_config(folder / "pipelines" / "test.toml"))


def planned(login: Login, query: str = TODAY, status: int = 200) -> dict[str, Any]:
    answer = login().get(f"api/dags/{OURS}/plan?{query}")
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_it_is_the_plan_of_the_command_line_in_its_words(login: Login, tmp_path: Path):
    expected = plan_of(pipeline(tmp_path / "page"), A, D.next)
    found = planned(login)
    assert found | json.loads(json.dumps(to_json(expected))) == found
    said = list(explained(expected))
    shown = [part["title"] + ":" for part in found["parts"]] + found["caveats"]
    shown += [line["says"] for part in found["parts"] for line in part["lines"]]
    assert len(shown) > 4
    assert all(any(text in line for line in said) for text in shown)


def test_all_hours_can_be_asked_for(login: Login):
    query = f"first={B}&end={C}"
    hours = {step["hour"]: step["step"] for step in planned(login, query)["steps"]}
    assert hours[str(B)] == "RunIfOutdated"
    found = planned(login, f"{query}&all=1")
    assert {step["hour"]: step["step"] for step in found["steps"]}[str(B)] == "RunAgain"
    assert "--reset-dagruns" in found["ways"][0]["command"]


def test_the_commands_name_the_file(login: Login, tmp_path: Path):
    ways = [way["command"] for way in planned(login)["ways"]]
    assert ways[0] == f"airflow dags backfill {OURS} -s {A}:00Z -e {D}:00Z --replay"
    file = tmp_path / "page" / "pipelines" / "test.toml"
    assert all(f"--config {file} --from {A} --to {D.next}" in way for way in ways[1:])


def test_hours_behind_are_looked_at_as_far_as_wanted(login: Login):
    query = f"first={A}&end={B}"
    assert planned(login, f"{query}&later=0")["unseen"] == 2
    assert planned(login, f"{query}&later=1")["unseen"] == 1
    assert planned(login, query)["unseen"] == 0
    planned(login, f"{query}&later=2001", 422)


def test_hours_that_are_not_the_pipelines_or_not_over_are_left_out(login: Login):
    assert planned(login, f"first=2017-02-04T00&end={B}")["from"] == str(A)
    assert planned(login, "first=2016-02-04T00&end=2016-02-05T00", 422)["remedy"]
    assert planned(login, "first=2199-02-04T00&end=2199-02-05T00", 422)["remedy"]


def test_more_hours_than_are_bearable_are_refused(login: Login, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(plan_routes, "MOST_HOURS", 1)
    assert "command line" in planned(login, status=422)["remedy"]
    # The hour is one, but another has to be run before it.
    assert f"from {A} on" in planned(login, f"first={B}&end={C}", 422)["fault"]


def test_it_only_reads(login: Login, monkeypatch: pytest.MonkeyPatch):
    def write(self: LocalStorage, key: str, *_: object, **__: object) -> None:
        raise AssertionError(key)

    for verb in ("write", "upload", "delete"):
        monkeypatch.setattr(LocalStorage, verb, write)
    planned(login)


def test_a_damaged_ledger_is_told_with_its_remedy(login: Login, tmp_path: Path):
    (tmp_path / "page" / "lake" / "_runs" / f"{B.partition}.json").write_text("{")
    assert planned(login, status=500)["remedy"]
