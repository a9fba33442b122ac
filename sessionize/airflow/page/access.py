"""Who may see what: Airflow's login, and its permissions of exactly the DAG that is asked about.

The only module of the page that leans on how Airflow authorizes. Airflow hands a mounted app no
protection of its own; `app` gives each of its routes one of these dependencies.
"""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Path, Request

#: What Airflow allows as the id of a DAG, of those that are ours.
DagId = Annotated[str, Path(pattern=r"^sessionize_[A-Za-z0-9_.-]{1,240}$")]


def logged_in(user: GetUserDep) -> None:
    """Let through whoever is logged in; 401 for all others."""


def reads_dag(dag_id: DagId, request: Request, user: GetUserDep) -> None:
    """Let through who may read the DAG of the path; 403 for others.

    The id is handed over: by itself Airflow's check would take it from the query, too.
    """
    requires_access_dag("GET", None, dag_id)(request, user)


def reads_runs(dag_id: DagId, request: Request, user: GetUserDep) -> None:
    """Let through who may also read the DAG's runs and the instances of its tasks."""
    for entity in (DagAccessEntity.RUN, DagAccessEntity.TASK_INSTANCE):
        requires_access_dag("GET", entity, dag_id)(request, user)


def readable_dags(user: GetUserDep) -> set[str]:
    """Return the ids of the DAGs that the user may read."""
    return get_auth_manager().get_authorized_dag_ids(user=user, method="GET")
