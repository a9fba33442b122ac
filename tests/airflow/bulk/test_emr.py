"""At moto's EMR Serverless; it starts a job anew under a token that it has had, which AWS won't.

Its jobs have succeeded as soon as they are there, unless a test says otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from airflow.sdk.exceptions import TaskDeferred
from botocore.exceptions import ClientError

from sessionize.airflow.bulk.emr import EmrBulkOperator, token_of
from sessionize.airflow.bulk.emr_trigger import EmrJobTrigger
from sessionize.config.units import Duration
from sessionize.lake.storage import S3Credentials
from sessionize.model.errors import SparkError

ROLE = "arn:aws:iam::123456789012:role/sessionize"
JOB = {"sparkSubmit": {"entryPoint": "s3://code/bulk_job.py", "entryPointArguments": ["--from"]}}


@pytest.fixture
def emr(s3_credentials: S3Credentials, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    assert s3_credentials.endpoint_url is not None
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_credentials.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return boto3.client("emr-serverless")


@pytest.fixture
def application(emr: Any) -> str:
    application: str = emr.create_application(
        name="spark", releaseLabel="emr-7.5.0", type="SPARK", clientToken="x"
    )["applicationId"]
    emr.start_application(applicationId=application)
    # moto knows an application's jobs once it has had one.
    emr.start_job_run(applicationId=application, executionRoleArn=ROLE, clientToken="y", name="z")
    return application


def operator(application: str) -> EmrBulkOperator:
    return EmrBulkOperator(
        task_id="bulk",
        application_id=application,
        execution_role_arn=ROLE,
        job_driver=JOB,
        aws_conn_id=None,
        region_name="us-east-1",
        timeout=Duration.parse("3d"),
    )


def execute(task: EmrBulkOperator) -> EmrJobTrigger:
    """Start the job; return what waits for it."""
    ti = SimpleNamespace(dag_id="sessionize_nitro_bulk", run_id="manual__1")
    with pytest.raises(TaskDeferred) as deferred:
        task.execute({"ti": ti})  # type: ignore[typeddict-item]
    assert deferred.value.method_name == "job_ended"
    path, settings = deferred.value.trigger.serialize()
    assert path == "sessionize.airflow.bulk.emr_trigger.EmrJobTrigger"
    return EmrJobTrigger(**settings | {"pause": 0.01})


async def event_of(trigger: EmrJobTrigger) -> dict[str, Any]:
    async for event in trigger.run():
        return event.payload  # type: ignore[no-any-return]
    raise AssertionError


def end(application: str, job: str, state: str) -> None:
    from moto.emrserverless.models import emrserverless_backends

    jobs = emrserverless_backends["123456789012"]["us-east-1"].job_runs[application]
    (found,) = [each for each in jobs if each.id == job]
    found.state, found.state_details = state, "said so"


def test_the_job_is_started_with_its_limit_and_is_waited_for(emr: Any, application: str):
    task = operator(application)
    trigger = execute(task)
    job = emr.get_job_run(applicationId=application, jobRunId=trigger.job_id)["jobRun"]
    assert job["name"] == "sessionize_nitro_bulk manual__1"
    assert job["executionTimeoutMinutes"] == 4320
    assert job["jobDriver"] == JOB
    end(application, trigger.job_id, "SUCCESS")
    event = asyncio.run(event_of(trigger))
    assert task.job_ended({}, event) == trigger.job_id  # type: ignore[typeddict-item]


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_a_job_that_has_failed_says_where_to_look(application: str, state: str):
    task = operator(application)
    trigger = execute(task)
    end(application, trigger.job_id, state)
    event = asyncio.run(event_of(trigger))
    with pytest.raises(SparkError, match=rf"is {state}: said so\. Its driver's log, `stderr`"):
        task.job_ended({}, event)  # type: ignore[typeddict-item]


def test_a_task_that_is_ended_by_hand_takes_the_job_with_it(emr: Any, application: str):
    trigger = execute(operator(application))
    asyncio.run(trigger.on_kill())
    job = emr.get_job_run(applicationId=application, jobRunId=trigger.job_id)["jobRun"]
    assert job["state"] == "CANCELLED"


def test_a_try_goes_by_the_same_token_until_the_job_has_ended(application: str):
    """So the try after a lost worker gets the job that is there, and a cleared task a new one."""
    tokens = []
    for state in ("RUNNING", "FAILED", "RUNNING"):
        task = operator(application)
        trigger = execute(task)
        tokens.append(task.client_request_token)
        end(application, trigger.job_id, state)
    assert tokens[0] == tokens[1] != tokens[2]
    assert tokens[0] != token_of("sessionize_nitro_bulk manual__2", 0)


@pytest.mark.parametrize("failures", [29, 30])
def test_questions_without_an_answer_are_asked_again_for_a_while(monkeypatch, failures: int):
    answers = iter([ClientError({}, "GetJobRun")] * failures + [{"state": "SUCCESS"}])

    def job(self: EmrJobTrigger) -> dict[str, Any]:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(EmrJobTrigger, "_job", job)
    trigger = EmrJobTrigger("a", "j", None, None, pause=0)
    if failures == 29:
        assert asyncio.run(event_of(trigger)) == {"job": "j", "state": "SUCCESS", "said": ""}
    else:
        with pytest.raises(ClientError):
            asyncio.run(event_of(trigger))
