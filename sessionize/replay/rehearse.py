"""Hours of a plan, run on a lake that is thrown away: what they would publish otherwise.

The run is the real one, to the byte; what it writes, claims and marks included, goes to a temporary
folder that lies over the lake. So what a rehearsal announces is what an execution does, as long as
nothing else has landed or been run in between.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

from sessionize.lake.layout import Lake
from sessionize.lake.storage import LocalStorage, OverlayStorage
from sessionize.lake.temporary import temporary_folder
from sessionize.pipeline.stages import Pipeline
from sessionize.replay.differences import HourDifference, difference
from sessionize.replay.execute import execute
from sessionize.replay.plan import Plan


def rehearse(pipeline: Pipeline, plan: Plan, hours: int) -> Iterator[HourDifference]:
    """Run the first hours of a plan and yield how each differs from what is published.

    Hours that the plan leaves as they are, once it is seen that they stand on the same state, count
    as run and differ in nothing. The temporary folder takes what the hours publish, and the work in
    progress of one.

    Parameters
    ----------
    pipeline : Pipeline
        Nothing is written to its lake.
    plan : Plan
        Made from the lake as it is.
    hours : int
        How many.

    Raises
    ------
    ReplayError
        If an hour cannot be run, or fails: so it would in earnest.
    """
    with temporary_folder() as folder:
        above = LocalStorage(folder / "lake", durable=False)
        storage = OverlayStorage(pipeline.lake.storage, above)
        there = replace(pipeline, lake=Lake(storage), staging=storage)
        for outcome in itertools.islice(execute(there, plan), hours):
            hour = outcome.step.hour
            before = pipeline.lake.ledger(hour)
            after = outcome.published.ledger if outcome.published else before
            assert after is not None, "an hour that is left as it is has been run"
            yield difference(hour, pipeline.lake, before, there.lake, after)
