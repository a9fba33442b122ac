"""What a replay would take, planned anew by each request: nothing of it is run here."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from sessionize.airflow.connection import credentials_of
from sessionize.airflow.page.access import DagId
from sessionize.airflow.page.answers import answer
from sessionize.airflow.page.catalogs import Catalogs
from sessionize.airflow.page.lake_routes import CatalogsDep, InRange, current_hour
from sessionize.airflow.page.parameters import Range, refuse
from sessionize.config import PipelineConfig
from sessionize.pipeline.stages import Pipeline
from sessionize.replay.explain import caveats, parts, ways
from sessionize.replay.look import LATER_HOURS, plan_of
from sessionize.replay.plan import to_json

#: Of the range and before it: each takes some three reads.
MOST_HOURS = 1_000

#: Below ``/api/dags/{dag_id}``.
routes = APIRouter()


@routes.get("/plan")
def replay(
    dag_id: DagId,
    asked: InRange,
    catalogs: CatalogsDep,
    everything: Annotated[bool, Query(alias="all")] = False,
    later: Annotated[int, Query(ge=0, le=LATER_HOURS)] = 168,
) -> Response:
    """Return the plan of a replay, in words and as data, and the commands that carry it out.

    Parameters
    ----------
    dag_id, asked, catalogs
        As in all routes of a range. Hours before the pipeline's first, or that are not over, are
        left out.
    everything : bool
        ``all``: whether hours are run also where they would come out as they are.
    later : int
        How many hours behind the range are looked at.
    """
    return answer(_plan(catalogs, dag_id, asked, everything=everything, later=later))


def _plan(
    catalogs: Catalogs, dag_id: str, asked: Range, *, everything: bool, later: int
) -> dict[str, object]:
    file, config = catalogs.file(dag_id)
    hours = _over(config, asked)
    pipeline = Pipeline.open(config, credentials_of(config.airflow.aws_conn_id))
    plan = plan_of(
        pipeline,
        hours.first,
        hours.end,
        asked=everything,
        later_hours=later,
        most_hours=MOST_HOURS,
    )
    return {
        **to_json(plan),
        "settings": config.fingerprint(),
        "parts": parts(plan),
        "caveats": list(caveats(plan)),
        "ways": ways(plan, str(file), asked=everything),
    }


def _over(config: PipelineConfig, asked: Range) -> Range:
    """Cut a range to the pipeline's hours that are over."""
    last = min(config.end or current_hour(), current_hour())
    first, end = max(asked.first, config.start), min(asked.end, last)
    if first >= end:
        refuse(
            f"no hour from {asked.first} to {asked.end} can be planned: {config.name} has those "
            f"from {config.start} to {last}",
            "Take a range among them.",
        )
    return Range(first, end)
