"""Airflow's public REST API: health, DAGs, runs and their tasks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

_TIMEOUT_SECONDS = 30.0
_PAGE = 100


@dataclass(frozen=True)
class Run:
    """A DAG run: the hour it is for, as Airflow writes the interval's start, and its state."""

    run_id: str
    run_type: str
    interval_start: str
    state: str


class RestApi:
    """A client of the API server.

    Parameters
    ----------
    url : str
        Where the server listens.
    user, password : str
        Of the simple auth manager.
    """

    def __init__(self, url: str, user: str, password: str) -> None:
        self._url = url
        self._login = {"username": user, "password": password}
        self._token: str | None = None

    def health(self) -> dict[str, str | None]:
        """Tell the status of each component by name; all unknown while the server is not up."""
        try:
            answer = self._request("GET", "/api/v2/monitor/health")
        except (OSError, ValueError):
            return {}
        return {name: part["status"] for name, part in answer.items() if part is not None}

    def has_dag(self, dag_id: str) -> bool:
        """Tell whether a DAG is known, and is not stale."""
        try:
            return not self._get(f"/dags/{quote(dag_id)}")["is_stale"]
        except HTTPError as error:
            if error.code == 404:
                return False
            raise

    def import_errors(self) -> dict[str, str]:
        """Tell, by file name, what has gone wrong in the DAG files."""
        answer = self._get("/importErrors")
        return {error["filename"]: error["stack_trace"] for error in answer["import_errors"]}

    def runs(self, dag_id: str) -> list[Run]:
        """List the runs of a DAG that have an interval, by its start."""
        found = [
            Run(run["dag_run_id"], run["run_type"], run["data_interval_start"], run["state"])
            for run in self._all(f"/dags/{quote(dag_id)}/dagRuns", "dag_runs")
            if run["data_interval_start"]
        ]
        return sorted(found, key=lambda run: run.interval_start)

    def task_states(self, dag_id: str) -> dict[str, dict[str, list[str]]]:
        """Tell the states of the task instances of all runs: run id, task id, one a mapped task."""
        states: dict[str, dict[str, list[str]]] = {}
        for task in self.task_instances(dag_id):
            of_run = states.setdefault(task["dag_run_id"], {})
            of_run.setdefault(task["task_id"], []).append(task["state"] or "none")
        return states

    def task_instances(self, dag_id: str) -> list[dict[str, Any]]:
        """List the task instances of all runs, as Airflow describes them."""
        return self._all(f"/dags/{quote(dag_id)}/dagRuns/~/taskInstances", "task_instances")

    def task_order(self, dag_id: str) -> list[str]:
        """List the ids of a DAG's tasks, each after those it waits for."""
        tasks = self._get(f"/dags/{quote(dag_id)}/tasks")["tasks"]
        graph = TopologicalSorter[str]()
        for task in tasks:
            graph.add(task["task_id"])
            for downstream in task["downstream_task_ids"]:
                graph.add(downstream, task["task_id"])
        return list(graph.static_order())

    def _all(self, path: str, name: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = []
        while True:
            query = urlencode({"limit": _PAGE, "offset": len(entries)})
            answer = self._get(f"{path}?{query}")
            entries += answer[name]
            if not answer[name] or len(entries) >= answer["total_entries"]:
                return entries

    def _get(self, path: str) -> dict[str, Any]:
        if self._token is None:
            self._token = self._request("POST", "/auth/token", self._login)["access_token"]
        return self._request("GET", f"/api/v2{path}")

    def _request(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        request = Request(self._url + path, data=data, headers=headers, method=method)
        with urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
            document: dict[str, Any] = json.load(answer)
            return document
