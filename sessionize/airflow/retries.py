"""Which failures are tried again, and how long after."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sessionize.model.errors import (
    ObjectGoneError,
    SessionizeError,
    StorageError,
    StorageRefusedError,
)

_LONGEST = timedelta(hours=1)


def retry_arguments(retries: int, delay: timedelta) -> dict[str, Any]:
    """Return the arguments of a task that is tried again where that can help.

    It backs off by itself; what no error tells of (a worker that died) comes again after ``delay``,
    however often the hour has been run before. Airflow 3.2 knows no policy: there it is Airflow
    that backs off, and an hour that has been run again often waits longer; see `as_airflow_asks`.

    Parameters
    ----------
    retries : int
        How many a task has each time that it is run.
    delay : timedelta
        Before the first of them.
    """
    arguments: dict[str, Any] = {"retries": retries, "retry_delay": delay}
    try:
        from sessionize.airflow.retry_policy import Retries
    except ImportError:
        more = {"retry_exponential_backoff": True, "max_retry_delay": max(_LONGEST, delay)}
        return arguments | more
    return arguments | {"retry_policy": Retries(retries, delay, _LONGEST)}


def as_airflow_asks(error: SessionizeError) -> Exception:
    """Return what a task raises: the error, which the policy judges.

    In Airflow 3.2, where there is none, it is one that fails at once, if trying again would not
    help.
    """
    try:
        import sessionize.airflow.retry_policy  # noqa: F401
    except ImportError:
        if not passes(error):
            from airflow.sdk.exceptions import AirflowFailException

            return AirflowFailException(str(error))
    return error


def passes(error: SessionizeError) -> bool:
    """Tell whether an error can pass by itself: storage that cannot be reached does.

    Whatever else the project raises on purpose stays until someone mends it.
    """
    return isinstance(error, StorageError) and not isinstance(
        error, ObjectGoneError | StorageRefusedError
    )
