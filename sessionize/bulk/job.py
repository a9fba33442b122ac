"""The driver: claims made in order, a pass through Spark, and hours published in order.

Also what ``spark-submit`` starts: its arguments are those of ``python -m sessionize bulk``.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sessionize.bulk import spark as on_spark
from sessionize.bulk.assembling import AssembledHour, assemble_hours, assembled
from sessionize.bulk.failures import explained
from sessionize.bulk.progress import Progress
from sessionize.bulk.publishing import Placement, place_hour, publish_hours
from sessionize.bulk.reading import read
from sessionize.bulk.rows import Row
from sessionize.bulk.stretch import Stretch
from sessionize.bulk.walking import walk
from sessionize.lake.claims import Claim
from sessionize.lake.commit import Published
from sessionize.lake.storage import S3Credentials
from sessionize.model.hours import Hour
from sessionize.pipeline import stages
from sessionize.pipeline.stages import Pipeline

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = logging.getLogger(__name__)

#: Hours that are taken in one pass, unless told otherwise: what is lost by a kill of the driver,
#: and what lies on the executors' disks.
STRETCH = 168
#: Compressed bytes of objects: of one hour and shard, and of all hours of a shard.
_SHARD_HOUR, _SHARD = 16 << 20, 512 << 20
_MOST_SHARDS = 4096
#: Compressed bytes that a task of the first stage reads, where there are enough.
_TASK = 32 << 20


@dataclass(frozen=True)
class Cut:
    """How the work is cut; no outcome depends on it.

    Attributes
    ----------
    stretch : int
        Hours in one pass.
    shards : int
        0: by the size of what has landed, at least one for each processor.
    at_once : int
        Hours whose files are brought to their place before the first has its ledger; 0: two for
        each processor.
    """

    stretch: int = STRETCH
    shards: int = 0
    at_once: int = 0


def bulk(
    pipeline: Pipeline,
    spark: SparkSession,
    hours: Sequence[Hour],
    cut: Cut | None = None,
    progress: Progress | None = None,
    credentials: S3Credentials | None = None,
) -> Iterator[Published]:
    """Run hours in order, on Spark; yield each once it is published, as hourly runs publish it.

    Hours that have been run are run again: one that comes out the same changes nothing.

    Parameters
    ----------
    pipeline : Pipeline
        Where they are published.
    spark : SparkSession
        Where they are worked on.
    hours : sequence of Hour
        In order, without a gap.
    cut : Cut, optional
        By what is at hand unless given.
    progress : Progress, optional
        What is told how far Spark is.
    credentials : S3Credentials, optional
        How executors reach the stores; unless given, each as it finds out.

    Raises
    ------
    SessionizeError
        What an hourly run raises. Of an hour that cannot be read or settled, none of its stretch
        is published; of one that does not add up, or exceeds a limit, those before it are.
    SparkError
        If Spark itself fails.
    """
    cut = cut or Cut()
    on_spark.set_up(spark)
    for begin in range(0, len(hours), cut.stretch):
        chosen = tuple(hours[begin : begin + cut.stretch])
        previous = stages.check_previous(pipeline, chosen[0])
        claims = [stages.claim(pipeline, hour) for hour in chosen]
        shards = cut.shards or pipeline.config.run.shards or _shards_for(spark, claims)
        stretch = Stretch(
            config=pipeline.config,
            credentials=credentials,
            hours=chosen,
            claims=tuple(claim.id for claim in claims),
            batches=tuple(
                (place, batch)
                for place, claim in enumerate(claims)
                for batch in range(len(claim.batches))
            ),
            previous=previous,
            shard_keys=on_spark.keys_of(shards),
            hour_keys=on_spark.keys_of(len(chosen)),
        )
        yield from _run(pipeline, spark, stretch, claims, cut, progress or Progress())


def _run(
    pipeline: Pipeline,
    spark: SparkSession,
    stretch: Stretch,
    claims: Sequence[Claim],
    cut: Cut,
    progress: Progress,
) -> Iterator[Published]:
    size = sum(entry.size for claim in claims for entry in claim.objects)
    tasks = max(-(-size // _TASK), 4 * _processors(spark))
    with progress.of(spark, f"{stretch.hours[0]} to {stretch.hours[-1]}"):
        hours = _assembled(spark, stretch, tasks)

    def place(placements: Sequence[Placement]) -> None:
        if placements:
            _place(spark, stretch, placements)

    at_once = cut.at_once or 2 * _processors(spark)
    staged = stretch.pipeline()
    yield from publish_hours(staged, stretch, claims, hours, place, at_once)


def _assembled(spark: SparkSession, stretch: Stretch, tasks: int) -> list[AssembledHour]:
    """Take a stretch through the three stages."""
    units = on_spark.numbers(spark, stretch.shards + len(stretch.batches), tasks)
    landed = on_spark.first_stage(units, lambda numbers: read(numbers, stretch))
    by_shard = on_spark.brought_together(landed, stretch.shards)
    settled = on_spark.stage(by_shard, lambda rows: walk(rows, stretch))
    by_hour = on_spark.brought_together(settled, len(stretch.hours))
    done = on_spark.stage(by_hour, lambda rows: assemble_hours(rows, stretch))
    with explained():
        rows = done.select("hour", "payload").collect()
    of_hour = {hour: assembled(bytes(payload)) for hour, payload in rows}
    return [of_hour[place] for place in range(len(stretch.hours))]


def _place(spark: SparkSession, stretch: Stretch, placements: Sequence[Placement]) -> None:
    def place(numbers: Iterable[int]) -> Iterator[Row]:
        for number in numbers:
            place_hour(stretch, placements[number])
        return iter(())

    count = len(placements)
    with explained():
        on_spark.first_stage(on_spark.numbers(spark, count, count), place).collect()


def _shards_for(spark: SparkSession, claims: Sequence[Claim]) -> int:
    sizes = [sum(entry.size for entry in claim.objects) for claim in claims]
    by_size = max(-(-max(sizes) // _SHARD_HOUR), -(-sum(sizes) // _SHARD))
    return min(max(by_size, _processors(spark)), _MOST_SHARDS)


def _processors(spark: SparkSession) -> int:
    return spark.sparkContext.defaultParallelism


if __name__ == "__main__":
    from sessionize.cli import main

    sys.exit(main(["bulk", *sys.argv[1:]]))
