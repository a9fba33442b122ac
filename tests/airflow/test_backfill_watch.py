from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sessionize.airflow.backfill.metadata import Retry, RunFacts
from sessionize.airflow.backfill.watch import Snapshot, Watch

FIRST = datetime(2017, 2, 4, 22, tzinfo=UTC)
DATES = [FIRST + timedelta(hours=number) for number in range(3)]


def snapshot(
    states: str, *, active: bool = True, scheduler: bool = True, paused: bool = False
) -> Snapshot:
    """What is seen of three runs: q queued, r running, s success, F failed, x deleted."""
    words = {"q": "queued", "r": "running", "s": "success", "F": "failed"}
    runs = {
        date: RunFacts(date, words[state], 7.0, ("publish",) if state == "F" else ())
        for date, state in zip(DATES, states, strict=True)
        if state != "x"
    }
    return Snapshot(runs, active, scheduler, paused)


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        assert self.now < 1000, "it waits for ever"


@pytest.fixture
def time() -> Time:
    return Time()


def watch(time: Time, *seen: Snapshot, ordered: bool = True) -> tuple[Watch, list[str]]:
    """Watch runs that look like these snapshots, one after the other; the last one stays."""

    def looks() -> Iterator[Snapshot]:
        yield from seen
        while True:
            yield seen[-1]

    told: list[str] = []
    look = looks()
    return (
        Watch(DATES, lambda: next(look), ordered, told.append, clock=time.clock, sleep=time.sleep),
        told,
    )


def test_each_run_that_ends_is_told_once(time: Time):
    watching, told = watch(time, snapshot("rqq"), snapshot("srq"), snapshot("srr"), snapshot("sss"))
    assert watching.wait() == []
    assert told == [
        "2017-02-04T22:00Z  success  7 s  (1/3)",
        "2017-02-04T23:00Z  success  7 s  (2/3)",
        "2017-02-05T00:00Z  success  7 s  (3/3)",
    ]


def test_runs_behind_a_failed_one_are_held_once_nothing_moves(time: Time):
    watching, told = watch(
        time,
        snapshot("rrr"),
        snapshot("Frr"),
        *[snapshot("Frr")] * 30,
        snapshot("Frr", active=False),
    )
    assert watching.wait() == DATES[1:]
    assert time.now >= 30 + watching.patience
    assert told == ["2017-02-04T22:00Z  failed   7 s  failed: publish  (1/3)"]


def test_independent_runs_are_waited_for_behind_a_failed_one(time: Time):
    seen = [snapshot("Frr", active=False)] * 60
    watching, _ = watch(time, *seen, snapshot("Fss"), ordered=False)
    assert watching.wait() == []
    assert [run.state for run in watching.ended.values()] == ["failed", "success", "success"]


def test_runs_are_not_held_while_no_scheduler_is_alive(time: Time):
    seen = [snapshot("Frr", active=False, scheduler=False)] * 100
    watching, told = watch(time, *seen, snapshot("Fss"))
    assert watching.wait() == []
    warnings = [line for line in told if "no scheduler is alive" in line]
    assert len(warnings) == 2  # one a minute


def test_a_dag_that_is_paused_meanwhile_is_told(time: Time):
    watching, told = watch(time, snapshot("qqq", paused=True), snapshot("sss"))
    assert watching.wait() == []
    assert "the DAG is paused" in told[0]


def test_a_run_that_is_deleted_meanwhile_has_ended(time: Time):
    watching, told = watch(time, snapshot("srr"), snapshot("sxs"))
    assert watching.wait() == []
    assert told[1].startswith("2017-02-04T23:00Z  deleted")


def test_a_task_that_is_tried_again_is_told_with_the_time_once_a_try(time: Time):
    def retrying(*minutes: int) -> Snapshot:
        retries = [Retry(FIRST, "validate", FIRST + timedelta(minutes=m)) for m in minutes]
        return replace(snapshot("rqq"), retries=retries)

    # Two batches of a mapped task fail, are tried again, and one fails a second time.
    seen = [retrying(3, 4), retrying(3, 4), retrying(4), snapshot("rqq"), retrying(9)]
    watched, told = watch(time, *seen, snapshot("sss"))
    watched.wait()
    assert [line for line in told if "validate" in line] == [
        "2017-02-04T22:00Z  validate has failed and retries at 22:03Z; its log says why",
        "2017-02-04T22:00Z  validate has failed and retries at 22:09Z; its log says why",
    ]
