"""A plan carried out, hour by hour, in order."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass

from sessionize.config import PipelineConfig
from sessionize.lake.chain import stands_on
from sessionize.lake.commit import Published
from sessionize.lake.layout import Lake
from sessionize.model.errors import ReplayError, SessionizeError
from sessionize.model.hours import Hour
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline
from sessionize.replay.plan import Plan
from sessionize.replay.steps import Run, RunIfOutdated


@dataclass(frozen=True)
class Outcome:
    """What came of a step: ``published`` is None where the hour could be left as it is."""

    step: Run
    published: Published | None


def execute(pipeline: Pipeline, plan: Plan) -> Iterator[Outcome]:
    """Run the hours of a plan, and yield what comes of each.

    Hours that are run only if need be are left as they are where they stand on the state that the
    hour before has left, and nothing is wrong with them.

    Parameters
    ----------
    pipeline : Pipeline
        With the settings that the plan was made with.
    plan : Plan
        Made from the lake as it is.

    Raises
    ------
    ReplayError
        Before anything is run, if an hour cannot be; or when one has failed: what was run before it
        is published, and nothing after it has been begun.
    """
    check_possible(plan)
    for done, step in enumerate(plan.runs):
        if isinstance(step, RunIfOutdated) and _is_in_order(
            pipeline.lake, step.hour, pipeline.config
        ):
            yield Outcome(step, None)
            continue
        try:
            with _as_planned():
                published = run_hour(pipeline, step.hour)
        except SessionizeError as error:
            left = len(plan.runs) - done
            raise ReplayError(
                f"{step.hour} has failed, and with it {left} of {len(plan.runs)} hours are left: "
                f"{error.fault}",
                f"{error.remedy} Then plan again: {plan.first} to {plan.end}.",
            ) from error
        yield Outcome(step, published)


def _is_in_order(lake: Lake, hour: Hour, config: PipelineConfig) -> bool:
    if hour in lake.marks():
        return False
    ledger = lake.ledger(hour)
    before = lake.ledger(hour.previous) if hour > config.start else None
    return ledger is not None and stands_on(ledger, before)


@contextlib.contextmanager
def _as_planned() -> Iterator[None]:
    """Keep back the warning of what a publication outdates: the plan has named it, and runs it."""
    log = logging.getLogger("sessionize.lake.commit")

    def is_told(record: logging.LogRecord) -> bool:
        return record.levelno != logging.WARNING

    log.addFilter(is_told)
    try:
        yield
    finally:
        log.removeFilter(is_told)


def check_possible(plan: Plan) -> None:
    """Make sure that every hour of a plan can be run.

    Raises
    ------
    ReplayError
        If objects are gone that the published run of one has read.
    """
    if not plan.blocked:
        return
    first = plan.blocked[0]
    more = f", and {len(plan.blocked) - 1} more hours" if len(plan.blocked) > 1 else ""
    raise ReplayError(
        f"{first.hour} cannot be run again{more}: {len(first.gone)} objects of its published run "
        f"are gone, {first.gone[0]} first",
        "Restore them as they were, and plan again. An hour whose objects are lost for good is run "
        "without them once its ledger has been moved away.",
    )
