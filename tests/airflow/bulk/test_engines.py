from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import BaseOperator

from sessionize.airflow.bulk import engines
from sessionize.airflow.bulk.dag import build_bulk
from sessionize.model.errors import ConfigError
from tests.airflow.conftest import write_pipeline

EMR = """\
name  = "nitro"
raw   = "s3://events/raw"
lake  = "s3://events/lake"
start = 2017-02-04T22:00:00Z
[bulk]
engine             = "emr-serverless"
application_id     = "00f1a2b3c4d5e609"
execution_role_arn = "arn:aws:iam::123456789012:role/sessionize"
files              = "s3://code/spark/"
timeout            = "3d"
conf               = ["spark.executor.memory=8g"]
"""


def task_of(file: Path) -> Any:
    dag = build_bulk(file)
    assert dag is not None
    return dag.get_task("bulk")


def emr(pipelines: Path, more: str = "") -> Any:
    file = pipelines / "nitro.toml"
    file.write_text(EMR + more)
    return task_of(file)


def test_a_local_one_takes_the_file_where_it_is(pipelines: Path):
    file = write_pipeline(pipelines, "nitro", '[bulk]\nengine = "local"\nmaster = "local[2]"\n')
    task = task_of(file)
    assert (task.master, task.python) == ("local[2]", None)
    assert task.arguments.operator.op_args == (str(file), str(file))


def test_emr_serverless_has_its_files_in_the_bucket(pipelines: Path):
    task = emr(pipelines)
    job = task.job_driver["sparkSubmit"]
    assert job["entryPoint"] == "s3://code/spark/bulk_job.py"
    assert job["entryPointArguments"].operator.op_args[1] == "nitro.toml"
    parameters = job["sparkSubmitParameters"].split(" ")
    assert parameters[:4] == [
        *("--files", "s3://code/spark/nitro.toml"),
        *("--archives", "s3://code/spark/environment.tar.gz#environment"),
    ]
    assert parameters.count("--conf") == 4
    assert "spark.executorEnv.PYSPARK_PYTHON=./environment/bin/python" in parameters
    assert parameters[-1] == "spark.executor.memory=8g"


def test_emr_itself_ends_a_job_that_takes_too_long(pipelines: Path):
    assert emr(pipelines).config == {"executionTimeoutMinutes": 3 * 24 * 60}


def test_an_image_needs_no_archive(pipelines: Path):
    job = emr(pipelines, 'environment = "image"\n').job_driver["sparkSubmit"]
    assert job["sparkSubmitParameters"] == (
        "--files s3://code/spark/nitro.toml --conf spark.executor.memory=8g"
    )


SUBMIT = '[bulk]\nengine = "spark-submit"\n'


def test_a_provider_that_is_not_installed_is_named_when_the_dag_is_loaded(
    pipelines: Path, monkeypatch
):
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"`bulk\.engine`.*apache-airflow-providers-apache-spark"):
        build_bulk(write_pipeline(pipelines, "nitro", SUBMIT))


class Submit(BaseOperator):
    """Takes what the provider's operator takes, which not every environment has."""

    def __init__(self, *, conn_id, deploy_mode, name, application, application_args, **kwargs):
        known = {key: kwargs.pop(key) for key in ("files", "archives", "conf")}
        super().__init__(**kwargs)
        self.given = known | {"conn_id": conn_id, "deploy_mode": deploy_mode}
        self.application, self.arguments = application, application_args


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    from types import ModuleType

    monkeypatch.setattr(engines, "_check_provider", lambda file: None)
    path = "airflow.providers.apache.spark.operators.spark_submit"
    module = ModuleType(path)
    module.SparkSubmitOperator = Submit  # type: ignore[attr-defined]
    for parent in ("airflow.providers.apache", "airflow.providers.apache.spark"):
        monkeypatch.setitem(sys.modules, parent, ModuleType(parent))
    monkeypatch.setitem(sys.modules, path.rpartition(".")[0], ModuleType("operators"))
    monkeypatch.setitem(sys.modules, path, module)


def test_spark_submit_as_client_has_the_driver_here(pipelines: Path, stand_in: None):
    file = write_pipeline(pipelines, "nitro", SUBMIT + 'archive = "hdfs:///e.tar.gz"\n')
    task = task_of(file)
    assert task.given == {
        "conn_id": "spark_default",
        "deploy_mode": "client",
        "files": str(file),
        "archives": "hdfs:///e.tar.gz#environment",
        "conf": {
            "spark.pyspark.driver.python": sys.executable,
            "spark.pyspark.python": "./environment/bin/python",
        },
    }
    assert Path(task.application).read_text().startswith('"""What ``spark-submit`` starts')
    assert task.arguments.operator.op_args[1] == str(file)


def test_spark_submit_to_a_cluster_has_the_file_beside_the_driver(pipelines: Path, stand_in: None):
    more = 'deploy_mode = "cluster"\nconf = ["spark.pyspark.python=python3.11", "spark.a=b=c"]\n'
    task = task_of(write_pipeline(pipelines, "nitro", SUBMIT + more))
    assert task.given["conf"] == {"spark.pyspark.python": "python3.11", "spark.a": "b=c"}
    assert task.given["archives"] is None
    assert task.arguments.operator.op_args[1] == "nitro.toml"


def has_provider() -> bool:
    try:
        path = "airflow.providers.apache.spark.operators.spark_submit"
        return importlib.util.find_spec(path) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.skipif(
    not has_provider(), reason="apache-airflow-providers-apache-spark is not installed"
)
def test_the_providers_own_operator_takes_what_it_is_given(pipelines: Path):
    task = task_of(write_pipeline(pipelines, "nitro", SUBMIT))
    assert type(task).__name__ == "SparkSubmitOperator"
    assert task.application_args.operator.task_id == "check"
