"""One Airflow DAG per pipeline file: `pipelines/*.toml` here, or in `$SESSIONIZE_PIPELINES`.

A file that is wrong gives no DAG and does not stop the others; `check_pipelines.py` says so.
"""

from pathlib import Path

from sessionize.airflow.pipelines import build_dags, pipelines_folder

dags, _ = build_dags(pipelines_folder(default=Path(__file__).parent / "pipelines"))
globals().update({dag.dag_id: dag for dag in dags})
