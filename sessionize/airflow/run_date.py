"""Which day a run of the daily DAG is for."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from sessionize.model.days import parse_day
from sessionize.model.errors import IntervalError

if TYPE_CHECKING:
    from airflow.sdk import Context


def date_of_run(context: Context) -> date:
    """Tell the day of a run: its partition key, or the param ``date`` of a manual run.

    Raises
    ------
    IntervalError
        If the run does not stand for exactly one day.
    """
    key, text = context["dag_run"].partition_key, context["params"].get("date")
    if key is None and text is None:
        raise IntervalError(
            "the run stands for no day: it has no partition key and no param `date`",
            'Trigger the DAG again with the param: --conf \'{"date": "2017-02-04"}\'.',
        )
    days = {parse_day(given) for given in (key, text) if given is not None}
    if len(days) > 1:
        raise IntervalError(
            f"the param `date` says {text}, but the run's partition key is {key}",
            "Trigger the DAG again with one of them.",
        )
    return days.pop()
