"""``[bulk]``: what is accepted, what is refused, and the setting that an error names."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sessionize.config.bulk import Bulk, EmrServerlessBulk, LocalBulk, SparkSubmitBulk
from sessionize.model.errors import ConfigError

from .minimal import configured

EMR = {
    "engine": "emr-serverless",
    "application_id": "00f1a2b3c4d5e609",
    "execution_role_arn": "arn:aws:iam::123456789012:role/sessionize",
    "files": "s3://code/spark",
}


def bulk(**settings: Any) -> Bulk | None:
    return configured(bulk=settings).bulk


def test_it_is_off_unless_the_file_has_it():
    assert configured().bulk is None


def test_engines_are_told_by_their_name():
    assert bulk(engine="local") == LocalBulk(master="local[*]", python=None)
    assert bulk(engine="spark-submit", deploy_mode="cluster") == SparkSubmitBulk(
        conn_id="spark_default", deploy_mode="cluster"
    )
    settings = bulk(**EMR, timeout="3d", conf=["spark.executor.memory=8g"])
    assert isinstance(settings, EmrServerlessBulk)
    assert settings.timeout == timedelta(days=3)
    assert settings.environment == "archive"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, r"`bulk`.*`engine`"),
        ({"engine": "glue"}, r"`bulk\.engine`.*write one of emr-serverless, spark-submit, local"),
        ({"engine": "local", "conn_id": "spark"}, r"`bulk`.*`conn_id`"),
        ({"engine": "local", "conf": ["spark.a=b"]}, r"`bulk`.*`conf` is not for the engine local"),
        ({"engine": "local", "timeout": "1m"}, r"`bulk`.*`timeout` is outside"),
        ({"engine": "local", "timeout": "32d"}, r"`bulk`.*`timeout` is outside"),
        ({"engine": "spark-submit", "conf": ["memory=8g"]}, r"`bulk`.*`conf` has 'memory=8g'"),
        ({"engine": "spark-submit", "conf": ["spark.a=b c"]}, r"`bulk`.*`conf` has"),
        ({"engine": "spark-submit", "deploy_mode": "both"}, r"`bulk\.deploy_mode`"),
        ({"engine": "emr-serverless"}, r"`bulk`.*`application_id`"),
        (EMR | {"application_id": "My app"}, r"`bulk`.*`application_id` is 'My app'"),
        (EMR | {"execution_role_arn": "sessionize"}, r"`bulk`.*`execution_role_arn` is 'sess"),
        (EMR | {"files": "/code"}, r"`bulk`.*`files` is '/code'"),
        (EMR | {"environment": "zip"}, r"`bulk\.environment`"),
    ],
)
def test_a_setting_that_is_wrong_is_named(settings: dict[str, Any], named: str):
    with pytest.raises(ConfigError, match=named):
        bulk(**settings)


@pytest.mark.parametrize("setting", ["raw", "lake"])
def test_emr_serverless_reaches_no_folder(setting: str):
    with pytest.raises(ConfigError, match=f"`{setting}` is a local folder"):
        configured(bulk=EMR, **{setting: "/data/x"})


def test_where_a_history_is_run_changes_nothing_that_is_published():
    assert configured(bulk=EMR).fingerprint() == configured().fingerprint()
