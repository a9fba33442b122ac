"""Record lakes with an earlier release, for the tests to carry on with this one.

    git worktree add ../release-0.1 1a48167
    python tests/lake/recorded/record.py ../release-0.1

runs the release's own command line (with the interpreter that runs this script) and writes, for
each case below, a folder beside this file:

- ``pipeline.toml`` and ``raw/``: everything that has landed by the end;
- ``lake/``: the lake as the release left it after the first three hours;
- ``expected.json``: the rows that the release publishes for each of the six hours, sorted.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

HERE = Path(__file__).parent
HOURS = [f"2017-02-{day}" for day in ("04T20", "04T21", "04T22", "04T23", "05T00", "05T01")]
END = "2017-02-05T02"
#: So many hours are in the recorded lake.
RECORDED = 3
DATASETS = (
    "quarantine",
    "events",
    "late_events",
    "sessionized_events",
    "sessions",
    "open_sessions",
)

CASES = {
    "defaults": "",
    "waiting": """
[session]
timeout = "20m"
max_duration = "100m"
max_out_of_orderness = "90m"
allowed_lateness = "10m"

[run]
shards = 3
batch_size = "300B"
in_memory = "1B"
""",
}


def event(machine: str, clock: str, action: str = "proedit", **fields: Any) -> dict[str, Any]:
    """An event of 2017-02-04, or of the next day where the clock is before noon."""
    day = 4 if clock >= "12" else 5
    time = datetime.fromisoformat(f"2017-02-0{day}T{clock}").replace(tzinfo=UTC)
    return {
        "event_id": f"{machine}-{clock}-{action}",
        "timestamp": str(int(time.timestamp())),
        "action": action,
        "inst_id": f"{machine * 4}ffff",
        "_l": 4 * len(machine),
        "build_id": "f10.3.5.34",
        "trialstate": "Trial",
        **fields,
    }


#: Object name to records, by the hour under which it lands.
LANDED: dict[str, dict[str, list[Any]]] = {
    HOURS[0]: {
        "s-1-a.gz": [
            event("a1", "20:05:00", "prostarted", language="de"),
            event("a1", "20:34:00", page=7),
            event("a1", "20:53:00"),
            {"no": "event"},
            event("b2", "20:10:00", "readerview", trialstate=None),
        ],
        "s-1-b": [
            event("c3", "20:59:00"),
            event("c3", "20:59:00"),
            event("d4", "20:20:00", event_id=None),
            event("e5", "19:10:00", build_id="11.0.0.0"),
        ],
    },
    HOURS[1]: {
        "s-1-a.gz": [event("a1", "21:12:00"), event("a1", "21:31:00"), event("a1", "21:50:00")],
        "s-1-b": [
            event("c3", "20:59:00"),
            event("c3", "21:29:00"),
            event("b2", "20:05:00", "readerview"),
            event("d4", "21:15:00", "profirstrun"),
            event("d4", "21:20:00", "prostarted", nid="x"),
            event("b0", "21:59:30", "readerview"),
        ],
    },
    HOURS[2]: {
        "s-1-a.gz": [
            event("a1", "22:09:00"),
            event("a1", "22:28:00"),
            event("a1", "22:47:00"),
            event("e5", "20:40:00"),
            event("e5", "20:55:00"),
        ],
        "s-1-b": [event("d4", "22:59:59"), event("d4", "22:59:59", "prosave"), "not json"],
    },
    HOURS[3]: {
        "s-1-a.gz": [
            event("a1", "23:06:00"),
            event("a1", "23:25:00"),
            event("b2", "23:01:00"),
            event("a1", "20:06:00"),
        ],
        "s-1-b": [event("c3", "23:59:00"), event("b0", "22:10:00", "readerview")],
    },
    HOURS[4]: {
        "s-1-a.gz": [
            event("a1", "23:05:00"),
            event("a1", "23:25:00"),
            event("a1", "23:44:00", _p2="p"),
            event("e5", "00:10:00"),
        ],
    },
    HOURS[5]: {
        "s-1-a.gz": [
            event("a1", "01:30:00"),
            event("c3", "01:31:00", "prostarted"),
            event("a7", "01:59:59"),
        ],
    },
}

#: What lands only once so many hours have been run: stragglers.
LATER: dict[int, tuple[str, str, list[Any]]] = {
    2: (HOURS[0], "s-1-z.gz", [event("f6", "20:45:00"), event("a1", "20:50:00")]),
    3: (HOURS[1], "s-1-z.gz", [event("f8", "21:45:00"), event("f8", "21:47:00")]),
}


def land(raw: Path, hour: str, name: str, records: list[Any]) -> None:
    """Land an object; its records are run together."""
    text = "".join(r if isinstance(r, str) else json.dumps(r) for r in records).encode()
    path = raw / datetime.fromisoformat(f"{hour}:00").strftime("%Y/%m/%d/%H") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text, mtime=0) if name.endswith(".gz") else text)


def published(lake: Path, hour: str) -> dict[str, list[str]]:
    """The rows of each dataset of an hour, each as one JSON text, sorted."""
    return {dataset: rows_of(lake / dataset / partition(hour)) for dataset in DATASETS}


def partition(hour: str) -> str:
    return f"dt={hour[:10]}/hour={hour[11:]}"


def rows_of(folder: Path, columns: list[str] | None = None) -> list[str]:
    """The rows of a partition: with the columns that it has, or with those that are asked for."""
    table = pq.ParquetFile(folder / "part-0.parquet").read()
    rows = table.select(columns or table.schema.names).to_pylist()
    return sorted(json.dumps(row, default=str, sort_keys=True) for row in rows)


def record(release: Path, case: str, folder: Path) -> None:
    """Run one case with a release."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = folder / "pipeline.toml"
    start = f"{HOURS[0]}:00:00Z"
    config.write_text(f'name = "t"\nraw = "raw"\nlake = "lake"\nstart = {start}\n{CASES[case]}')
    for hour, objects in LANDED.items():
        for name, records in objects.items():
            land(folder / "raw", hour, name, records)
    for number, hour in enumerate(HOURS):
        if number in LATER:
            land(folder / "raw", *LATER[number])
        if number == RECORDED:
            shutil.copytree(folder / "lake", folder / "recorded")
        subprocess.run(
            [sys.executable, "-m", "sessionize", "run", "--config", str(config), "--hour", hour],
            check=True,
            cwd=release,
            env=os.environ | {"PYTHONPATH": str(release)},
        )
    expected = {hour: published(folder / "lake", hour) for hour in HOURS}
    (folder / "expected.json").write_text(json.dumps(expected, indent=0) + "\n")
    shutil.rmtree(folder / "lake")
    (folder / "recorded").rename(folder / "lake")


def main() -> None:
    release = Path(sys.argv[1]).resolve()
    for case in CASES:
        # Away from this checkout, which must not be run in the release's place.
        with tempfile.TemporaryDirectory() as temporary:
            record(release, case, Path(temporary) / case)
            shutil.rmtree(HERE / case, ignore_errors=True)
            shutil.copytree(Path(temporary) / case, HERE / case)


if __name__ == "__main__":
    main()
