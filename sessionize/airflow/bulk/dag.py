"""The DAG that runs many hours of a pipeline in one pass: wiring."""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG, Param

from sessionize.airflow.bulk.check import check
from sessionize.airflow.bulk.engines import config_path, operator_of
from sessionize.airflow.dag import HOUR_PATTERN
from sessionize.airflow.retries import retry_arguments
from sessionize.config import PipelineConfig, load_config

_MANUAL = """\
Runs many hours of `{raw}` in one pass on Spark (`{engine}`), and publishes under `{lake}` what
`{hourly}` would. Pause that one first, and leave it paused until this one is done:

    airflow dags pause {hourly}
    airflow dags trigger {dag_id} -c '{{"from": "{first}", "to": "{end}"}}'

The hours are half-open: `to` is not run. Hours that have been run are run again; with `resume`,
those that are done are kept, up to the first that is not.

- `check` makes sure that the hours are the pipeline's, and that `{hourly}` is paused and idle.
- `bulk` runs them. If it fails, the log says why. Hours that it has published stay: trigger it
  again with `resume`, or clear it.

No assets are stamped. The days of these hours: `python -m sessionize daily --config FILE --from …`.
"""


def build_bulk(pipeline_file: str | Path, config: PipelineConfig | None = None) -> DAG | None:
    """Build the DAG ``sessionize_<name>_bulk``; None unless the file has a table ``[bulk]``.

    It has no schedule, and one run at a time.

    Raises
    ------
    ConfigError
        If the pipeline file is wrong, or a provider that it asks for is not installed.
    """
    config, file = config or load_config(pipeline_file), str(pipeline_file)
    if config.bulk is None:
        return None
    with DAG(
        dag_id=f"sessionize_{config.name}_bulk",
        description=f"Many hours of {config.raw} in one pass on Spark, into {config.lake}",
        doc_md=_manual_of(config),
        schedule=None,
        start_date=config.start.start,
        catchup=False,
        max_active_runs=1,
        # There is nothing that it would do by itself.
        is_paused_upon_creation=False,
        tags=["sessionize", *config.airflow.tags],
        params={
            "from": _hour_param("From", "the first hour"),
            "to": _hour_param("To", "the hour after the last"),
            "resume": Param(
                False, type="boolean", description="Keep hours that are done, at the beginning."
            ),
        },
        default_args={
            "owner": config.airflow.owner,
            **retry_arguments(config.airflow.retries, config.airflow.retry_delay),
        },
        auto_register=False,
    ) as dag:
        operator_of(config.bulk, config, file, check(file, config_path(config.bulk, file)))
    return dag


def _manual_of(config: PipelineConfig) -> str:
    assert config.bulk is not None
    return _MANUAL.format(
        raw=config.raw,
        lake=config.lake,
        engine=config.bulk.__struct_config__.tag,
        hourly=f"sessionize_{config.name}",
        dag_id=f"sessionize_{config.name}_bulk",
        first=config.start,
        end=config.end or config.start.next,
    )


def _hour_param(title: str, what: str) -> Param:
    text = f"In UTC, {what}, such as 2017-02-04T23."
    return Param(type="string", pattern=HOUR_PATTERN, title=title, description=text)
