"""Spark, found and started."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import sessionize
from sessionize.model.errors import SparkError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: A master that is given for this machine: its tasks are tried so often.
_TRIES = 4
_ANYWHERE = {
    # Cells are compressed already.
    "spark.shuffle.compress": "false",
    "spark.shuffle.spill.compress": "false",
    # Numpy's algebra is not used, and its threads would wait busily for work.
    "spark.executorEnv.OPENBLAS_NUM_THREADS": "1",
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
            f"PySpark is not installed ({error})", "Install it: pip install 'pyspark>=4,<5'."
        ) from error
    there = SparkSession.getActiveSession()
    if there is not None:
        yield there
        return
    spark = _started(SparkSession.builder.appName("sessionize"), master)
    try:
        yield spark
    finally:
        spark.stop()


def _started(builder: SparkSession.Builder, master: str | None) -> SparkSession:
    is_submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    if not is_submitted:
        _check_java()
    # What it does not support yet are its own frames; nothing but Arrow passes here.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    for name, value in _ANYWHERE.items():
        builder = builder.config(name, value)
    if master or not is_submitted:
        builder = builder.master(_with_tries(master or "local[*]"))
    if not is_submitted and (master or "local").startswith("local"):
        _share_python()
        for name, value in _ON_THIS_MACHINE.items():
            builder = builder.config(name, value)
        builder = builder.config("spark.local.dir", tempfile.gettempdir())
    try:
        return builder.getOrCreate()
    except Exception as error:  # of the JVM, of a cluster manager, of a socket
        why = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SparkError(
            f"Spark does not start: {why[:300]}",
            "Its own words above say more: Spark 4 needs Java 17 or 21, and a `--master` that is "
            "there.",
        ) from error


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
