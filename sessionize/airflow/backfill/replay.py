"""The dates of a backfill, taken from the plan of a replay: what has to be run, and no more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sessionize.airflow.backfill.errors import BackfillError
from sessionize.airflow.backfill.preflight import config_of
from sessionize.airflow.connection import credentials_of
from sessionize.model.hours import Hour
from sessionize.pipeline.stages import Pipeline
from sessionize.replay.execute import check_possible
from sessionize.replay.explain import explained
from sessionize.replay.look import plan_of


def replayed_dates(
    dag_id: str,
    first: datetime,
    last: datetime,
    *,
    asked: bool,
    tell: Callable[[str], None],
) -> tuple[datetime, datetime] | None:
    """Return the first and the last date to run, for the hours of two dates to be as they should.

    Hours that would come out as they are are left out; what has to be run before the first, and
    what stands on the hours that are run, belongs to it. None if there is nothing to run.

    Parameters
    ----------
    dag_id : str
        The DAG of a pipeline.
    first, last : datetime
        The dates of the range; both belong to it.
    asked : bool
        Whether hours are run also where they would come out as they are.
    tell : callable
        Is given each line of the plan.

    Raises
    ------
    BackfillError
        If the pipeline's file cannot be seen from here.
    ReplayError
        If one of the hours cannot be run.
    SessionizeError
        If the lake or the raw objects cannot be read.
    """
    config = config_of(dag_id)
    if config is None:
        raise BackfillError(
            f"--replay: no pipeline file that can be seen from here makes the DAG `{dag_id}`",
            "Run the command where Airflow's DAG files lie; for other DAGs leave --replay out.",
        )
    pipeline = Pipeline.open(config, credentials_of(config.airflow.aws_conn_id))
    plan = plan_of(pipeline, Hour(first), Hour(last).next, asked=asked)
    for line in explained(plan):
        tell(line)
    check_possible(plan)
    return None if plan.range is None else (plan.range[0].start, plan.range[1].previous.start)
