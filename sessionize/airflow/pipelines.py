"""The pipeline files of a deployment: one DAG each, and what is wrong with the others."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from airflow.sdk import DAG

from sessionize.airflow.bulk.dag import build_bulk
from sessionize.airflow.dag import build_dag
from sessionize.airflow.daily import build_daily
from sessionize.airflow.watch import build_watch
from sessionize.config import PipelineConfig, load_config
from sessionize.model.errors import ConfigError

FOLDER_VARIABLE = "SESSIONIZE_PIPELINES"


def pipelines_folder(default: Path) -> Path:
    """Tell where the pipeline files are: ``$SESSIONIZE_PIPELINES``, or the given folder."""
    return Path(os.environ.get(FOLDER_VARIABLE) or default)


def build_dags(folder: Path) -> tuple[list[DAG], list[str]]:
    """Build the DAGs of every ``*.toml`` in a folder, each on its own: one's fault is no other's.

    Of two files with the same name neither counts: which of them is meant, only their owner knows.

    Returns
    -------
    dags : list of DAG
    faults : list of str
        What is wrong with the files that give no DAG, and the mend.
    """
    if not folder.is_dir():
        return [], [f"{folder}: there is no such folder. Create it, or set {FOLDER_VARIABLE}."]
    dags: list[tuple[Path, DAG]] = []
    faults = []
    for file in sorted(folder.glob("*.toml")):
        try:
            config = load_config(file)
            built = [
                build(file, config)
                for build in (build_dag, build_daily, build_watch, build_bulk, _build_wake)
            ]
        except ConfigError as error:
            faults.append(str(error))
        except Exception as error:
            faults.append(f"{file}: {type(error).__name__}: {error}")
        else:
            dags += [(file, dag) for dag in built if dag is not None]
    used = Counter(dag.dag_id for _, dag in dags)
    faults += [
        f"{file}: setting `name`: another file gives {dag.dag_id} too. Give each its own name."
        for file, dag in dags
        if used[dag.dag_id] > 1
    ]
    return [dag for _, dag in dags if used[dag.dag_id] == 1], faults


def _build_wake(file: Path, config: PipelineConfig) -> DAG | None:
    if config.airflow.trigger != "sqs":
        return None
    from sessionize.airflow.wake import build_wake  # it imports much that other pipelines need not

    return build_wake(file, config)


def check_pipelines(folder: Path) -> None:
    """Build every DAG, and complain of all that is wrong at once.

    Raises
    ------
    ConfigError
        If any pipeline file gives no DAG.
    """
    _, faults = build_dags(folder)
    if faults:
        raise ConfigError("\n".join(faults), "The other pipelines run meanwhile.")
