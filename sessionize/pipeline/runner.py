"""The whole run of one hour in this process: the stages that Airflow runs as tasks, one by one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
from msgspec import structs

from sessionize.config import PipelineConfig
from sessionize.lake.commit import Published
from sessionize.lake.staging import HeldStaging
from sessionize.lake.storage import LocalStorage
from sessionize.model.hours import Hour
from sessionize.pipeline import stages
from sessionize.pipeline.stages import Pipeline


def run_hour(pipeline: Pipeline, hour: Hour) -> Published:
    """Run one hour; the result is file for file that of the DAG.

    Work in progress is kept on local disk, that of a small hour in memory, and removed, whatever
    happens.

    Raises
    ------
    SessionizeError
        If the hour cannot be run; what is published is whole.
    """
    with tempfile.TemporaryDirectory(prefix="sessionize-") as folder:
        pipeline = replace(pipeline, staging=LocalStorage(Path(folder) / "staging", durable=False))
        stages.check_previous(pipeline, hour)
        claim = stages.claim(pipeline, hour)
        is_small = sum(entry.size for entry in claim.objects) <= pipeline.config.run.in_memory
        if is_small:
            pipeline = replace(pipeline, config=_in_one_shard(pipeline.config))
            claim = pipeline.claim_of(hour)
        held = HeldStaging(
            pipeline.staging, hour, claim.id, lambda name: is_small or name.startswith("valid-")
        )
        pipeline = replace(pipeline, held=held)

        def read(batch: int) -> None:
            stages.validate_batch(pipeline, hour, claim.id, batch)
            stages.enrich_batch(pipeline, hour, claim.id, batch)
            held.forget(f"valid-{batch:05}")

        def sessionize(shard: int) -> None:
            stages.sessionize_shard(pipeline, hour, claim.id, shard)

        files = Path(folder) / "files"
        files.mkdir()
        with ThreadPoolExecutor(pipeline.config.run.workers) as pool:
            _do_all(pool, read, len(claim.batches))
            pa.default_memory_pool().release_unused()
            events = pool.submit(stages.write_events, pipeline, hour, claim.id, files)
            _do_all(pool, sessionize, claim.shards)
            pa.default_memory_pool().release_unused()
            return stages.publish(pipeline, hour, claim.id, files, events.result)


def _in_one_shard(config: PipelineConfig) -> PipelineConfig:
    """Return the settings with one shard, unless they name a number: it makes no difference."""
    if config.run.shards:
        return config
    return structs.replace(config, run=structs.replace(config.run, shards=1))


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
