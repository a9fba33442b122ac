"""Who does the job, and whether all came to the same sessions."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.dataset as ds

from bench.job import HOUR
from bench.measure import MemoryLimit, Run, run

OURS = "ours"


@dataclass(frozen=True)
class Contender:
    """One way to do the job.

    Attributes
    ----------
    name : str
        On the command line.
    title : str
        In the report.
    package : str or None
        Whose version is reported.
    largest : int
        The most events it is asked to do: beyond that it takes too long, or too much memory.
    repeats : int
        The most repeats that it is worth.
    needs : str or None
        A program that must be there.
    """

    name: str
    title: str
    package: str | None
    largest: int
    repeats: int = 5
    needs: str | None = None

    @property
    def missing(self) -> str | None:
        """Return what is needed and not there."""
        return self.needs if self.needs and shutil.which(self.needs) is None else None


CONTENDERS = (
    Contender(OURS, "sessionize", None, 20_000_000),
    Contender("duckdb", "DuckDB", "duckdb", 20_000_000),
    Contender("polars", "Polars", "polars", 5_000_000),
    Contender("pyspark", "PySpark, local", "pyspark", 1_000_000, repeats=1, needs="java"),
    Contender("pandas", "plain pandas", "pandas", 1_000_000, repeats=1),
)


@dataclass(frozen=True)
class Outcome:
    """What a run published; all must publish the same."""

    quarantined: int
    valid: int
    duplicates: int
    settled: int
    machines: int
    closed: dict[str, int]
    open: int
    events_in_sessions: int
    seconds_in_sessions: int


def do_job(contender: Contender, raw: Path, folder: Path, limit: MemoryLimit | None = None) -> Run:
    """Let a contender do the job into an empty lake, in a process of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if contender.name == OURS:
        config = write_config(folder, raw)
        arguments = ["sessionize", "run", "--config", str(config), "--hour", f"{HOUR:%Y-%m-%dT%H}"]
    else:
        arguments = [f"bench.peers.{contender.name}_peer", str(raw), str(folder / "lake")]
    return run([sys.executable, "-m", *arguments], limit=limit)


def write_config(folder: Path, raw: Path) -> Path:
    """Write the pipeline file of our run; all but the four that are required is as it comes."""
    config = folder / "bench.toml"
    config.write_text(
        f'name = "bench"\nraw = "{raw.resolve()}"\nlake = "{folder.resolve() / "lake"}"\n'
        f"start = {HOUR:%Y-%m-%dT%H:%M:%S}Z\n"
    )
    return config


def outcome(folder: Path) -> Outcome:
    """Count what was published."""
    lake = folder / "lake"
    valid = _rows(lake / "events")
    settled = _rows(lake / "sessionized_events")
    columns = ["machine_id", "end_reason", "duration_s", "event_count"]
    closed, still_open = (
        ds.dataset(lake / name, format="parquet").to_table(columns)
        for name in ("sessions", "open_sessions")
    )
    reasons = closed["end_reason"].value_counts().to_pylist()
    both = [closed, still_open]
    machines = {name for table in both for name in table["machine_id"].unique().to_pylist()}
    total: Callable[[str], float] = lambda name: sum(pc.sum(t[name]).as_py() or 0 for t in both)  # noqa: E731
    return Outcome(
        quarantined=_rows(lake / "quarantine"),
        valid=valid,
        duplicates=valid - settled,
        settled=settled,
        machines=len(machines),
        closed={row["values"]: row["counts"] for row in sorted(reasons, key=str)},
        open=len(still_open),
        events_in_sessions=int(total("event_count")),
        seconds_in_sessions=round(total("duration_s")),
    )


def differences(ours: Outcome, theirs: Outcome) -> list[str]:
    """Say in which numbers two outcomes differ."""
    mine, other = asdict(ours), asdict(theirs)
    return [
        f"{name}: {other[name]}, not {mine[name]}" for name in mine if mine[name] != other[name]
    ]


def _rows(folder: Path) -> int:
    rows: int = ds.dataset(folder, format="parquet").count_rows()
    return rows
