"""No DAG here: if a pipeline file is wrong, this fails to import, and the Airflow UI shows why."""

from pathlib import Path

from sessionize.airflow.pipelines import check_pipelines, pipelines_folder

check_pipelines(pipelines_folder(default=Path(__file__).parent / "pipelines"))
