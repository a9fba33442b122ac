"""The page's app under a parent, as Airflow mounts it, with Airflow's own login in front."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from sessionize.lake.storage import LocalStorage
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline
from tests.pipeline import scenario

os.environ.setdefault("AIRFLOW__API_AUTH__JWT_SECRET", "only-of-these-tests-" * 4)

#: The pipelines of `folder`.
OURS, OTHERS = "sessionize_test", "sessionize_other"
Login = Callable[..., TestClient]


@pytest.fixture(scope="session")
def metadata() -> None:
    """Airflow's tables, in the database of the tests' own home."""
    from airflow import models, settings
    from airflow.models.base import Base

    models.import_all_models()
    Base.metadata.create_all(settings.engine)


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the scenario's lake, its first three hours run, and pipeline files of it."""
    folder = tmp_path_factory.mktemp("page")
    config = scenario.config(folder / "raw", folder / "lake")
    scenario.land_all(LocalStorage(folder / "raw"))
    pipeline = Pipeline.open(config)
    for hour in scenario.HOURS[:3]:
        run_hour(pipeline, hour)
    (folder / "secret.json").write_text('{"secret": true}')
    for name in ("test", "other"):
        (folder / "pipelines").mkdir(exist_ok=True)
        (folder / "pipelines" / f"{name}.toml").write_text(
            f'name = "{name}"\nraw = "{folder / "raw"}"\nlake = "{folder / "lake"}"\n'
            "start = 2017-02-04T22:00:00Z\n"
        )
    return folder


@pytest.fixture
def app(lake: Path, tmp_path: Path) -> FastAPI:
    from sessionize.airflow.page.app import build_app

    return build_app(lambda: lake / "pipelines", tmp_path / "cache")


@pytest.fixture
def login(app: FastAPI, metadata: None, monkeypatch: pytest.MonkeyPatch) -> Login:
    """Return a client of the page, logged in with a role, or not at all.

    ``dags``: the only ones that the user may read; ``entities``: also those of a DAG's parts.
    """
    from airflow.api_fastapi.app import init_auth_manager
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    def logged_in(
        role: str | None = "viewer", *, dags: set[str] | None = None, runs: bool = True
    ) -> TestClient:
        parent = FastAPI()
        manager = init_auth_manager(parent)
        parent.mount("/sessionize", app)
        client = TestClient(
            parent, base_url="http://testserver/sessionize/", raise_server_exceptions=False
        )
        if role is not None:
            user = SimpleAuthManagerUser(
                username="somebody", role=None if role == "nobody" else role
            )
            client.headers["Authorization"] = f"Bearer {manager.generate_jwt(user)}"
        if dags is not None or not runs:
            monkeypatch.setattr(
                SimpleAuthManager,
                "is_authorized_dag",
                lambda self, *, method, user, access_entity=None, details=None: (
                    (dags is None or (details is not None and details.id in dags))
                    and (runs or access_entity is None)
                ),
            )
            monkeypatch.setattr(
                SimpleAuthManager, "get_authorized_dag_ids", lambda self, **_: dags or {OURS}
            )
        return client

    return logged_in
