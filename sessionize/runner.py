"""The whole run of one hour in this process: the stages that Airflow runs as tasks, one by one."""

from __future__ import annotations

import tempfile
from dataclasses import replace

from sessionize import stages
from sessionize.hours import Hour
from sessionize.publication import Published
from sessionize.stages import Pipeline
from sessionize.storage import LocalStorage


def run_hour(pipeline: Pipeline, hour: Hour) -> Published:
    """Run one hour; the result is file for file that of the DAG.

    Work in progress is kept on local disk and removed, whatever happens.

    Raises
    ------
    SessionizeError
        If the hour cannot be run; what is published is whole.
    """
    with tempfile.TemporaryDirectory(prefix="sessionize-") as folder:
        pipeline = replace(pipeline, staging=LocalStorage(folder, durable=False))
        stages.check_previous(pipeline, hour)
        claim = stages.claim(pipeline, hour)
        for batch in range(len(claim.batches)):
            stages.validate_batch(pipeline, hour, claim.id, batch)
            stages.enrich_batch(pipeline, hour, claim.id, batch)
        for shard in range(claim.shards):
            stages.sessionize_shard(pipeline, hour, claim.id, shard)
        return stages.publish(pipeline, hour, claim.id)
