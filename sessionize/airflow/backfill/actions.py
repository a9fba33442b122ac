"""What changes Airflow's database: through Airflow's own public commands, in this process.

The interval of a run has no command: see `mend_run`.
"""

from __future__ import annotations

import contextlib
import io
from datetime import datetime

from sessionize.airflow.backfill.errors import BackfillActiveError, BackfillError
from sessionize.airflow.backfill.plan import Create


def create_backfill(
    dag_id: str, create: Create, *, max_active_runs: int, conf: str | None, backwards: bool
) -> None:
    """Create the runs (``airflow backfill create``).

    Raises
    ------
    BackfillActiveError
        If the DAG has another backfill that is not finished.
    BackfillError
        If Airflow refuses for another reason.
    """
    from airflow.models.backfill import AlreadyRunningBackfill

    try:
        _airflow(
            "backfill",
            "create",
            f"--dag-id={dag_id}",
            f"--from-date={create.first.isoformat()}",
            f"--to-date={create.last.isoformat()}",
            f"--reprocess-behavior={create.reprocess}",
            f"--max-active-runs={max_active_runs}",
            *([f"--dag-run-conf={conf}"] if conf else []),
            *(["--run-backwards"] if backwards else []),
        )
    except AlreadyRunningBackfill as error:
        raise BackfillActiveError(str(error), "Wait until it is done, or cancel it.") from error


def clear_run(dag_id: str, date: datetime) -> None:
    """Clear all tasks of a date's run, so that it runs again (``airflow tasks clear``)."""
    start, end = f"--start-date={date.isoformat()}", f"--end-date={date.isoformat()}"
    _airflow("tasks", "clear", dag_id, start, end, "--yes")


def mend_run(dag_id: str, date: datetime, interval: tuple[datetime, datetime]) -> None:
    """Make an ended run that was started by hand one of its date, as a new run would be.

    ``airflow dags test``, or a trigger with a logical date, gives a run the last interval before
    that date, and Airflow's backfill runs it again as it is. No command of Airflow's mends it.
    """
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import update

    with create_session() as session:
        session.execute(
            update(DagRun)
            .where(
                DagRun.dag_id == dag_id,
                DagRun.logical_date == date,
                DagRun.state.in_(("success", "failed")),
            )
            .values(data_interval_start=interval[0], data_interval_end=interval[1], conf={})
        )


def unpause(dag_id: str) -> None:
    """Unpause the DAG (``airflow dags unpause``)."""
    _airflow("dags", "unpause", dag_id, "--yes")


def _airflow(*arguments: str) -> None:
    from airflow.cli.cli_parser import get_parser
    from airflow.exceptions import AirflowException
    from airflow.models.backfill import AlreadyRunningBackfill
    from sqlalchemy.exc import SQLAlchemyError

    said = io.StringIO()
    try:
        parsed = get_parser().parse_args(arguments)
        with contextlib.redirect_stdout(said):
            parsed.func(parsed)
    except AlreadyRunningBackfill:
        raise
    except SystemExit as stop:
        if stop.code:
            raise BackfillError(
                f"`airflow {' '.join(arguments)}` has failed ({stop.code}): {said.getvalue()}",
                "Mend what it says.",
            ) from stop
    except SQLAlchemyError as error:
        raise BackfillError(
            f"Airflow's database has refused ({str(error).splitlines()[0]})",
            "Try again; if it is SQLite, use PostgreSQL, which many can write to at once.",
        ) from error
    except (AirflowException, ValueError) as error:
        raise BackfillError(str(error), "Nothing was started.") from error
