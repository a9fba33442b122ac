"""Headers, errors with their remedy, and text of others that stays text."""

from __future__ import annotations

import re

import pytest
from fastapi import FastAPI

from sessionize.airflow.page import shell
from sessionize.model.errors import StorageError
from sessionize.observe import hours
from tests.airflow.page.conftest import OURS, Login
from tests.airflow.page.test_access import _QUERY, path_of, routes


@pytest.mark.parametrize("role", ["viewer", "nobody", None])
def test_every_answer_has_the_headers(app: FastAPI, login: Login, role: str | None):
    client = login(role=role)
    for route in routes(app):
        headers = client.get(f"{path_of(route)}?{_QUERY}").headers
        policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'", route.path
        assert policy["script-src"] == "'self'", route.path
        assert policy["frame-ancestors"] == "'self'", route.path
        assert headers["X-Content-Type-Options"] == "nosniff", route.path
        if route.path.startswith("/api"):
            assert headers["Cache-Control"] == "no-store", route.path


def test_what_others_wrote_cannot_be_code(login: Login):
    """No script stands in the page, and none of ours makes markup from text."""
    html = login().get("").text
    scripts = re.findall(r"<script\b([^>]*)>(.*?)</script>", html, re.S)
    assert scripts
    assert all("src=" in attributes and not body for attributes, body in scripts)
    assert not re.search(r"\s(on\w+|style)=", html)
    for name, file in shell.FILES.items():
        if name.endswith(".js"):
            text = file.read_text()
            assert not re.search(
                r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function",
                text,
            ), name
            assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text), name


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (StorageError("the bucket is away", "Bring it back."), 503),
        (RuntimeError("s3://user:password@bucket"), 500),
    ],
)
def test_errors_are_told_with_a_remedy(
    login: Login, error: Exception, status: int, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(hours, "hours", fail)
    answer = login().get(f"api/dags/{OURS}/hours")
    assert answer.status_code == status
    assert answer.json()["remedy"]
    assert "password" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


def test_nothing_else_is_served(login: Login):
    client = login()
    for path in ("docs", "redoc", "openapi.json", "api", "api/dags", "static"):
        assert client.get(path).status_code == 404, path
    assert client.post("api/pipelines").status_code == 405
