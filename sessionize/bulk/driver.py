"""The driver: claims made in order, a pass through the engine, and hours published in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from sessionize.bulk.assembling import AssembledHour
from sessionize.bulk.publishing import Placement, publish_hours
from sessionize.bulk.stretch import Stretch
from sessionize.lake.claims import Claim
from sessionize.lake.commit import Published
from sessionize.lake.storage import S3Credentials
from sessionize.model.hours import Hour
from sessionize.pipeline import stages
from sessionize.pipeline.stages import Pipeline
from sessionize.pipeline.status import HourState, pipeline_status

#: Hours that are taken in one pass, unless told otherwise. They bound what is lost with a driver
#: that is killed, and what lies on the executors' disks.
STRETCH = 168
#: Compressed bytes of objects to a shard: those of one hour, and those of a stretch.
_SHARD_HOUR, _SHARD = 16 << 20, 512 << 20
_MOST_SHARDS = 4096
#: Compressed bytes that a task reads, where there are enough.
_TASK = 32 << 20


class Engine(Protocol):
    """What works on many things at once.

    Attributes
    ----------
    processors : int
        How many tasks it does at a time.
    """

    processors: int

    def keys_of(self, count: int) -> tuple[int, ...]:
        """Return what stands for each of so many shards, or hours."""

    def assembled(self, stretch: Stretch, tasks: int) -> list[AssembledHour]:
        """Take a stretch through the three stages; its objects are read by so many tasks."""

    def place(self, stretch: Stretch, placements: Sequence[Placement]) -> None:
        """Bring the files of some hours to their place: see `publishing.place_hour`."""


@dataclass(frozen=True)
class Cut:
    """How the work is cut; no outcome depends on it.

    Attributes
    ----------
    stretch : int
        Hours in one pass.
    shards : int
        0: as the settings say; or else by the size of what has landed, and at least one for each
        processor.
    at_once : int
        Hours whose files are brought to their place before the first has its ledger; 0: two for
        each processor.
    """

    stretch: int = STRETCH
    shards: int = 0
    at_once: int = 0


def bulk(
    pipeline: Pipeline,
    engine: Engine,
    hours: Sequence[Hour],
    cut: Cut | None = None,
    credentials: S3Credentials | None = None,
) -> Iterator[Published]:
    """Run hours in order; yield each once it is published, as hourly runs publish it.

    Hours that have been run are run again: one that comes out the same changes nothing.

    Parameters
    ----------
    pipeline : Pipeline
        Where they are published.
    engine : Engine
        Where they are worked on.
    hours : sequence of Hour
        In order, without a gap.
    cut : Cut, optional
        By what is at hand unless given.
    credentials : S3Credentials, optional
        How workers reach the stores; unless given, each as it finds out.

    Raises
    ------
    SessionizeError
        What an hourly run raises. Of an hour that cannot be read or settled, nothing of its stretch
        is published; of one that does not add up, or exceeds a limit, the hours before it are.
    """
    cut = cut or Cut()
    for begin in range(0, len(hours), cut.stretch):
        chosen = tuple(hours[begin : begin + cut.stretch])
        previous = stages.check_previous(pipeline, chosen[0])
        claims = [stages.claim(pipeline, hour) for hour in chosen]
        shards = cut.shards or pipeline.config.run.shards or _shards_for(engine, claims)
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
            shard_keys=engine.keys_of(shards),
            hour_keys=engine.keys_of(len(chosen)),
        )
        tasks = max(-(-sum(map(_size, claims)) // _TASK), 4 * engine.processors)
        assembled = engine.assembled(stretch, tasks)
        yield from publish_hours(
            pipeline, stretch, claims, assembled, engine.place, cut.at_once or 2 * engine.processors
        )


def not_done(pipeline: Pipeline, hours: Sequence[Hour]) -> list[Hour]:
    """Leave out the hours at the beginning of a range that are done and stand as they should."""
    first, end = hours[0], hours[-1].next
    for status in pipeline_status(pipeline.lake, pipeline.config, first, end):
        if status.state is not HourState.DONE:
            return [hour for hour in hours if hour >= status.hour]
    return []


def _shards_for(engine: Engine, claims: Sequence[Claim]) -> int:
    sizes = [_size(claim) for claim in claims]
    by_size = max(-(-max(sizes) // _SHARD_HOUR), -(-sum(sizes) // _SHARD))
    return min(max(by_size, engine.processors), _MOST_SHARDS)


def _size(claim: Claim) -> int:
    return sum(entry.size for entry in claim.objects)
