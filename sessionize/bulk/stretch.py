"""A stretch of hours that Spark takes in one pass, as its tasks are told of it."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass

from sessionize.config import PipelineConfig
from sessionize.lake.ledger import Ledger
from sessionize.lake.storage import LocalStorage, S3Credentials
from sessionize.model.hours import Hour
from sessionize.pipeline.stages import Pipeline


@dataclass(frozen=True)
class Stretch:
    """Some hours in a row, and how the work on them is cut. Small: every task gets it.

    Attributes
    ----------
    config : PipelineConfig
    credentials : S3Credentials or None
        None: each worker finds its own, as the standard AWS variables and roles have it.
    hours : tuple of Hour
        In order, without a gap.
    claims : tuple of str
        The id of each hour's claim.
    batches : tuple of (int, int)
        The batches of all claims: which of the hours, and which of its batches.
    previous : Ledger or None
        That of the hour before the first, which has left the state to begin with.
    shard_keys, hour_keys : tuple of int
        What stands for each shard, and each hour, in Spark's shuffles.
    """

    config: PipelineConfig
    credentials: S3Credentials | None
    hours: tuple[Hour, ...]
    claims: tuple[str, ...]
    batches: tuple[tuple[int, int], ...]
    previous: Ledger | None
    shard_keys: tuple[int, ...]
    hour_keys: tuple[int, ...]

    @property
    def shards(self) -> int:
        """Among how many shards the machines are divided."""
        return len(self.shard_keys)

    def pipeline(self) -> Pipeline:
        """Return the pipeline, with its stores, in whatever process."""
        return _opened(self.config, self.credentials)


@functools.lru_cache(maxsize=4)
def _opened(config: PipelineConfig, credentials: S3Credentials | None) -> Pipeline:
    """Open the stores once in a process, which does one task after the other."""
    pipeline = Pipeline.open(config, credentials)
    if not isinstance(pipeline.staging, LocalStorage):
        return pipeline
    # What is staged is made again after a crash: nothing waits for the disk.
    return dataclasses.replace(pipeline, staging=LocalStorage(config.lake, durable=False))
