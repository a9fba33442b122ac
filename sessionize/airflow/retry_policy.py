"""The policy by which Airflow 3.3 tries again; 3.2 has none: see `retries`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from sessionize.model.errors import (
    ObjectGoneError,
    SessionizeError,
    StorageError,
    StorageRefusedError,
)

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.definitions.retry_policy import RetryDecision

_RULES = [
    RetryRule(ObjectGoneError, RetryAction.FAIL, reason="the claimed object is gone"),
    RetryRule(StorageRefusedError, RetryAction.FAIL, reason="storage refuses until it is mended"),
    RetryRule(StorageError, RetryAction.RETRY, reason="storage may come back"),
    RetryRule(SessionizeError, RetryAction.FAIL, reason="trying again would not help"),
]


class Retries(ExceptionRetryPolicy):
    """Try again what can pass by itself, each time after twice as long as before.

    Airflow's own exponential back-off takes a task's number of tries for its exponent, which goes
    on counting when an hour is run again: the first retry of an hour that has been run four times
    would come after 24 minutes. Here only the tries since it was last cleared count.

    Parameters
    ----------
    retries : int
        How many a task has each time that it is run.
    delay : timedelta
        Before the first of them.
    longest : timedelta
        The most before any of them, unless ``delay`` is more.
    """

    def __init__(self, retries: int, delay: timedelta, longest: timedelta) -> None:
        super().__init__(rules=_RULES, default=RetryAction.RETRY)
        self.longest = max(longest, delay)
        self.retries = retries
        self.delay = delay

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,
        context: Context | None = None,
    ) -> RetryDecision:
        """Decide on a failure (Airflow's hook); ``try_number`` counts from 1 and never restarts."""
        decision = super().evaluate(exception, try_number, max_tries, context)
        if decision.action is RetryAction.FAIL:
            return decision
        # Clearing a task sets its maximum to what has been tried so far and its retries.
        before = max(max_tries - self.retries, 0)
        doublings = min(max(try_number - before - 1, 0), 30)
        delay = min(self.delay * 2**doublings, self.longest)
        return type(decision).retry(delay, decision.reason)
