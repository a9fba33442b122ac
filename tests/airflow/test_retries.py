from __future__ import annotations

from datetime import timedelta

import pytest

from sessionize.airflow.retries import Retries
from sessionize.model.errors import (
    ClaimChangedError,
    ConfigError,
    MissingStateError,
    ObjectGoneError,
    OutdatedStateError,
    StorageError,
    StorageRefusedError,
)

RETRIES = Retries(3, timedelta(minutes=1))


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
    assert Retries(99, timedelta(minutes=1)).evaluate(error, 60, 99).retry_delay == timedelta(
        hours=1
    )
    assert Retries(9, timedelta(hours=3)).evaluate(error, 1, 9).retry_delay == timedelta(hours=3)
