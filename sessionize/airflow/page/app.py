"""The page's app: its routes, each behind Airflow's login and, for data, the DAG's permissions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI

from sessionize.airflow.page import lake_routes, plan_routes, run_routes, shell
from sessionize.airflow.page.access import logged_in, reads_dag, reads_runs
from sessionize.airflow.page.answers import Headers, answer_errors
from sessionize.airflow.page.catalogs import Catalogs
from sessionize.airflow.page.pipelines import default_folder


def build_app(folder: Callable[[], Path] = default_folder, cache: Path | None = None) -> FastAPI:
    """Build the app that Airflow's API server mounts.

    Parameters
    ----------
    folder : callable
        Where the pipeline files are.
    cache : Path, optional
        Where what has been read of ledgers is kept; default: below ``AIRFLOW_HOME``.
    """
    if cache is None:
        from airflow.configuration import AIRFLOW_HOME

        cache = Path(AIRFLOW_HOME) / "sessionize"
    # No documentation of the API: its routes would stand outside of the permissions.
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.catalogs = Catalogs(folder, cache)
    app.add_middleware(Headers)
    answer_errors(app)
    # A route belongs to one of these routers: so none can be without its dependency.
    dag = APIRouter(prefix="/api/dags/{dag_id}", dependencies=[Depends(reads_dag)])
    dag.include_router(lake_routes.routes)
    dag.include_router(plan_routes.routes)
    dag.include_router(run_routes.routes, dependencies=[Depends(reads_runs)])
    page = APIRouter(dependencies=[Depends(logged_in)])
    page.include_router(shell.routes)
    page.include_router(lake_routes.listing)
    page.include_router(dag)
    app.include_router(page)
    return app
