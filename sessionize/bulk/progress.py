"""How far Spark is, in one line on the screen."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from pyspark import StatusTracker
    from pyspark.sql import SparkSession

_STAGES = ("read", "settled", "assembled")
_EVERY = 0.5
_WIDTH = 100


class Progress:
    """Says nothing."""

    @contextlib.contextmanager
    def of(self, spark: SparkSession, what: str) -> Iterator[None]:
        """Follow what Spark does in this block."""
        yield


class ShownProgress(Progress):
    """Keeps a line that says how many tasks of each stage are done.

    Parameters
    ----------
    screen : TextIO, optional
        Standard error unless given.
    """

    def __init__(self, screen: TextIO | None = None) -> None:
        self._screen = screen or sys.stderr

    @contextlib.contextmanager
    def of(self, spark: SparkSession, what: str) -> Iterator[None]:
        """Follow what Spark does in this block."""
        tracker, ended = spark.sparkContext.statusTracker(), threading.Event()

        def follow() -> None:
            while not ended.wait(_EVERY):
                # A display is no reason to fail.
                with contextlib.suppress(Exception):
                    self._show(f"{what}: {line_of(tracker)}")

        thread = threading.Thread(target=follow, name="sessionize-progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self._show("")

    def _show(self, line: str) -> None:
        self._screen.write(f"\r{line:{_WIDTH}.{_WIDTH}}\r")
        self._screen.flush()


def line_of(tracker: StatusTracker) -> str:
    """Say of each stage of the running job how many of its tasks are done."""
    parts = []
    for job in tracker.getActiveJobsIds():
        known = tracker.getJobInfo(job)
        for name, number in zip(_STAGES, sorted(known.stageIds) if known else (), strict=False):
            stage = tracker.getStageInfo(number)
            if stage is not None:
                parts.append(f"{name} {stage.numCompletedTasks} of {stage.numTasks}")
    return ", ".join(parts) or "begins"
