"""The S3 and Firehose server, and what is put into it."""

import json
import re

import boto3
import pytest

from local.errors import LocalError
from local.firehose import create_stream, put_events
from local.landing import LandedObject, put_s3
from local.mirror import load_bucket, save_bucket
from local.s3 import running_s3

OBJECTS = [
    LandedObject("2017/02/04/20/", b""),
    LandedObject("2017/02/04/20/nitro-events-1-2017-02-04-20-00-00-empty", b""),
    LandedObject("2017/02/04/20/nitro-events-1-2017-02-04-20-00-00-one", b"one"),
]


def content_of(server, bucket):
    listed = server.s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    return {
        entry["Key"]: server.s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
        for entry in listed
    }


def test_the_standard_variables_lead_to_the_server(server, monkeypatch):
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)

    buckets = boto3.Session().client("s3").list_buckets()["Buckets"]

    assert {bucket["Name"] for bucket in buckets} >= {"events", "copy", "live"}


def test_the_airflow_connection_leads_to_the_server(server):
    connection = json.loads(server.env["AIRFLOW_CONN_AWS_DEFAULT"])

    assert connection["extra"]["endpoint_url"] == server.endpoint


def test_a_taken_port_is_told(server, tmp_path):
    port = int(server.endpoint.rpartition(":")[2])

    with pytest.raises(LocalError, match="the port is taken"):
        running_s3(tmp_path, port=port).__enter__()


def test_a_bucket_is_kept_in_a_folder_and_brought_back(server, tmp_path):
    server.s3.create_bucket(Bucket="kept")
    put_s3(OBJECTS, server.s3, "kept", "raw")
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/of-an-earlier-time").touch()

    save_bucket(server.s3, "kept", tmp_path)
    load_bucket(server.s3, "copy", tmp_path)

    assert content_of(server, "kept") == {f"raw/{o.key}": o.content for o in OBJECTS}
    assert content_of(server, "copy") == {f"raw/{o.key}": o.content for o in OBJECTS[1:]}


def test_firehose_delivers_what_is_put_under_the_hour(server):
    bodies = [{"n": n} for n in range(700)]
    create_stream(server.firehose, "clicks", "live", "raw")

    put = put_events(server.firehose, "clicks", [*bodies, b"{broken"])

    delivered = content_of(server, "live")
    key = re.compile(r"raw/\d{4}(/\d\d){3}/clicks-1-\d{4}(-\d\d){5}-[0-9a-f-]{36}")
    lines = sorted(line for content in delivered.values() for line in content.splitlines())
    assert put == 701
    assert all(map(key.fullmatch, delivered))
    assert lines == sorted([*(json.dumps(body).encode() for body in bodies), b"{broken"])
