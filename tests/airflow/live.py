"""What tests that run a real Airflow share: stores, questions to its database, logs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from sqlalchemy import Row, create_engine, text

from local.s3 import ACCESS_KEY, REGION, SECRET_KEY
from local.stack import Stack
from sessionize.lake.storage import S3Credentials, Storage, open_storage

PATIENCE_SECONDS = 900.0  # on a machine that is busy with other work


def store(stack: Stack, prefix: str) -> Storage:
    """Open a prefix of the bucket ``events``."""
    credentials = S3Credentials(ACCESS_KEY, SECRET_KEY, None, REGION, stack.s3_endpoint)
    return open_storage(f"s3://events/{prefix}", credentials)


def ask_database(stack: Stack, query: str) -> Sequence[Row]:
    """Ask Airflow's metadata database."""
    engine = create_engine(stack.env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    try:
        with engine.begin() as connection:
            return connection.execute(text(query)).all()
    finally:
        engine.dispose()


def notes(stack: Stack, dag_id: str) -> dict[str, str]:
    """The notes of a DAG's runs, by the start of their hour."""
    rows = ask_database(
        stack,
        "select logical_date, content from dag_run join dag_run_note on dag_run_id = id"
        f" where dag_id = '{dag_id}' and logical_date is not null",
    )
    return {f"{date:%Y-%m-%dT%H}": note for date, note in rows}


def states(stack: Stack, dag_id: str) -> dict[str, str]:
    """The states of a DAG's runs, by the start of their hour."""
    return {run.interval_start[:13]: run.state for run in stack.api.runs(dag_id)}


def log_of(stack: Stack, dag_id: str, task_id: str) -> str:
    """What the tasks of a name have logged, in all runs."""
    files = (stack.home / "logs" / f"dag_id={dag_id}").glob(f"*/task_id={task_id}/**/*.log")
    return "".join(file.read_text() for file in sorted(files))


def wait_until(stack: Stack, true: Callable[[], object], what: str) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        stack.check()
        assert time.monotonic() < deadline, f"not yet: {what}"
        time.sleep(0.5)
