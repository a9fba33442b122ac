"""Spark, where it is there. `.ci/run` sees to that, in an environment of its own."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def lacking() -> str | None:
    """What a session of Spark would need, and is not there."""
    if importlib.util.find_spec("pyspark") is None:
        return "PySpark is not installed: `make test-spark` runs these tests in an environment"
    if "JAVA_HOME" not in os.environ and shutil.which("java") is None:
        return "Java is not there: install Java 17, and `make test-spark` runs these tests"
    return None


@pytest.fixture(scope="session")
def needs_spark() -> None:
    if why := lacking():
        if os.environ.get("SESSIONIZE_SPARK") == "required":
            pytest.fail(why)
        pytest.skip(why)


@pytest.fixture(scope="session")
def spark(needs_spark: None) -> Iterator[SparkSession]:
    """Two processors; tasks are tried up to three times."""
    from sessionize.bulk.spark import session

    with session("local[2,3]") as spark:
        yield spark
