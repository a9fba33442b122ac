"""What is asked of a pipeline's lake, one route a question. Reading blocks: no route is `async`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from sessionize.airflow.page.access import DagId, readable_dags
from sessionize.airflow.page.answers import answer
from sessionize.airflow.page.catalogs import Catalogs
from sessionize.airflow.page.parameters import (
    Identifier,
    Range,
    hour_of_path,
    not_found,
    optional_range,
    range_of_query,
    reason_of_query,
)
from sessionize.airflow.page.shell import plotly_release
from sessionize.model.hours import Hour
from sessionize.observe import find, hours, quarantine, trends
from sessionize.observe.catalog import Catalog
from sessionize.observe.ranges import hour_range
from sessionize.observe.views import HoursView

_DAY, _WEEK = timedelta(days=1), timedelta(days=7)

#: Below ``/api/dags/{dag_id}``.
routes = APIRouter()
#: What is asked without a DAG.
listing = APIRouter()


def catalogs_of(request: Request) -> Catalogs:
    """Return the catalogs of the app."""
    catalogs: Catalogs = request.app.state.catalogs
    return catalogs


CatalogsDep = Annotated[Catalogs, Depends(catalogs_of)]


def current_hour() -> Hour:
    """Return the hour that has not ended yet."""
    return Hour.containing(datetime.now(UTC))


def hour_of_pipeline(
    dag_id: DagId, hour: Annotated[Hour, Depends(hour_of_path)], catalogs: CatalogsDep
) -> Hour:
    """Read the hour in the path; 404 for one that the pipeline does not have."""
    config = catalogs.config(dag_id)
    if not config.start <= hour < (config.end or current_hour().next):
        not_found(
            f"{hour} is no hour of {config.name}, which begins with {config.start}",
            "Take an hour from there on that has begun.",
        )
    return hour


PipelineHour = Annotated[Hour, Depends(hour_of_pipeline)]
InRange = Annotated[Range, Depends(range_of_query)]


@listing.get("/api/pipelines")
def pipelines(
    catalogs: CatalogsDep, readable: Annotated[set[str], Depends(readable_dags)]
) -> Response:
    """List the pipelines whose DAGs the user may read, and what the page needs to know."""
    found = [
        {"dag_id": dag_id, "name": config.name, "start": config.start, "lake": config.lake}
        for dag_id, config in sorted(catalogs.pipelines().items())
        if dag_id in readable
    ]
    return answer({"pipelines": found, "plotly": plotly_release()})


@routes.get("/calendar")
def calendar(dag_id: DagId, asked: InRange, catalogs: CatalogsDep) -> Response:
    """Return how the hours of a range stand, without their ledgers."""
    return answer(
        catalogs.ask(dag_id, lambda catalog: hours.calendar(catalog, asked.first, asked.end))
    )


@routes.get("/hours")
def ledgers(
    dag_id: DagId,
    catalogs: CatalogsDep,
    asked: Annotated[Range | None, Depends(optional_range)],
) -> Response:
    """Return the hours of a range and what their ledgers say; by default, of the last week."""
    return answer(catalogs.ask(dag_id, lambda catalog: _ledgers(catalog, asked)))


@routes.get("/hours/{hour}")
def one_hour(dag_id: DagId, hour: PipelineHour, catalogs: CatalogsDep) -> Response:
    """Return one hour with its objects and files."""
    return answer(catalogs.ask(dag_id, lambda catalog: hours.hour(catalog, hour)))


@routes.get("/hours/{hour}/quarantine")
def quarantined(
    dag_id: DagId,
    hour: PipelineHour,
    reason: Annotated[str | None, Depends(reason_of_query)],
    catalogs: CatalogsDep,
    object_key: Annotated[str | None, Query(max_length=1024)] = None,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """Return a page of the records that an hour has refused."""
    return answer(
        catalogs.ask(
            dag_id,
            lambda catalog: quarantine.quarantined(
                catalog, hour, reason, object_key or None, offset, limit
            ),
        )
    )


@routes.get("/quarantine")
def reasons(dag_id: DagId, asked: InRange, catalogs: CatalogsDep) -> Response:
    """Return why records were refused in a range, and in which objects."""
    return answer(
        catalogs.ask(
            dag_id,
            lambda catalog: quarantine.quarantine_reasons(catalog, asked.first, asked.end),
        )
    )


@routes.get("/trends")
def figures(
    dag_id: DagId,
    asked: InRange,
    catalogs: CatalogsDep,
    by: Literal["hour", "day"] = "hour",
) -> Response:
    """Return figures over time."""
    return answer(
        catalogs.ask(dag_id, lambda catalog: trends.trends(catalog, asked.first, asked.end, by))
    )


@routes.get("/machine")
def machine(
    dag_id: DagId, machine_id: Identifier, asked: InRange, catalogs: CatalogsDep
) -> Response:
    """Return a machine's sessions in a range."""
    return answer(
        catalogs.ask(
            dag_id, lambda catalog: find.machine(catalog, machine_id, asked.first, asked.end)
        )
    )


@routes.get("/event")
def event(dag_id: DagId, event_id: Identifier, asked: InRange, catalogs: CatalogsDep) -> Response:
    """Return what has become of an event in a range."""
    return answer(
        catalogs.ask(dag_id, lambda catalog: find.event(catalog, event_id, asked.first, asked.end))
    )


def _ledgers(catalog: Catalog, asked: Range | None) -> HoursView:
    if asked is not None:
        return hours.hours(catalog, asked.first, asked.end)
    # Up to a day that should have been run since the newest one, but has not.
    _, newest = hour_range(catalog, None, None)
    over = catalog.config.end or current_hour()
    end = max(newest, min(Hour(newest.start + _DAY), over))
    first = max(Hour(end.start - _WEEK), catalog.config.start)
    return hours.hours(catalog, min(first, end), end)
