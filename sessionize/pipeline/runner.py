"""The whole run of one hour in this process: what Airflow runs as tasks, without a task between."""

from __future__ import annotations

import contextlib
import gc
import itertools
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

import pyarrow as pa

from sessionize.config import MAX_SHARDS, Run
from sessionize.lake.claims import Claim
from sessionize.lake.commit import Published
from sessionize.lake.ledger import Ledger
from sessionize.lake.staging import MemoryStaging, NoRoomError, Room
from sessionize.lake.storage import LocalStorage, StoredObject
from sessionize.lake.temporary import temporary_folder
from sessionize.model.hours import Hour
from sessionize.pipeline import stages
from sessionize.pipeline.partitions import OF_BATCHES, ShardTables, tables_of, write_of_shards
from sessionize.pipeline.shuffle import MemoryShuffle
from sessionize.pipeline.stages import Pipeline, Work

log = logging.getLogger(__name__)

_Result = TypeVar("_Result")


def run_hour(pipeline: Pipeline, hour: Hour) -> Published:
    """Run one hour; the result is file for file that of the DAG.

    Work in progress is kept in memory, as far as `[run] in_memory` allows; that of a larger hour on
    local disk. It is removed, whatever happens.

    Raises
    ------
    SessionizeError
        If the hour cannot be run; what is published is whole.
    """
    with temporary_folder() as temporary:
        staging = LocalStorage(temporary / "staging", durable=False)
        files = temporary / "files"
        files.mkdir()
        previous = stages.check_previous(pipeline, hour)
        claim = _in_small_shards(stages.claim(pipeline, hour), pipeline.config.run)
        if _size(claim.objects) * _LEAST_EXPANSION <= pipeline.config.run.in_memory:
            attempt = _Attempt(_in_memory(pipeline, claim), previous, files)
            with contextlib.suppress(NoRoomError):
                return attempt.run()
            # How far an object expands shows when it is read. What has been read so far is
            # forgotten: a frame of a failed thread must not keep it.
            claim = _in_shards_for(claim, pipeline.config.run, attempt.begun)
            del attempt
            gc.collect()
            log.info("%s: takes more memory than `[run] in_memory`: over the disk", hour)
        work = Work.stored(replace(pipeline, staging=staging), claim)
        return _Attempt(work, previous, files).run()


class _Attempt:
    """The run of an hour, once it is known where its work in progress is kept.

    Attributes
    ----------
    begun : int
        The compressed bytes of the batches that have been begun.
    """

    def __init__(self, work: Work, previous: Ledger | None, files: Path) -> None:
        self._work = work
        self._previous = previous
        self._files = files
        self._lock = threading.Lock()
        self.begun = 0

    def run(self) -> Published:
        """Run it.

        Raises
        ------
        NoRoomError
            If work in progress is kept in memory and takes more than it may.
        """
        work, files = self._work, self._files
        workers = work.config.run.workers
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
            for batch, _ in enumerate(in_order(pool, self._read, len(work.claim.batches), workers)):
                for batches in done.values():
                    batches.put(batch)
            stack.close()
            pa.default_memory_pool().release_unused()
            shards = in_order(pool, self._sessionize, work.claim.shards, workers)
            written, duplicates = write_of_shards(
                itertools.chain.from_iterable(shards), work.config.schemas, files
            )
            written |= {file.key: file for file in (future.result() for future in of_batches)}
        return stages.publish_files(work, self._previous, files, written, duplicates)

    def _read(self, batch: int) -> None:
        with self._lock:
            self.begun += _size(self._work.claim.batches[batch])
        stages.add_events(self._work, batch, stages.validated(self._work, batch))

    def _sessionize(self, shard: int) -> list[ShardTables]:
        return [
            tables_of(run, self._work.config.schemas)
            for run in stages.sessionized(self._work, self._previous, shard, _SHARD_SIZE)
        ]


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
    by_size = min(max(1, -(-_size(claim.objects) // _SHARD_SIZE)), MAX_SHARDS)
    return replace(claim, shards=run.shards or by_size)


def _in_shards_for(claim: Claim, run: Run, begun: int) -> Claim:
    """Divide the work anew once so many compressed bytes have taken more than `in_memory`."""
    expected = run.in_memory * _size(claim.objects) // max(begun, 1)
    by_size = min(-(-expected // (_SHARD_SIZE * _LEAST_EXPANSION)), MAX_SHARDS)
    return replace(claim, shards=max(claim.shards, by_size))


def _in_memory(pipeline: Pipeline, claim: Claim) -> Work:
    """Keep the run's work in progress in memory, in batches that are soon done.

    How large they are makes no difference to the result; ``events`` is written as they come.
    """
    claim = replace(claim, batch_size=min(claim.batch_size, _BATCH_SIZE))
    schema = pipeline.config.schemas.between_stages(pipeline.config.schemas.events)
    room = Room(pipeline.config.run.in_memory)
    shuffle = MemoryShuffle(schema, len(claim.batches), claim.shards, room)
    return Work(pipeline, claim, MemoryStaging(room), shuffle)


def _size(objects: Iterable[StoredObject]) -> int:
    return sum(entry.size for entry in objects)


#: Compressed bytes of objects to a batch in memory: those of Firehose are as large, or larger.
_BATCH_SIZE = 8 << 20
#: Compressed bytes of objects to a shard: some 150,000 events.
_SHARD_SIZE = 16 << 20
#: Events take so many times as much in memory as the objects that bring them, compressed; more is
#: found out.
_LEAST_EXPANSION = 3
