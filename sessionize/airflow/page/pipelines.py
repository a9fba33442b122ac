"""The pipelines of this Airflow, as its API server finds them: the pipeline files."""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path

from sessionize.config import PipelineConfig, load_config
from sessionize.model.errors import ConfigError

log = logging.getLogger(__name__)


def default_folder() -> Path:
    """Return where the pipeline files are: as for the DAG files, but in another process."""
    from airflow.configuration import conf

    from sessionize.airflow.pipelines import pipelines_folder

    return pipelines_folder(Path(conf.get_mandatory_value("core", "dags_folder")) / "pipelines")


def find_pipelines(folder: Path) -> dict[str, PipelineConfig]:
    """Read the pipeline files of a folder, as they are now: see `find_files`.

    Returns
    -------
    dict
        By the id of the DAG.
    """
    return {dag_id: config for dag_id, (_, config) in find_files(folder).items()}


def find_files(folder: Path) -> dict[str, tuple[Path, PipelineConfig]]:
    """Find the pipeline files of a folder, and read them.

    Files that are wrong are left out, and so are those of a name that several have: they have no
    DAG either, and Airflow shows why.

    Returns
    -------
    dict
        By the id of the DAG.
    """
    found: dict[str, tuple[Path, PipelineConfig]] = {}
    twice = set()
    for file in sorted(folder.glob("*.toml")):
        try:
            stat = file.stat()
            config = _load(file, stat.st_mtime_ns, stat.st_size)
        except (ConfigError, OSError) as error:
            log.warning("A pipeline is left out: %s", error)
            continue
        dag_id = f"sessionize_{config.name}"
        if dag_id in found:
            twice.add(dag_id)
        found[dag_id] = file, config
    return {dag_id: entry for dag_id, entry in found.items() if dag_id not in twice}


@lru_cache(maxsize=256)
def _load(file: Path, changed_ns: int, size: int) -> PipelineConfig:
    return load_config(file)
