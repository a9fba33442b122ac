"""`deploy/aws`: checked, planned against mocks, and applied; the pipeline runs on what it makes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import boto3
import pyarrow.parquet as pq
import pytest

from local.environment import REPOSITORY
from local.s3 import REGION, S3Server, running_s3
from sessionize.model.glue import athena_type
from tests.deploy.iam import Call, allowing, rendered
from tests.deploy.terraform import MODULE, Terraform, terraform_in
from tests.docs.test_readme import snippets

pytestmark = pytest.mark.slow

PAGE = "docs/deploy.md"
#: The commands of the page: describe, apply, send, run.
DESCRIBE, APPLY, SEND, RUN = snippets(PAGE, "sh")

#: moto has neither accounts nor regions to ask. Of a bucket's policy it does not heed conditions,
#: and would refuse all requests, not only those that come without TLS.
STAND_IN = """
provider "aws" {
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
}

data "aws_iam_policy_document" "bucket" {
  statement {
    actions   = ["s3:*"]
    resources = [each.value.arn, "${each.value.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }
}
"""


def test_it_is_formatted_and_valid_and_its_own_tests_pass(tmp_path: Path):
    terraform = terraform_in(tmp_path)
    terraform("fmt", "-check", "-recursive", "-diff")
    terraform("validate")
    assert " 0 failed" in terraform("test")


def test_checkov_finds_nothing_that_is_not_explained(tmp_path: Path):
    checkov = shutil.which("checkov", path=f"{REPOSITORY}/.venv-checkov/bin:{os.environ['PATH']}")
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

    def client(self, service: str, role: str | None = None) -> Any:
        keys = {name.lower(): key for name, key in self.keys(role).items()} if role else {}
        return boto3.client(service, endpoint_url=self.server.endpoint, region_name=REGION, **keys)

    def keys(self, role: str) -> dict[str, str]:
        """The keys of a role, as whoever may take it on gets them."""
        arn = self.outputs["roles"][role]
        given = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["SessionToken"],
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
    """What the page's commands make, in a folder with its files."""
    folder = tmp_path_factory.mktemp("aws")
    with running_s3(folder / "s3") as server, environment(server.env):
        terraform = terraform_in(folder / "deploy" / "aws", **server.env)
        (terraform.folder / "override.tf").write_text(STAND_IN)
        write_page(folder)
        typed(DESCRIBE, folder)
        typed(APPLY, folder, **terraform.unattended)
        yield Stack(terraform, server, folder / "nitro.toml")


def write_page(folder: Path) -> None:
    """Write the page's files, with this hour as the first."""
    [config, *_], [send] = snippets(PAGE, "toml"), snippets(PAGE, "python")
    start = f"start = {datetime.now(UTC):%Y-%m-%dT%H}:00:00Z"
    (folder / "nitro.toml").write_text(re.sub(r"start = \S+", start, config))
    (folder / "send.py").write_text(send)


def typed(commands: str, folder: Path, **env: str) -> str:
    """Run commands as they are typed; return what they print."""
    here = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euc", commands],
        cwd=folder,
        env=os.environ | here | {"PYTHONPATH": str(REPOSITORY)} | env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def lake(stack: Stack) -> Stack:
    """Events go through the stream, sent as its producer; an hour is run as its pipeline."""
    folder = stack.config.parent
    typed(SEND, folder, **stack.keys("producer"))
    [landed] = stack.client("s3").list_objects_v2(Bucket="events", Prefix="raw/")["Contents"]
    assert re.match(r"raw/\d{4}/\d\d/\d\d/\d\d/nitro-", landed["Key"])
    # It may have landed in the hour after that in which the stack was made.
    hour = "{}-{}-{}T{}".format(*landed["Key"].split("/")[1:5])
    config = re.sub(r"start = \S+", f"start = {hour}:00:00Z", stack.config.read_text())
    stack.config.write_text(config)
    said = typed(RUN.replace("$(date -u +%Y-%m-%dT%H)", hour), folder, **stack.keys("pipeline"))
    assert "read 3  valid 3  quarantined 0" in said
    return stack


def test_the_policy_that_was_made_is_the_one_that_is_held_against_every_request(lake: Stack):
    assert lake.policy("pipeline") == rendered(
        "pipeline",
        raw_bucket="arn:aws:s3:::events",
        raw_prefix="raw",
        lake_bucket="arn:aws:s3:::events",
        lake_prefix="lake",
        queue=f"arn:aws:sqs:{REGION}:123456789012:nitro-landed",
    )


def test_readers_see_datasets_and_nothing_of_what_the_pipeline_keeps_for_itself(lake: Stack):
    policy = lake.policy("reader")

    def may(action: str, key: str) -> bool:
        return bool(allowing(policy, Call(action, f"arn:aws:s3:::events/{key}")))

    assert may("s3:GetObject", "lake/sessions/dt=2026-01-01/hour=00/part-0.parquet")
    for key in ("raw/2026/01/01/00/nitro-1", "lake/_state/x", "lake/_runs/x.json"):
        assert not may("s3:GetObject", key)
    assert not may("s3:PutObject", "lake/sessions/x")
    listed = (("s3:prefix", "lake/sessions/dt=2026-01-01/"),)
    assert allowing(policy, Call("s3:ListBucket", "arn:aws:s3:::events", listed))
    assert not allowing(policy, Call("s3:ListBucket", "arn:aws:s3:::events"))


def test_the_tables_that_were_made_fit_the_files_that_were_written(lake: Stack):
    tables = lake.client("glue").get_tables(DatabaseName=lake.outputs["database"])["TableList"]
    assert {table["Name"] for table in tables} >= {"sessions", "events", "open_sessions"}
    s3 = lake.client("s3")
    rows = {}
    for table in tables:
        described = table["StorageDescriptor"]
        bucket, _, prefix = described["Location"].removeprefix("s3://").partition("/")
        [file] = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [None])
        if file is None:  # a day's, and the day is not over
            assert [key["Name"] for key in table["PartitionKeys"]] == ["dt"]
            continue
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
    assert unquote_plus(keys[0]).startswith("raw/")


def test_applied_again_it_changes_nothing(lake: Stack):
    said = lake.terraform("plan", "-input=false", f"-var=region={REGION}")
    changed = {*re.findall(r"# (\S+) (?:will|must) be", said)}
    # moto gives the queue's policies back with other white space.
    assert {name for name in changed if not name.endswith(".landed")} == set(), said
