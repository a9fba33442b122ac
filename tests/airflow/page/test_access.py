"""Every route there is, held against strangers, users without the right, and odd requests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from sessionize.airflow.page import shell
from sessionize.lake.storage import LocalStorage
from tests.airflow.page.conftest import OTHERS, OURS, Login

#: Something that each parameter in a path takes.
_PATH = {
    "dag_id": OURS,
    "hour": "2017-02-04T23",
    "name": "page.css",
    "release": shell.plotly_release(),
}
_QUERY = "first=2017-02-04T22&end=2017-02-05T02&machine_id=m&event_id=e"

MALFORMED_HOURS = [
    "2017-02-04",
    "2017-02-04T25",
    "2017-02-30T01",
    "2017-02-04T23:00",
    "2017-02-04T2\u0663",
    "%2e%2e",
    "dt=2017-02-04%2Fhour=23",
    "2017-02-04T23%00",
    "0001-01-01T00",
    "9999-12-31T23",
    "x" * 200,
]
MALFORMED_RANGES = [
    "",
    "first=2017-02-04T22",
    "end=2017-02-05T00",
    "first=2017-02-04T22&end=2017-02-04T22",
    "first=2017-02-05T22&end=2017-02-04T22",
    "first=yesterday&end=2017-02-04T22",
    "first=2017-02-04T22&end=..%2f..%2fetc",
    "first=0001-01-01T00&end=9999-12-31T23",
    "first=0001-01-01T00&end=0001-01-01T01",
    "first=9999-12-31T22&end=9999-12-31T23",
    "first=2017-02-04T22&end=2019-02-04T22",
]


def routes(app: FastAPI) -> list[APIRoute]:
    """Every route; anything that is mounted or added in another way fails the test."""
    assert all(isinstance(route, APIRoute) for route in app.routes)
    return [route for route in app.routes if isinstance(route, APIRoute)]


def path_of(route: APIRoute, **changes: str) -> str:
    """The path of a route, relative to the page, its parameters filled in."""
    values = _PATH | changes
    return re.sub(r"\{(\w+)\}", lambda match: str(values[match[1]]), route.path).lstrip("/")


def of_dag(app: FastAPI) -> list[APIRoute]:
    return [route for route in routes(app) if "{dag_id}" in route.path]


def asks_range(route: APIRoute) -> bool:
    return any(
        parameter.name == "first"
        for dependency in route.dependant.dependencies
        for parameter in dependency.query_params
    )


def test_there_are_routes_of_each_kind(app: FastAPI):
    paths = {route.path for route in routes(app)}
    assert {"/", "/static/{name}", "/api/pipelines", "/api/dags/{dag_id}/hours"} <= paths
    assert all(
        "{dag_id}" in route.path
        for route in routes(app)
        if route.path.startswith("/api") and route.path != "/api/pipelines"
    )


def test_routes_only_read(app: FastAPI):
    assert all(route.methods == {"GET"} for route in routes(app))


def test_a_stranger_gets_nothing(app: FastAPI, login: Login):
    client = login(role=None)
    for route in routes(app):
        answer = client.get(f"{path_of(route)}?{_QUERY}")
        assert answer.status_code == 401, route.path
        assert answer.json()["remedy"].startswith("Log in"), route.path


def test_who_is_logged_in_gets_everything_that_he_may_read(app: FastAPI, login: Login):
    client = login()
    for route in routes(app):
        answer = client.get(f"{path_of(route)}?{_QUERY}")
        assert answer.status_code == 200, (route.path, answer.text)


def test_who_may_read_no_dag_gets_the_empty_page(app: FastAPI, login: Login):
    client = login(role="nobody")
    for route in of_dag(app):
        answer = client.get(f"{path_of(route)}?{_QUERY}")
        assert answer.status_code == 403, route.path
    assert client.get("").status_code == 200


@pytest.mark.parametrize("dag_id", [OURS, "sessionize_unknown"])
@pytest.mark.parametrize("also", ["", f"dag_id={OTHERS}&", "dag_id=~&"])
def test_the_right_must_be_that_of_the_dag_in_the_path(
    app: FastAPI, login: Login, dag_id: str, also: str
):
    client = login(dags={OTHERS})
    for route in of_dag(app):
        answer = client.get(f"{path_of(route, dag_id=dag_id)}?{also}{_QUERY}")
        assert answer.status_code == 403, route.path


@pytest.mark.parametrize(
    "dag_id", ["~", "nitro", "sessionize_", "sessionize_a%2Fb", "sessionize_..%2F..", "*"]
)
def test_no_other_id_stands_for_a_dag(app: FastAPI, login: Login, dag_id: str):
    client = login()
    for route in of_dag(app):
        answer = client.get(f"{path_of(route, dag_id=dag_id)}?{_QUERY}")
        assert answer.status_code in (404, 422), route.path


def test_a_dag_that_is_no_pipeline_is_unknown(app: FastAPI, login: Login):
    client = login()
    for route in of_dag(app):
        answer = client.get(f"{path_of(route, dag_id='sessionize_unknown')}?{_QUERY}")
        assert answer.status_code == 404, route.path
        assert "SESSIONIZE_PIPELINES" in answer.json()["remedy"]


def test_runs_take_the_right_to_read_runs(app: FastAPI, login: Login):
    client = login(runs=False)
    for route in of_dag(app):
        is_of_airflow = route.path.endswith(("/runs", "/run", "/stages"))
        answer = client.get(f"{path_of(route)}?{_QUERY}")
        assert answer.status_code == (403 if is_of_airflow else 200), route.path


def test_the_list_holds_what_may_be_read(login: Login):
    answer = login(dags={OTHERS}).get("api/pipelines").json()
    assert [pipeline["dag_id"] for pipeline in answer["pipelines"]] == [OTHERS]


@pytest.mark.parametrize("hour", MALFORMED_HOURS)
def test_what_is_no_hour_is_refused(app: FastAPI, login: Login, hour: str):
    client = login()
    for route in of_dag(app):
        if "{hour}" in route.path:
            answer = client.get(f"{path_of(route, hour=hour)}?{_QUERY}")
            assert answer.status_code in (404, 422), route.path
            assert answer.json()["fault"]


@pytest.mark.parametrize("hour", ["2017-02-04T21", "1970-01-01T00", "2199-12-31T23"])
def test_an_hour_that_the_pipeline_does_not_have_is_unknown(login: Login, hour: str):
    client = login()
    for path in (f"hours/{hour}", f"hours/{hour}/quarantine", f"hours/{hour}/run"):
        answer = client.get(f"api/dags/{OURS}/{path}")
        assert answer.status_code == 404, path
        assert answer.json()["fault"]


@pytest.mark.parametrize("query", MALFORMED_RANGES)
def test_what_is_no_range_is_refused(app: FastAPI, login: Login, query: str):
    client = login()
    asking = [route for route in of_dag(app) if asks_range(route)]
    assert len(asking) >= 6
    for route in asking:
        if not query and route.path.endswith("/hours"):
            continue  # the last week that there is
        answer = client.get(f"{path_of(route)}?machine_id=m&event_id=e&{query}")
        assert answer.status_code == 422, route.path
        assert answer.json()["remedy"]


@pytest.mark.parametrize(
    "path",
    [
        "quarantine?reason=nonsense",
        "quarantine?offset=-1",
        "quarantine?offset=x",
        "quarantine?limit=0",
        "quarantine?limit=100000",
        f"quarantine?object_key={'k' * 2000}",
    ],
)
def test_what_is_no_page_of_records_is_refused(login: Login, path: str):
    answer = login().get(f"api/dags/{OURS}/hours/2017-02-04T23/{path}")
    assert answer.status_code == 422


@pytest.mark.parametrize("name", ["machine", "event"])
@pytest.mark.parametrize("value", ["", "i" * 2000])
def test_an_id_is_neither_empty_nor_endless(login: Login, name: str, value: str):
    query = f"first=2017-02-04T22&end=2017-02-05T00&{name}_id={value}"
    assert login().get(f"api/dags/{OURS}/{name}?{query}").status_code == 422


@pytest.mark.parametrize(
    "name",
    [
        "..%2Fapp.py",
        "../app.py",
        "%2e%2e%2fapp.py",
        "..%5Capp.py",
        "%2Fetc%2Fpasswd",
        "page.css%00",
        "plotly-0.0.0.min.js",
        "plotly-..%2F..%2Fx.min.js",
        "",
    ],
)
def test_files_are_those_of_the_page(login: Login, name: str):
    assert login().get(f"static/{name}").status_code == 404


@pytest.mark.parametrize(
    "value", ["../secret.json", "../../secret.json", "/etc/passwd", "..%2Fsecret.json", "a%00b"]
)
def test_no_id_makes_a_key_of_the_store(
    login: Login, lake: Path, value: str, monkeypatch: pytest.MonkeyPatch
):
    keys: list[str] = []
    for verb in ("read", "read_version", "list", "read_range", "open"):
        if (original := getattr(LocalStorage, verb, None)) is None:
            continue

        def spy(self, key="", *more, _original=original, **options):
            keys.append(str(key))
            return _original(self, key, *more, **options)

        monkeypatch.setattr(LocalStorage, verb, spy)
    client = login()
    span = "first=2017-02-04T22&end=2017-02-05T01"
    for path in (
        f"machine?machine_id={value}&{span}",
        f"event?event_id={value}&{span}",
        f"hours/2017-02-04T23/quarantine?object_key={value}",
    ):
        answer = client.get(f"api/dags/{OURS}/{path}")
        assert answer.status_code == 200, answer.text
        assert 'secret": true' not in answer.text
    assert keys
    assert not [key for key in keys if ".." in key or "secret" in key or "passwd" in key]
