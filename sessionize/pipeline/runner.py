"""The whole run of one hour in this process: what Airflow runs as tasks, without a task between."""

from __future__ import annotations

import contextlib
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

import pyarrow as pa

from sessionize.config import MAX_SHARDS, Run
from sessionize.lake.claims import Claim
from sessionize.lake.commit import Published
from sessionize.lake.staging import MemoryStaging
from sessionize.lake.storage import LocalStorage
from sessionize.model.hours import Hour
from sessionize.pipeline import stages
from sessionize.pipeline.partitions import OF_BATCHES, ShardTables, tables_of, write_of_shards
from sessionize.pipeline.shuffle import MemoryShuffle
from sessionize.pipeline.stages import Pipeline, Work

_Result = TypeVar("_Result")


def run_hour(pipeline: Pipeline, hour: Hour) -> Published:
    """Run one hour; the result is file for file that of the DAG.

    Work in progress is kept on local disk, that of a small hour in memory, and removed, whatever
    happens.

    Raises
    ------
    SessionizeError
        If the hour cannot be run; what is published is whole.
    """
    with tempfile.TemporaryDirectory(prefix="sessionize-") as temporary:
        staging = LocalStorage(Path(temporary) / "staging", durable=False)
        files = Path(temporary) / "files"
        files.mkdir()
        previous = stages.check_previous(pipeline, hour)
        claim = _in_small_shards(stages.claim(pipeline, hour), pipeline.config.run)
        work = Work.stored(replace(pipeline, staging=staging), claim)
        if sum(entry.size for entry in claim.objects) <= pipeline.config.run.in_memory:
            work = _in_memory(work)

        def read(batch: int) -> None:
            stages.add_events(work, batch, stages.validated(work, batch))

        def sessionize(shard: int) -> ShardTables:
            run = stages.sessionized(work, previous, shard)
            return tables_of(run, work.config.schemas)

        workers = pipeline.config.run.workers
        with (
            ThreadPoolExecutor(workers) as pool,
            ThreadPoolExecutor(len(OF_BATCHES)) as writers,
            contextlib.ExitStack() as stack,
        ):
            done = {name: stack.enter_context(_Fed()) for name in OF_BATCHES}
            of_batches = [
                writers.submit(stages.write_batches, work, name, files, batches)
                for name, batches in done.items()
            ]
            for batch, _ in enumerate(in_order(pool, read, len(claim.batches), workers)):
                for batches in done.values():
                    batches.put(batch)
            stack.close()
            pa.default_memory_pool().release_unused()
            shards = in_order(pool, sessionize, work.claim.shards, workers)
            written, duplicates = write_of_shards(shards, work.config.schemas, files)
            written |= {file.key: file for file in (future.result() for future in of_batches)}
        return stages.publish_files(work, previous, files, written, duplicates)


class _Fed(SimpleQueue[int | None]):
    """Numbers that another thread takes as they come; the end of the block is their end."""

    def __enter__(self) -> _Fed:
        return self

    def __exit__(self, *_: object) -> None:
        self.put(None)

    def __iter__(self) -> Iterator[int]:
        return iter(self.get, None)


def in_order(
    pool: ThreadPoolExecutor, work: Callable[[int], _Result], count: int, ahead: int
) -> Iterator[_Result]:
    """Do pieces of work side by side and yield their results in order, a few at a time.

    At most ``ahead`` pieces are under way or waiting to be taken; the first that fails keeps the
    rest from being begun.
    """
    waiting: deque[Future[_Result]] = deque()
    try:
        for number in range(count):
            waiting.append(pool.submit(work, number))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _in_small_shards(claim: Claim, run: Run) -> Claim:
    """Divide the work for one process: a shard is no task of its own here, but bounds memory.

    How many there are makes no difference to the result.
    """
    size = sum(entry.size for entry in claim.objects)
    by_size = min(max(1, -(-size // _SHARD_SIZE)), MAX_SHARDS)
    return replace(claim, shards=run.shards or by_size)


def _in_memory(work: Work) -> Work:
    """Keep the run's work in progress in memory."""
    claim = work.claim
    schema = work.config.schemas.between_stages(work.config.schemas.events)
    shuffle = MemoryShuffle(schema, len(claim.batches), claim.shards)
    return Work(work.pipeline, claim, MemoryStaging(), shuffle)


#: Compressed bytes of objects to a shard: some 150,000 events.
_SHARD_SIZE = 16 << 20
