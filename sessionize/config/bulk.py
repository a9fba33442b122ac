"""Where a history is run from Airflow, and with what: the table ``[bulk]``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Literal, TypeAlias

from sessionize.config.section import Section
from sessionize.config.units import Duration

_LEAST, _MOST = timedelta(minutes=5), timedelta(days=31)


class _Bulk(Section, frozen=True):
    """What all engines have: how long a run may take, and Spark's own settings."""

    timeout: Duration = Duration.parse("1d")
    conf: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _LEAST <= self.timeout <= _MOST:
            raise ValueError("`timeout` is outside 5m to 31d")
        for setting in self.conf:
            if not re.fullmatch(r"spark\.[^\s=]+=[^\s\"']+", setting):
                raise ValueError(
                    f"`conf` has {setting!r}: write NAME=VALUE without spaces or quotes, such as "
                    "spark.executor.memory=8g"
                )


class LocalBulk(_Bulk, frozen=True, tag_field="engine", tag="local"):
    """A process beside the task, with Spark in it.

    ``python`` is the interpreter that has the package and PySpark; Airflow's own unless given.
    """

    master: str = "local[*]"
    python: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.conf:
            raise ValueError("`conf` is not for the engine local: leave it out")


class SparkSubmitBulk(_Bulk, frozen=True, tag_field="engine", tag="spark-submit"):
    """``spark-submit`` on the worker, by an Airflow connection that says where Spark is.

    Without an ``archive`` the package is where executors run.
    """

    conn_id: str = "spark_default"
    deploy_mode: Literal["client", "cluster"] = "client"
    archive: str | None = None


class EmrServerlessBulk(_Bulk, frozen=True, kw_only=True, tag_field="engine", tag="emr-serverless"):
    """A job of an EMR Serverless application.

    ``files`` is where what ``make spark-env`` has built lies; with the environment in the
    application's image, its archive is not asked for.
    """

    application_id: str
    execution_role_arn: str
    files: str
    environment: Literal["archive", "image"] = "archive"
    region: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not re.fullmatch(r"[0-9a-z]{1,64}", self.application_id, re.ASCII):
            raise ValueError(
                f"`application_id` is {self.application_id!r}: write the id of an EMR Serverless "
                "application, such as 00f1a2b3c4d5e609"
            )
        if not re.fullmatch(r"arn:[\w-]+:iam::\d{12}:role/\S+", self.execution_role_arn, re.ASCII):
            raise ValueError(
                f"`execution_role_arn` is {self.execution_role_arn!r}: write the ARN of a role, "
                "such as arn:aws:iam::123456789012:role/sessionize"
            )
        if not re.fullmatch(r"s3://[^/\s]+(/\S*)?", self.files):
            raise ValueError(f"`files` is {self.files!r}: write s3://bucket/prefix")


Bulk: TypeAlias = LocalBulk | SparkSubmitBulk | EmrServerlessBulk
#: What `engine` may be.
ENGINES = ("emr-serverless", "spark-submit", "local")
