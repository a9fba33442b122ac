"""When the operator is told: by a look, by a deadline, by a task that fails."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.sdk import DAG, DeadlineReference
from airflow.sdk.exceptions import AirflowFailException

from sessionize.airflow import notify
from sessionize.airflow.alerts import deadline_missed, page_of, task_failed, watch
from sessionize.airflow.dag import build_dag
from sessionize.alerts.messages import Message
from sessionize.model.errors import (
    FindingsError,
    LimitExceededError,
    NotToldError,
    StorageError,
)
from tests.alerts.looks import configured, hour

from .conftest import write_pipeline

ENDED = "end = 2017-02-05T00:00:00Z\n"  # two hours, both long ago
LATE = ENDED + '[alerts]\nlate_after = "45m"\n'
SLACK = '[[alerts.notify]]\nkind = "slack"\nchannel = "#data"\n'


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Message]:
    """What would have been sent."""
    messages: list[Message] = []
    monkeypatch.setattr(notify, "_send", lambda to, message: messages.append(message))
    return messages


def context(number: int, error: Exception | None) -> dict[str, object]:
    start = hour(number)
    run = SimpleNamespace(
        logical_date=start.start,
        data_interval_start=start.start,
        data_interval_end=start.end,
        run_type="scheduled",
    )
    ti = SimpleNamespace(task_id="publish")
    return {"dag_run": run, "params": {"hour": None}, "ti": ti, "exception": error}


def test_a_look_without_anybody_to_tell_fails_with_what_is_wrong(pipelines: Path):
    file = str(write_pipeline(pipelines, "nitro", LATE))
    with pytest.raises(FindingsError, match=r"2017-02-04T22 to 2017-02-04T23 \(2 hours\) not pub"):
        watch(file)
    assert watch(str(write_pipeline(pipelines, "nitro", ENDED))) == 0


def test_a_look_and_a_missed_deadline_tell_the_same_thing_once(pipelines: Path, sent):
    file = str(write_pipeline(pipelines, "nitro", LATE + SLACK))
    asyncio.run(deadline_missed(file))
    assert watch(file) == 0
    [message] = sent
    assert message.subject.startswith("nitro: 2017-02-04T22 to 2017-02-04T23 (2 hours)")


def test_a_look_whose_message_cannot_be_sent_fails(pipelines: Path, monkeypatch):
    def refuse(to: object, message: Message) -> None:
        raise RuntimeError("channel_not_found")

    monkeypatch.setattr(notify, "_send", refuse)
    file = str(write_pipeline(pipelines, "nitro", LATE + SLACK))
    with pytest.raises(NotToldError, match="slack #data: RuntimeError: channel_not_found"):
        watch(file)


def test_failures_of_an_hour_are_told_once_without_records(pipelines: Path, sent):
    file = str(write_pipeline(pipelines, "nitro", ENDED + SLACK))
    error = LimitExceededError(
        "60% is over 50%: not_json 6; such as not_json: 'secret'", "Mend it."
    )
    task_failed(file, context(0, error))  # type: ignore[arg-type]
    task_failed(file, context(0, StorageError("gone", "Mend it.")))  # type: ignore[arg-type]
    task_failed(file, context(1, None))  # type: ignore[arg-type]
    assert [message.subject for message in sent] == [
        "nitro: 2017-02-04T22 failed in publish: 60% is over 50%: not_json 6",
        "nitro: 2017-02-04T23 failed in publish: its process has ended",
    ]


def test_an_error_that_airflow_asked_for_is_told_without_records_too(pipelines: Path, sent):
    """As a task raises it in Airflow 3.2."""
    file = str(write_pipeline(pipelines, "nitro", ENDED + SLACK))
    cause = LimitExceededError("60% is over 50%; such as not_json: 'secret'", "Mend it.")
    error = AirflowFailException(str(cause))
    error.__cause__ = cause
    task_failed(file, context(0, error))  # type: ignore[arg-type]
    assert [message.subject for message in sent] == [
        "nitro: 2017-02-04T22 failed in publish: 60% is over 50%"
    ]


def test_a_failure_of_the_lake_itself_is_told_each_time(pipelines: Path, sent):
    file = str(write_pipeline(pipelines, "nitro", ENDED + SLACK))
    lake = pipelines.parent / "lake"
    lake.write_text("a file where the folder should be")
    for task_number in range(2):
        task_failed(file, context(task_number, StorageError("gone", "?")))  # type: ignore[arg-type]
    assert [message.subject for message in sent] == [
        "nitro: 2017-02-04T22 failed in publish: gone",
        "nitro: 2017-02-04T23 failed in publish: gone",
    ]


def test_tasks_call_back_if_there_is_somebody_to_tell_of_failures(pipelines: Path):
    def called(more: str) -> set[bool]:
        dag = build_dag(write_pipeline(pipelines, "nitro", more))
        return {bool(task.on_failure_callback) for task in dag.tasks}

    assert called(SLACK) == {True}
    assert called("") == {False}
    assert called(LATE) == {False}
    assert called("[alerts]\nfailures = false\n" + SLACK) == {False}


def test_a_run_has_a_deadline_if_there_is_somebody_to_tell(pipelines: Path):
    def built(more: str) -> DAG:
        return build_dag(write_pipeline(pipelines, "nitro", more))

    [deadline] = built(LATE + SLACK).deadline
    assert deadline.interval == timedelta(minutes=45)
    # Not by the logical date: a run that is started by its hour has none, and would be refused.
    assert deadline.reference == DeadlineReference.DAGRUN_QUEUED_AT
    assert deadline.callback.path == "sessionize.airflow.alerts.deadline_missed"
    assert not built(LATE).deadline
    assert not built(SLACK).deadline


@pytest.mark.parametrize(
    "base", ["https://airflow.example.com/x", "https://airflow.example.com/x/"]
)
def test_the_page_is_where_airflow_says_it_is(base: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base)
    assert page_of(configured()) == "https://airflow.example.com/x/dags/sessionize_n"
