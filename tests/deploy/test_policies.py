"""The pipeline's policy allows what the pipeline does, and nothing that it does not do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sessionize.bulk.driver import bulk
from sessionize.cli import main
from sessionize.config import load_config
from sessionize.lake.storage import S3Credentials, S3Storage
from sessionize.lake.storage import s3 as s3_module
from sessionize.model.errors import OvertakenError
from sessionize.pipeline import stages
from sessionize.pipeline.stages import Pipeline
from tests.bulk.in_process import InProcess
from tests.deploy.iam import Call, Calls, allowing, rendered, rights
from tests.pipeline import scenario

FIRST, SECOND, THIRD, LAST = scenario.HOURS
OTHER = "arn:aws:s3:::others"


@pytest.fixture
def calls(
    s3_credentials: S3Credentials,
    connect_once: Callable[[S3Credentials], Any],
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Calls]:
    """What is asked of the bucket, by whatever client the pipeline makes."""
    calls = Calls()
    connect = s3_module._connect

    def listened(credentials: S3Credentials) -> Any:
        client = connect(credentials)
        calls.listen(client)
        return client

    monkeypatch.setattr(s3_module, "_connect", listened)
    endpoint = s3_credentials.endpoint_url or ""
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    yield calls
    calls.stop()


@pytest.fixture
def policy(bucket: str) -> dict[str, Any]:
    arn = f"arn:aws:s3:::{bucket}"
    return rendered(
        "pipeline",
        raw_bucket=arn,
        raw_prefix="raw",
        lake_bucket=arn,
        lake_prefix="lake",
        queue="arn:aws:sqs:us-east-1:123456789012:test-landed",
    )


@pytest.fixture
def config_file(tmp_path: Path, bucket: str) -> Path:
    file = tmp_path / "test.toml"
    file.write_text(
        f'name = "test"\nraw = "s3://{bucket}/raw"\nlake = "s3://{bucket}/lake"\n'
        f'start = {FIRST}:00:00Z\n[run]\nshards = 2\nbatch_size = "1B"\n'
    )
    return file


def run_in_tasks(pipeline: Pipeline) -> None:
    """An hour as Airflow's tasks run it, by way of staging; then once more."""
    for _ in range(2):
        claim = stages.claim(pipeline, FIRST)
        for batch in range(len(claim.batches)):
            stages.validate_batch(pipeline, FIRST, claim.id, batch)
            stages.enrich_batch(pipeline, FIRST, claim.id, batch)
        for shard in range(claim.shards):
            stages.sessionize_shard(pipeline, FIRST, claim.id, shard)
        stages.publish(pipeline, FIRST, claim.id)


def do_everything(config_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the pipeline does on S3: hours, again, in parts, overtaken; and each command."""
    pipeline = Pipeline.open(load_config(config_file))
    run_in_tasks(pipeline)
    config = ["--config", str(config_file)]
    assert main(["run", *config, "--from", str(SECOND), "--to", str(LAST)]) == 0

    scenario.land(pipeline.raw, SECOND, "late", [scenario.event("e5", "23:30:00")])
    with monkeypatch.context() as patch:
        patch.setattr(s3_module, "_MULTIPART", 1)
        assert main(["run", *config, "--hour", str(LAST)]) == 0
        with pytest.raises(OvertakenError):
            pipeline.lake.storage.write("_staging/overtaken", b"content", '"another"')

    assert [*bulk(pipeline, InProcess(), scenario.HOURS)]

    for command in (
        ["status", *config],
        ["verify", *config],
        ["alerts", *config],
        ["plan", *config, "--from", str(SECOND), "--to", str(LAST)],
        ["daily", *config, "--date", "2017-02-04"],
        ["daily", *config, "--status"],
        ["check", *config, "--sample"],
        ["preview", *config],
        ["init", "--raw", pipeline.config.raw, "--out", "-"],
    ):
        main(command)


def test_it_allows_each_call_that_is_made_and_every_right_is_used(
    bucket: str,
    calls: Calls,
    policy: dict[str, Any],
    config_file: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    scenario.land_all(S3Storage(f"s3://{bucket}/raw", S3Credentials()))
    do_everything(config_file, monkeypatch)
    # What the test lands itself would be Firehose's.
    made = {call for call in calls.made if not _is_landing(call, bucket)}
    assert len(made) > 50
    refused = {call for call in made if not allowing(policy, call)}
    assert not refused
    used = set().union(*(allowing(policy, call) for call in made))
    # What is asked of the queue: `tests/airflow/test_landed_trigger.py`.
    of_queue = {right for right in rights(policy) if right[0] == "HearOfWhatLands"}
    assert rights(policy) - used == of_queue


def _is_landing(call: Call, bucket: str) -> bool:
    return call.action == "s3:PutObject" and call.resource.startswith(f"arn:aws:s3:::{bucket}/raw/")


@pytest.mark.parametrize(
    ("action", "key"),
    [
        ("s3:PutObject", "raw/2017/02/04/22/stream-1"),
        ("s3:DeleteObject", "raw/2017/02/04/22/stream-1"),
        ("s3:GetObject", "raw-failed/format/1"),
        ("s3:GetObject", "lakeside/secret"),
        ("s3:DeleteBucket", ""),
        ("s3:GetObjectVersion", "lake/sessions/part-0.parquet"),
    ],
)
def test_it_refuses_what_the_pipeline_has_no_business_with(
    policy: dict[str, Any], bucket: str, action: str, key: str
):
    assert not allowing(policy, Call(action, f"arn:aws:s3:::{bucket}/{key}".rstrip("/")))


def test_it_refuses_other_buckets_and_other_prefixes(policy: dict[str, Any], bucket: str):
    own = f"arn:aws:s3:::{bucket}"
    assert allowing(policy, Call("s3:ListBucket", own, (("s3:prefix", "raw/2017/"),)))
    assert not allowing(policy, Call("s3:ListBucket", own, (("s3:prefix", "payroll/"),)))
    assert not allowing(policy, Call("s3:ListBucket", OTHER, (("s3:prefix", "raw/"),)))
    assert not allowing(policy, Call("s3:GetObject", f"{OTHER}/raw/2017/02/04/22/stream-1"))


def test_what_is_not_there_can_be_told_from_what_may_not_be_read(
    policy: dict[str, Any], bucket: str
):
    """A request for an object names no prefix: with `StringLike` S3 would answer 403, not 404."""
    without_prefix = Call("s3:ListBucket", f"arn:aws:s3:::{bucket}")
    assert allowing(policy, without_prefix)
    for statement in policy["Statement"]:
        if "Condition" in statement:
            statement["Condition"] = {"StringLike": statement["Condition"]["StringLikeIfExists"]}
    assert not allowing(policy, without_prefix)
