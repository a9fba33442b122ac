"""The errors of the command ``airflow dags backfill``."""

from sessionize.model.errors import SessionizeError


class BackfillError(SessionizeError):
    """The backfill was not started, or could not be brought to its end."""


class BackfillActiveError(BackfillError):
    """Airflow allows one backfill a DAG, and there is another one."""
