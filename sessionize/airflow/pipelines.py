"""The pipeline files of a deployment: one DAG each, and what is wrong with the others."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from airflow.sdk import DAG

from sessionize.airflow.dag import build_dag
from sessionize.errors import ConfigError

FOLDER_VARIABLE = "SESSIONIZE_PIPELINES"


@dataclass(frozen=True)
class BrokenPipeline:
    """A pipeline file that gives no DAG, and why."""

    file: Path
    reason: str


def pipelines_folder(default: Path) -> Path:
    """Tell where the pipeline files are: ``$SESSIONIZE_PIPELINES``, or the given folder."""
    return Path(os.environ.get(FOLDER_VARIABLE) or default)


def build_dags(folder: Path) -> tuple[list[DAG], list[BrokenPipeline]]:
    """Build the DAG of every ``*.toml`` in a folder, each on its own: one's fault is no other's.

    Of two files with the same name neither counts: which of them is meant, only their owner knows.
    """
    dags: dict[Path, DAG] = {}
    broken = []
    if not folder.is_dir():
        broken.append(
            BrokenPipeline(folder, f"There is no such folder. Create it or set {FOLDER_VARIABLE}.")
        )
    for file in sorted(folder.glob("*.toml")):
        try:
            dags[file] = build_dag(file)
        except Exception as error:
            broken.append(BrokenPipeline(file, _first_line(error)))
    used = Counter(dag.dag_id for dag in dags.values())
    for file, dag in list(dags.items()):
        if used[dag.dag_id] > 1:
            name = dag.dag_id.removeprefix("sessionize_")
            broken.append(
                BrokenPipeline(
                    file, f"setting `name`: another file is {name!r} too. Give each its own name."
                )
            )
            del dags[file]
    return list(dags.values()), broken


def check_pipelines(folder: Path) -> None:
    """Build every DAG, and complain of all that is wrong at once.

    Raises
    ------
    ConfigError
        If any pipeline file gives no DAG.
    """
    _, broken = build_dags(folder)
    if broken:
        raise ConfigError(
            "\n".join(f"{one.file}: {one.reason}" for one in broken),
            "The other pipelines run meanwhile.",
        )


def _first_line(error: Exception) -> str:
    text = str(error) if isinstance(error, ConfigError) else f"{type(error).__name__}: {error}"
    return text.strip()
