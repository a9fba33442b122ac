"""The whole run of one hour in this process: the stages that Airflow runs as tasks, one by one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
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

        def read(batch: int) -> None:
            stages.validate_batch(pipeline, hour, claim.id, batch)
            stages.enrich_batch(pipeline, hour, claim.id, batch)

        def sessionize(shard: int) -> None:
            stages.sessionize_shard(pipeline, hour, claim.id, shard)

        with ThreadPoolExecutor(pipeline.config.run.workers) as pool:
            _do_all(pool, read, len(claim.batches))
            _do_all(pool, sessionize, claim.shards)
        return stages.publish(pipeline, hour, claim.id)


def _do_all(pool: ThreadPoolExecutor, work: Callable[[int], None], count: int) -> None:
    """Do pieces of work side by side; the first that fails keeps the rest from being begun."""
    futures = [pool.submit(work, number) for number in range(count)]
    try:
        for future in as_completed(futures):
            future.result()
    except BaseException:
        for future in futures:
            future.cancel()
        raise
