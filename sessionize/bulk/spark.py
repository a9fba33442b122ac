"""Spark: found, started, and told how the rows of `rows` pass through it."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import sessionize
from sessionize.bulk.failures import explained, marked
from sessionize.bulk.rows import BATCH_ROWS, COLUMNS, ORDER, Row, from_batches, to_batches
from sessionize.model.errors import SparkError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

_HASH_SEED, _WORD = 42, 0xFFFFFFFF
#: A master that is given for this machine: its tasks are tried so often.
_TRIES = 4
_SETTINGS = {
    # Cells are large: the number of rows in a batch is what bounds it.
    "spark.sql.execution.arrow.maxRecordsPerBatch": str(BATCH_ROWS),
    # How the work is cut is known here.
    "spark.sql.adaptive.enabled": "false",
}
_ON_THIS_MACHINE = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.driver.memory": "2g",
    "spark.driver.host": "localhost",
    "spark.driver.bindAddress": "127.0.0.1",
}


@contextlib.contextmanager
def session(master: str | None = None) -> Iterator[SparkSession]:
    """Start Spark, or use the session that is there, which is then left as it is.

    Parameters
    ----------
    master : str, optional
        As ``local[2]``. Unless given: what ``spark-submit`` has set, or all processors of this
        machine.

    Raises
    ------
    SparkError
        If PySpark or Java is not there, or Spark does not start.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise SparkError(
            f"PySpark is not installed ({error})", "Install it: pip install 'sessionize[spark]'."
        ) from error
    there = SparkSession.getActiveSession()
    if there is not None:
        yield there
        return
    is_submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    if not is_submitted:
        _check_java()
    builder = SparkSession.builder.appName("sessionize")
    if master or not is_submitted:
        builder = builder.master(_with_tries(master or "local[*]"))
    if not is_submitted and (master or "local").startswith("local"):
        _share_python()
        for name, value in _ON_THIS_MACHINE.items():
            builder = builder.config(name, value)
        builder = builder.config("spark.local.dir", tempfile.gettempdir())
    try:
        spark = builder.getOrCreate()
    except Exception as error:  # of the JVM, of a cluster manager, of a socket
        why = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SparkError(
            f"Spark does not start: {why[:300]}",
            "Its own words above say more: Spark 4 needs Java 17 or 21, and a `--master` that is "
            "there.",
        ) from error
    try:
        yield spark
    finally:
        spark.stop()


def keys_of(count: int) -> tuple[int, ...]:
    """Return a key for each of ``count`` partitions, by which Spark brings rows to it and no other.

    It hashes keys; these are found by trying. With other keys the outcome would be the same, but
    some tasks would have the work of several, and others none.
    """
    keys: dict[int, int] = {}
    for key in itertools.count():
        keys.setdefault(_hash(key) % count, key)
        if len(keys) == count:
            return tuple(keys[number] for number in range(count))
    raise AssertionError  # there is always another number


def _hash(key: int) -> int:
    """Hash a number below 2³² as Spark's partitioner does: Murmur3 of 64 bits, signed."""
    mixed = _HASH_SEED
    for word in (key, 0):
        word = (word * 0xCC9E2D51) & _WORD
        word = ((word << 15 | word >> 17) * 0x1B873593) & _WORD
        mixed ^= word
        mixed = ((mixed << 13 | mixed >> 19) * 5 + 0xE6546B64) & _WORD
    mixed ^= 8
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        mixed = ((mixed ^ mixed >> shift) * factor) & _WORD
    return mixed - (mixed >> 31 << 32)


def numbers(spark: SparkSession, count: int, tasks: int) -> DataFrame:
    """Return the numbers from 0 on, divided among tasks in runs."""
    return spark.range(0, count, 1, max(1, min(tasks, count)))


def stage(frame: DataFrame, work: Callable[[Iterable[Row]], Iterator[Row]]) -> DataFrame:
    """Return the rows that a function makes of those of a task."""

    def on_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return to_batches(marked(work(from_batches(batches))))

    return frame.mapInArrow(on_batches, COLUMNS)


def first_stage(frame: DataFrame, work: Callable[[Iterable[int]], Iterator[Row]]) -> DataFrame:
    """Return the rows that a function makes of the numbers of a task."""

    def on_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        given = (number for batch in batches for number in batch.column(0).to_pylist())
        return to_batches(marked(work(given)))

    return frame.mapInArrow(on_batches, COLUMNS)


def brought_together(frame: DataFrame, tasks: int) -> DataFrame:
    """Bring the rows of a key to one task, in order: Spark's shuffle."""
    return frame.repartition(tasks, "key").sortWithinPartitions(*ORDER)


def set_up(spark: SparkSession) -> None:
    """Set what the stages rely on, for this session."""
    for name, value in _SETTINGS.items():
        spark.conf.set(name, value)


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = Path(home, "bin", "java") if home else shutil.which("java")
    if not java or not Path(java).exists():
        where = f"in JAVA_HOME, {home}" if home else "on the path, and JAVA_HOME is not set"
        raise SparkError(
            f"Java is not there: no `java` {where}",
            "Install Java 17 or 21 (Debian, Ubuntu: openjdk-17-jre-headless), or set JAVA_HOME.",
        )


def _with_tries(master: str) -> str:
    """Have Spark try tasks on this machine more than once, as it does on a cluster."""
    if master == "local":
        return f"local[1,{_TRIES}]"
    if master.startswith("local[") and "," not in master:
        return f"{master.removesuffix(']')},{_TRIES}]"
    return master


def _share_python() -> None:
    """Let workers on this machine run this Python, and find this package as it is found here."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    package = str(Path(sessionize.__file__).parents[1])
    paths = [package, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(filter(None, paths)))
