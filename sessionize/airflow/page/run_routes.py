"""What Airflow is asked about a pipeline's hours; who asks must be allowed to read runs."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from starlette.responses import Response

from sessionize.airflow.page import runs
from sessionize.airflow.page.access import DagId
from sessionize.airflow.page.answers import answer
from sessionize.airflow.page.lake_routes import CatalogsDep, InRange, PipelineHour
from sessionize.airflow.page.parameters import Range

#: Below ``/api/dags/{dag_id}``.
routes = APIRouter()


@routes.get("/runs")
def runs_of_range(
    dag_id: DagId, asked: InRange, catalogs: CatalogsDep, successful: bool = True
) -> Response:
    """Return the run of each hour of a range; on demand only those that have not succeeded."""
    catalogs.config(dag_id)
    found = runs.runs_between if successful else runs.unfinished_between
    return answer({"runs": found(dag_id, asked)})


@routes.get("/stages")
def stages_of_range(
    dag_id: DagId, asked: InRange, catalogs: CatalogsDep, by: Literal["hour", "day"] = "hour"
) -> Response:
    """Return how long each task took in the hours of a range, or in those of each of its days."""
    catalogs.config(dag_id)
    times = runs.stage_times(dag_id, runs.runs_between(dag_id, asked))
    return answer({"stages": runs.mean_times(times, by)})


@routes.get("/hours/{hour}/run")
def run_of_hour(dag_id: DagId, hour: PipelineHour) -> Response:
    """Return the run of an hour with its tasks; none of them if Airflow has none."""
    found = runs.runs_between(dag_id, Range(hour, hour.next))
    run = found[0] if found else None
    return answer({"run": run, "tasks": runs.tasks_of(dag_id, run.run_id) if run else []})
