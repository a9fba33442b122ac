from __future__ import annotations

import json

import pytest

from sessionize.airflow.connection import credentials_of
from sessionize.lake.storage import S3Credentials
from sessionize.model.errors import ConfigError


def test_no_connection_is_left_to_the_standard_variables():
    assert credentials_of(None) is None


def test_a_connection_gives_keys_region_and_endpoint(monkeypatch: pytest.MonkeyPatch):
    connection = {
        "conn_type": "aws",
        "login": "key",
        "password": "secret",
        "extra": {"endpoint_url": "http://127.0.0.1:9", "region_name": "eu-west-1"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", json.dumps(connection))
    assert credentials_of("lake") == S3Credentials(
        "key", "secret", None, "eu-west-1", "http://127.0.0.1:9"
    )


def test_a_missing_connection_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "not meant")
    with pytest.raises(ConfigError, match=r"no Airflow connection `lake`.*airflow\.aws_conn_id"):
        credentials_of("lake")
