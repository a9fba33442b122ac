"""The operator's manual of a DAG, shown in the Airflow UI (``doc_md``)."""

from __future__ import annotations

from sessionize.config import PipelineConfig


def manual_of(config: PipelineConfig) -> str:
    """Write the manual of a pipeline's DAG, in Markdown."""
    return "x"
