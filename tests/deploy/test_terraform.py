"""`deploy/aws`: checked, planned against mocks, and applied; the pipeline runs on what it makes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pyarrow.parquet as pq
import pytest

from local.s3 import REGION, S3Server, running_s3
from sessionize.cli import main
from sessionize.lake.storage import s3 as s3_module
from sessionize.model.glue import athena_type
from tests.deploy.iam import Calls, allowing, rendered
from tests.deploy.terraform import MODULE, Terraform, terraform_in
from tests.pipeline import scenario

pytestmark = pytest.mark.slow

PIPELINE = """
name  = "nitro"
raw   = "s3://events/raw"
lake  = "s3://events/lake"
start = {start}:00:00Z

[[column]]
name  = "pages"
field = "document.pages"
type  = "int64"

[[session.column]]
name      = "pages_seen"
aggregate = "list"
of        = "pages"
"""

#: moto has neither accounts nor regions to ask.
STAND_IN = """
provider "aws" {
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
}
"""


def test_it_is_formatted_and_valid_and_its_own_tests_pass(tmp_path: Path):
    terraform = terraform_in(tmp_path)
    terraform("fmt", "-check", "-recursive", "-diff")
    terraform("validate")
    assert " 0 failed" in terraform("test")


def test_checkov_finds_nothing_that_is_not_explained(tmp_path: Path):
    checkov = shutil.which("checkov")
    if checkov is None:
        pytest.skip("checkov is not installed: deploy/aws has not been scanned")
    done = subprocess.run(
        [checkov, "-d", MODULE, "--framework", "terraform", "--compact", "--quiet", "-o", "json"],
        capture_output=True,
        text=True,
    )
    found = json.loads(done.stdout)
    assert found["summary"]["passed"] > 50
    assert [check["check_id"] for check in found["results"]["failed_checks"]] == []


def test_whatever_is_skipped_in_a_scan_is_explained():
    skips = re.findall(
        r"#checkov:skip=(\w+)(.*)", "".join(p.read_text() for p in MODULE.glob("*.tf"))
    )
    assert skips
    assert all(re.match(r":\w.{20}", why) for _, why in skips)


class Stack:
    """What has been applied, and how to reach it."""

    def __init__(self, terraform: Terraform, server: S3Server, config: Path) -> None:
        self.terraform, self.server, self.config = terraform, server, config
        self.outputs = terraform.outputs()
        self.calls = Calls()

    def client(self, service: str, role: str | None = None) -> Any:
        keys = self.keys(role) if role else {}
        return boto3.client(service, endpoint_url=self.server.endpoint, region_name=REGION, **keys)

    def keys(self, role: str) -> dict[str, str]:
        """The keys of a role, as whoever may take it on gets them."""
        arn = self.outputs["roles"][role]
        given = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }

    def policy(self, role: str) -> dict[str, Any]:
        name = self.outputs["roles"][role].rpartition("/")[2]
        answer = self.client("iam").get_role_policy(RoleName=name, PolicyName=role)
        return answer["PolicyDocument"]


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("aws")
    config = folder / "nitro.toml"
    config.write_text(PIPELINE.format(start=f"{datetime.now(UTC):%Y-%m-%dT%H}"))
    with running_s3(folder / "s3") as server, environment(server.env):
        terraform = terraform_in(folder / "module", **server.env)
        (terraform.folder / "override.tf").write_text(STAND_IN)
        variables = described(config) | {"region": REGION}
        (terraform.folder / "pipeline.auto.tfvars.json").write_text(json.dumps(variables))
        terraform("apply", "-auto-approve", "-input=false")
        yield Stack(terraform, server, config)
        terraform("destroy", "-auto-approve", "-input=false")


def described(config: Path) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr("builtins.print", lambda text, **_: said.append(text))
        assert main(["describe", "--terraform", "--config", str(config)]) == 0
    return json.loads("".join(said))


@pytest.fixture(scope="module")
def lake(stack: Stack) -> Stack:
    """Events go through the stream, sent as its producer; an hour is run as its pipeline."""
    now = int(time.time())
    records = [
        scenario.event("a1", "22:00:00", action, timestamp=now + second, document={"pages": second})
        for second, action in enumerate(("prostarted", "proedit", "prostarted"))
    ]
    answer = stack.client("firehose", "producer").put_record_batch(
        DeliveryStreamName=stack.outputs["stream"],
        Records=[{"Data": json.dumps(record).encode()} for record in records],
    )
    assert answer["FailedPutCount"] == 0
    [landed] = stack.client("s3").list_objects_v2(Bucket="events", Prefix="raw/")["Contents"]
    assert re.match(r"raw/\d{4}/\d\d/\d\d/\d\d/nitro-", landed["Key"])
    # It may have landed in the hour after that in which the stack was made.
    hour = "{}-{}-{}T{}".format(*landed["Key"].split("/")[1:5])
    stack.config.write_text(PIPELINE.format(start=hour))
    connect = s3_module._connect
    keys = {name.upper(): value for name, value in stack.keys("pipeline").items()}
    with pytest.MonkeyPatch.context() as patch, environment(keys):

        def listened(credentials: Any) -> Any:
            client = connect(credentials)
            stack.calls.listen(client)
            return client

        patch.setattr(s3_module, "_connect", listened)
        assert main(["run", "--config", str(stack.config), "--hour", hour]) == 0
        assert main(["verify", "--config", str(stack.config)]) == 0
    return stack


def test_what_the_pipeline_asks_for_is_allowed_by_the_role_that_was_made(lake: Stack):
    policy = lake.policy("pipeline")
    assert {call for call in lake.calls.made if not allowing(policy, call)} == set()
    assert policy == rendered(
        "pipeline",
        raw_bucket="arn:aws:s3:::events",
        raw_prefix="raw",
        lake_bucket="arn:aws:s3:::events",
        lake_prefix="lake",
        queue=f"arn:aws:sqs:{REGION}:123456789012:nitro-landed",
    )


def test_the_tables_that_were_made_fit_the_files_that_were_written(lake: Stack):
    tables = lake.client("glue").get_tables(DatabaseName=lake.outputs["database"])["TableList"]
    assert {table["Name"] for table in tables} >= {"sessions", "events", "open_sessions"}
    s3 = lake.client("s3")
    rows = {}
    for table in tables:
        described = table["StorageDescriptor"]
        bucket, _, prefix = described["Location"].removeprefix("s3://").partition("/")
        [file] = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
        folders = file["Key"].removeprefix(prefix).split("/")[:-1]
        assert [folder.partition("=")[0] for folder in folders] == [
            key["Name"] for key in table["PartitionKeys"]
        ]
        path = lake.config.parent / f"{table['Name']}.parquet"
        s3.download_file(bucket, file["Key"], str(path))
        written = pq.read_table(path)
        assert [(field.name, athena_type(field.type)) for field in written.schema] == [
            (column["Name"], column["Type"]) for column in described["Columns"]
        ]
        rows[table["Name"]] = written.to_pylist()
    assert [row["pages_seen"] for row in rows["sessions"]] == [[0, 1]]
    assert [row["pages_seen"] for row in rows["open_sessions"]] == [[2]]


def test_what_has_landed_is_told_to_the_queue(lake: Stack):
    sqs = lake.client("sqs", "pipeline")
    url = sqs.get_queue_url(QueueName=lake.outputs["queue"])["QueueUrl"]
    bodies = []
    while answer := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        bodies += [json.loads(message["Body"]) for message in answer]
    keys = [record["s3"]["object"]["key"] for body in bodies for record in body.get("Records", ())]
    assert len(keys) == 1
    assert keys[0].startswith("raw/")


def test_applied_again_it_changes_nothing(lake: Stack):
    assert "No changes" in lake.terraform("plan", "-input=false")
