from __future__ import annotations

import sys
from datetime import timedelta

import pytest
from airflow.sdk.exceptions import AirflowFailException

from sessionize.airflow.retries import as_airflow_asks, passes, retry_arguments
from sessionize.model.errors import (
    ClaimChangedError,
    ConfigError,
    MissingStateError,
    ObjectGoneError,
    OutdatedStateError,
    SessionizeError,
    StorageError,
    StorageRefusedError,
)

policy = pytest.importorskip(
    "sessionize.airflow.retry_policy", reason="Airflow 3.2 has none", exc_type=ImportError
)
AN_HOUR = timedelta(hours=1)
RETRIES = policy.Retries(3, timedelta(minutes=1), AN_HOUR)


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (StorageError("S3 answers SlowDown", "Wait."), "retry"),
        (MemoryError(), "retry"),
        (StorageRefusedError("S3 answers AccessDenied", "Grant."), "fail"),
        (ObjectGoneError("gone", "Restore it."), "fail"),
        (MissingStateError("no state", "Run it."), "fail"),
        (OutdatedStateError("outdated", "Run it."), "fail"),
        (ClaimChangedError("changed", "Run it."), "fail"),
        (ConfigError("wrong", "Mend it."), "fail"),
    ],
)
def test_only_what_can_pass_by_itself_is_tried_again(error: Exception, action: str):
    assert RETRIES.evaluate(error, try_number=1, max_tries=3).action.value == action
    if isinstance(error, SessionizeError):
        assert passes(error) == (action == "retry")
        assert as_airflow_asks(error) is error


def test_without_policies_what_would_not_help_fails_at_once(monkeypatch: pytest.MonkeyPatch):
    """As in Airflow 3.2; `make test-matrix` tries it in earnest."""
    monkeypatch.setitem(sys.modules, "sessionize.airflow.retry_policy", None)
    arguments = retry_arguments(3, timedelta(minutes=1))
    assert arguments["retry_exponential_backoff"]
    assert "retry_policy" not in arguments
    down = StorageError("down", "Wait.")
    assert as_airflow_asks(down) is down
    failed = as_airflow_asks(MissingStateError("no state", "Run it."))
    assert isinstance(failed, AirflowFailException)
    assert "no state" in str(failed)


# Airflow counts a task's tries on, and sets its maximum anew when it is cleared.
@pytest.mark.parametrize("before", [0, 1, 4, 40])
def test_retries_back_off_from_the_first_however_often_the_hour_was_run_before(before: int):
    delays = [
        RETRIES.evaluate(StorageError("down", "Wait."), before + number, before + 3).retry_delay
        for number in (1, 2, 3)
    ]
    assert delays == [timedelta(minutes=minutes) for minutes in (1, 2, 4)]


def test_no_retry_waits_longer_than_an_hour_unless_it_is_told_to():
    error = StorageError("down", "Wait.")
    decision = policy.Retries(99, timedelta(minutes=1), AN_HOUR).evaluate(error, 60, 99)
    assert decision.retry_delay == AN_HOUR
    assert policy.Retries(9, 3 * AN_HOUR, AN_HOUR).evaluate(error, 1, 9).retry_delay == 3 * AN_HOUR
