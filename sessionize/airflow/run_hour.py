"""Which hour a DAG run is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionize.airflow.instants import plain
from sessionize.model.errors import IntervalError
from sessionize.model.hours import Hour

if TYPE_CHECKING:
    from airflow.sdk import Context


def hour_of_run(context: Context) -> Hour:
    """Tell the hour of a run: the param ``hour`` of a manual run, else the data interval.

    Airflow's ways to start a run disagree about the logical date; the data interval is the one
    thing that says which data a run is for, and it is trusted only if it is exactly one hour.

    Raises
    ------
    IntervalError
        If the interval is not one aligned hour, or a run that is not manual gives the param.
    """
    run = context["dag_run"]
    text = context["params"].get("hour")
    if text is None:
        start, end = run.data_interval_start, run.data_interval_end
        return Hour.of_interval(start and plain(start), end and plain(end))
    if run.run_type != "manual":
        raise IntervalError(
            f"the param `hour` ({text}) is given to a {run.run_type} run, which has its own hour",
            "Give `hour` to manual runs only; a backfill takes its hours from its dates.",
        )
    return Hour.parse(text)
