"""The job that all do: one landed hour in, Parquet out, by the rules of the data contract.

It is a pipeline's first hour, so that no peer needs state; ours keeps it all the same.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

HOUR = datetime(2017, 2, 4, 22, tzinfo=UTC)

#: Both threads of whoever has a setting for it.
THREADS = 2

TIMEOUT_S = 1800
ALLOWED_LATENESS_S = 3600
MAX_EVENT_AGE = timedelta(days=7)
MAX_CLOCK_SKEW = timedelta(minutes=15)
OPENING = "start|firstrun"
BUILD_ID = r"^f?([1-9]|10)\.\d{1,3}\.\d{1,3}\.\d{1,3}$"
INST_ID = r"^[0-9a-fA-F]{2,}$"
TRIAL_STATES = ("Expired", "Activated", "Trial")

#: From this on a numeric time stamp is milliseconds, not seconds.
MILLISECONDS_FROM = 100_000_000_000

#: The raw fields that have a column of their own; any other goes to ``extended``.
KNOWN_FIELDS = (
    "event_id",
    "timestamp",
    "action",
    "inst_id",
    "_l",
    "build_id",
    "trialstate",
    "apptoken",
    "installsource",
    "language",
    "nid",
    "ip_address",
    "_p2",
)

#: The columns of ``events``, in the contract's order.
EVENT_COLUMNS = (
    "event_id",
    "event_time",
    "machine_id",
    "user_id",
    "inst_id",
    "action",
    "product",
    "build_id",
    "major_version",
    "minor_version",
    "maint_id",
    "trialstate",
    "apptoken",
    "installsource",
    "language",
    "nid",
    "ip_address",
    "p2",
    "date_id",
    "hour_id",
    "minute_id",
    "extended",
    "object_key",
    "position",
)

#: The columns of ``sessions`` and ``open_sessions``.
SESSION_COLUMNS = (
    "session_id",
    "machine_id",
    "user_id",
    "started_at",
    "ended_at",
    "duration_s",
    "event_count",
    "start_action",
    "end_action",
    "end_reason",
    "product",
    "build_id",
)


@dataclass(frozen=True)
class Job:
    """Where the landed objects are, and where the datasets go.

    Attributes
    ----------
    raw, lake : Path
        Local folders.
    """

    raw: Path
    lake: Path

    @property
    def prefix(self) -> Path:
        """The folder in which the hour's objects have landed."""
        return self.raw / f"{HOUR:%Y/%m/%d/%H}"

    @property
    def objects(self) -> list[Path]:
        """The landed objects, in landed order."""
        return sorted(self.prefix.glob("*.gz"))

    def key(self, path: Path) -> str:
        """Return what an object is called below ``raw``."""
        return path.relative_to(self.raw).as_posix()

    def output(self, dataset: str) -> Path:
        """Return the file of a dataset's partition; its folder is made."""
        folder = self.lake / dataset / f"dt={HOUR:%Y-%m-%d}" / f"hour={HOUR:%H}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / "part-0.parquet"

    @property
    def oldest(self) -> datetime:
        """The earliest event time that is valid."""
        return HOUR - MAX_EVENT_AGE

    @property
    def newest(self) -> datetime:
        """The latest event time that is valid."""
        return self.watermark + MAX_CLOCK_SKEW

    @property
    def watermark(self) -> datetime:
        """The end of the hour."""
        return HOUR + timedelta(hours=1)

    @property
    def closed_before(self) -> datetime:
        """A session whose last event is before this is closed by timeout."""
        return self.watermark - timedelta(seconds=TIMEOUT_S + ALLOWED_LATENESS_S)


def job_of(arguments: Sequence[str] | None = None) -> Job:
    """Read a peer's command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("raw", type=Path)
    parser.add_argument("lake", type=Path)
    options = parser.parse_args(arguments)
    return Job(options.raw, options.lake)
