"""The engine on Spark: the three stages, and the shuffles between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sessionize.bulk.assembling import AssembledHour, assemble_hours, assembled
from sessionize.bulk.failures import explained, marked
from sessionize.bulk.keys import keys_of
from sessionize.bulk.progress import Progress
from sessionize.bulk.publishing import Placement, place_hour
from sessionize.bulk.reading import read
from sessionize.bulk.rows import BATCH_ROWS, COLUMNS, ORDER, Row, from_batches, to_batches
from sessionize.bulk.stretch import Stretch
from sessionize.bulk.walking import walk

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

_SETTINGS = {
    # Cells are large: what bounds a batch is the number of rows.
    "spark.sql.execution.arrow.maxRecordsPerBatch": str(BATCH_ROWS),
    # How the work is cut is known here.
    "spark.sql.adaptive.enabled": "false",
}


class SparkEngine:
    """Works on Spark.

    Parameters
    ----------
    spark : SparkSession
        What the stages rely on is set for this session.
    progress : Progress, optional
        What is told how far it is.
    """

    def __init__(self, spark: SparkSession, progress: Progress | None = None) -> None:
        self._spark = spark
        self._progress = progress or Progress()
        self.processors: int = spark.sparkContext.defaultParallelism
        for name, value in _SETTINGS.items():
            spark.conf.set(name, value)

    def keys_of(self, count: int) -> tuple[int, ...]:
        """Return a key for each of so many tasks, which Spark brings to it and no other."""
        return keys_of(count)

    def assembled(self, stretch: Stretch, tasks: int) -> list[AssembledHour]:
        """Take a stretch through the three stages."""
        units = self._numbers(stretch.shards + len(stretch.batches), tasks)
        landed = _stage(units, _values, lambda numbers: read(numbers, stretch))
        by_shard = _brought_together(landed, stretch.shards)
        settled = _stage(by_shard, from_batches, lambda rows: walk(rows, stretch))
        by_hour = _brought_together(settled, len(stretch.hours))
        done = _stage(by_hour, from_batches, lambda rows: assemble_hours(rows, stretch))
        what = f"{stretch.hours[0]} to {stretch.hours[-1]}"
        with explained(), self._progress.of(self._spark, what):
            rows = done.select("hour", "payload").collect()
        of_hour = {hour: assembled(bytes(payload)) for hour, payload in rows}
        return [of_hour[place] for place in range(len(stretch.hours))]

    def place(self, stretch: Stretch, placements: Sequence[Placement]) -> None:
        """Bring the files of some hours to their place."""
        if not placements:
            return

        def work(numbers: Iterable[int]) -> Iterator[Row]:
            for number in numbers:
                place_hour(stretch, placements[number])
            return iter(())

        with explained():
            _stage(self._numbers(len(placements), len(placements)), _values, work).collect()

    def _numbers(self, count: int, tasks: int) -> DataFrame:
        """Return the numbers from 0 on, divided among tasks in runs."""
        return self._spark.range(0, count, 1, min(tasks, count))


def _stage(
    frame: DataFrame,
    given: Callable[[Iterator[pa.RecordBatch]], Iterator[Any]],
    work: Callable[[Iterator[Any]], Iterator[Row]],
) -> DataFrame:
    """Return the rows that ``work`` makes of what each task is given."""

    def on_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return to_batches(marked(work, given(batches)))

    return frame.mapInArrow(on_batches, COLUMNS)


def _brought_together(frame: DataFrame, tasks: int) -> DataFrame:
    """Bring the rows of a key to one task, in order: Spark's shuffle."""
    return frame.repartition(tasks, "key").sortWithinPartitions(*ORDER)


def _values(batches: Iterable[pa.RecordBatch]) -> Iterator[int]:
    for batch in batches:
        yield from batch.column(0).to_pylist()
