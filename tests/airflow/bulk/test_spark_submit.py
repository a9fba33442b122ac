"""The engine `spark-submit`: Spark's own, and the provider's operator, as a run of the DAG."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from sessionize.lake.storage import LocalStorage
from tests.airflow.bulk.test_engines import has_provider
from tests.airflow.bulk.test_local import HOURS, REPOSITORY, run_dag, spark_python
from tests.airflow.conftest import write_pipeline
from tests.pipeline import scenario

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not has_provider(), reason="no apache-airflow-providers-apache-spark"),
    pytest.mark.skipif(
        spark_python() is None, reason="no Java, or no .venv-spark: make test-spark"
    ),
]


def test_a_run_of_the_dag_publishes_all_hours(
    pipelines: Path, tmp_path: Path, airflow: None, monkeypatch: pytest.MonkeyPatch
):
    (spark,) = REPOSITORY.glob(".venv-spark/lib/python3*/site-packages/pyspark")
    monkeypatch.setenv("PATH", f"{spark}/bin", prepend=os.pathsep)
    monkeypatch.setenv("SPARK_HOME", str(spark))
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    connection = {"conn_type": "spark", "host": "local[2]"}
    monkeypatch.setenv("AIRFLOW_CONN_SPARK_DEFAULT", json.dumps(connection))
    conf = f'["spark.ui.enabled=false", "spark.pyspark.python={sys.executable}"]'
    settings = f'[bulk]\nengine = "spark-submit"\nconf = {conf}\n'
    file = write_pipeline(pipelines, "nitro", settings)
    scenario.land_all(LocalStorage(tmp_path / "raw"))
    assert run_dag(file, HOURS) == {"check": "success", "bulk": "success"}
    lake = LocalStorage(tmp_path / "lake")
    assert len([key for key in scenario.content(lake) if key.startswith("_runs/")]) == len(
        scenario.HOURS
    )
