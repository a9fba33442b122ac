"""The task that runs ``bulk``, by the engine of the pipeline file."""

from __future__ import annotations

import importlib.util
import sys
from functools import singledispatch
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator, XComArg

import sessionize
from sessionize.config import PipelineConfig
from sessionize.config.bulk import Bulk, EmrServerlessBulk, LocalBulk, SparkSubmitBulk
from sessionize.model.errors import ConfigError

TASK = "bulk"
#: What executors know the unpacked archive as.
_ENVIRONMENT = "environment"
_PYTHON = f"./{_ENVIRONMENT}/bin/python"
_JOB = "bulk_job.py"


def config_path(bulk: Bulk, pipeline_file: str) -> str:
    """Tell where the driver finds the pipeline file: beside it, if it runs somewhere else."""
    is_here = isinstance(bulk, LocalBulk) or (
        isinstance(bulk, SparkSubmitBulk) and bulk.deploy_mode == "client"
    )
    return str(Path(pipeline_file).resolve()) if is_here else Path(pipeline_file).name


@singledispatch
def operator_of(
    bulk: Bulk, config: PipelineConfig, pipeline_file: str, arguments: XComArg
) -> BaseOperator:
    """Make the task; ``arguments`` are the options of ``bulk``.

    Raises
    ------
    ConfigError
        If the provider that it needs is not installed.
    """
    raise NotImplementedError(type(bulk))


@operator_of.register
def _(
    bulk: LocalBulk, config: PipelineConfig, pipeline_file: str, arguments: XComArg
) -> BaseOperator:
    from sessionize.airflow.bulk.local import LocalBulkOperator

    return LocalBulkOperator(
        task_id=TASK,
        arguments=arguments,  # type: ignore[arg-type]
        master=bulk.master,
        python=bulk.python,
        aws_conn_id=config.airflow.aws_conn_id,
        execution_timeout=bulk.timeout,
    )


@operator_of.register
def _(
    bulk: SparkSubmitBulk, config: PipelineConfig, pipeline_file: str, arguments: XComArg
) -> BaseOperator:
    _check_provider(pipeline_file)
    from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator

    python: dict[str, str] = {}
    if bulk.deploy_mode == "client":
        python["spark.pyspark.driver.python"] = sys.executable
    if bulk.archive is not None:
        python["spark.pyspark.python"] = _PYTHON
    operator: BaseOperator = SparkSubmitOperator(
        task_id=TASK,
        conn_id=bulk.conn_id,
        deploy_mode=bulk.deploy_mode,
        name=f"sessionize_{config.name}_bulk",
        application=str(Path(sessionize.__file__).parent / "cli" / _JOB),
        application_args=arguments,
        files=str(Path(pipeline_file).resolve()),
        archives=bulk.archive and f"{bulk.archive}#{_ENVIRONMENT}",
        conf=python | dict(setting.split("=", 1) for setting in bulk.conf),
        execution_timeout=bulk.timeout,
    )
    return operator


@operator_of.register
def _(
    bulk: EmrServerlessBulk, config: PipelineConfig, pipeline_file: str, arguments: XComArg
) -> BaseOperator:
    from sessionize.airflow.bulk.emr import EmrBulkOperator

    files = bulk.files.rstrip("/")
    job: dict[str, Any] = {
        "entryPoint": f"{files}/{_JOB}",
        "entryPointArguments": arguments,
        "sparkSubmitParameters": _emr_parameters(bulk, files, Path(pipeline_file).name),
    }
    return EmrBulkOperator(
        task_id=TASK,
        application_id=bulk.application_id,
        execution_role_arn=bulk.execution_role_arn,
        job_driver={"sparkSubmit": job},
        aws_conn_id=config.airflow.aws_conn_id,
        region_name=bulk.region,
        timeout=bulk.timeout,
    )


def _emr_parameters(bulk: EmrServerlessBulk, files: str, name: str) -> str:
    parameters = [f"--files {files}/{name}"]
    settings: tuple[str, ...] = ()
    if bulk.environment == "archive":
        parameters.append(f"--archives {files}/environment.tar.gz#{_ENVIRONMENT}")
        settings = (
            f"spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON={_PYTHON}",
            f"spark.emr-serverless.driverEnv.PYSPARK_PYTHON={_PYTHON}",
            f"spark.executorEnv.PYSPARK_PYTHON={_PYTHON}",
        )
    return " ".join([*parameters, *(f"--conf {each}" for each in (*settings, *bulk.conf))])


def _check_provider(pipeline_file: str) -> None:
    try:
        found = importlib.util.find_spec("airflow.providers.apache.spark.operators.spark_submit")
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise ConfigError(
            f"{pipeline_file}: setting `bulk.engine`: what runs spark-submit is not installed",
            "Install apache-airflow-providers-apache-spark, or choose another engine.",
        )
