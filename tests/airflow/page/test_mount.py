"""What Airflow's other processes load, and what happens if the page cannot be made."""

from __future__ import annotations

import subprocess
import sys

from fastapi import FastAPI
from fastapi.testclient import TestClient

from local.environment import REPOSITORY
from sessionize.airflow.page.mount import EXTERNAL_VIEWS, FASTAPI_APPS, PageApp


def test_the_plugin_costs_other_processes_nothing():
    code = (
        "import sys, sessionize.airflow.page.mount;"
        "costly = ('fastapi', 'pandas', 'pyarrow', 'boto3', 'airflow');"
        "print([name for name in costly if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_plugin_is_what_airflow_takes():
    from plugins.sessionize_page import SessionizePage

    assert SessionizePage.fastapi_apps is FASTAPI_APPS
    assert {view["destination"] for view in EXTERNAL_VIEWS} == {"nav", "dag"}
    # Airflow puts the DAG's id in; links are relative to its base URL, which may have a path.
    assert all(not view["href"].startswith(("/", "http")) for view in EXTERNAL_VIEWS)
    assert ["{DAG_ID}" in view["href"] for view in EXTERNAL_VIEWS] == [False, True]
    assert len({view["url_route"] for view in EXTERNAL_VIEWS}) == 2


def test_the_app_is_made_once_by_the_first_request():
    made = []

    def build() -> FastAPI:
        made.append(FastAPI())
        return made[-1]

    client = TestClient(PageApp(build))
    assert not made
    for _ in range(2):
        assert client.get("/").status_code == 404
    assert len(made) == 1


def test_an_airflow_without_the_permissions_that_are_needed_shows_nothing():
    def build() -> FastAPI:
        raise ImportError("no requires_access_dag")

    answer = TestClient(PageApp(build)).get("/api/pipelines")
    assert answer.status_code == 503
    assert "requires_access_dag" in answer.json()["fault"]
    assert answer.json()["remedy"]
