"""A day and those that hang on it: what Airflow runs when the hours of a day are there."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import date

from sessionize.daily.inputs import is_ready, stands
from sessionize.daily.records import first_day, read_record
from sessionize.daily.run import PublishedDay, run_day
from sessionize.model.days import ONE_DAY, days_between
from sessionize.model.errors import IntervalError
from sessionize.pipeline.stages import Pipeline

log = logging.getLogger(__name__)


def run_onwards(pipeline: Pipeline, day: date) -> Iterator[PublishedDay]:
    """Make a day, and those before and after it that are to be made with it, in order.

    Before it are the days right before that are missing, outdated or interrupted. After it are
    those that it outdates, or that have waited for it; one whose hours are not all done ends it.
    Each day is published by itself: what has been yielded stands.

    Raises
    ------
    DayNotReadyError
        If the day's hours are not done, or a day in between cannot be made.
    """
    lake, config = pipeline.lake, pipeline.config
    first = day
    while first > first_day(config) and not stands(lake, config, first - ONE_DAY):
        first -= ONE_DAY
    for earlier in days_between(first, day):
        log.info("%s is not done: it comes before %s", earlier, day)
        yield run_day(pipeline, earlier)
    published = run_day(pipeline, day)
    yield published
    while _goes_on(pipeline, published):
        published = run_day(pipeline, published.ledger.day + ONE_DAY)
        yield published


def _goes_on(pipeline: Pipeline, published: PublishedDay) -> bool:
    day = published.ledger.day + ONE_DAY
    if not published.outdated and read_record(pipeline.lake, day).ledger is not None:
        return False
    try:
        ready = is_ready(pipeline.lake, pipeline.config, day)
    except IntervalError:  # the pipeline has ended
        return False
    if published.outdated and not ready:
        log.warning(
            "%s is outdated by %s, and its hours are not all done: it is made again once they are",
            day,
            published.ledger.day,
        )
    return ready
