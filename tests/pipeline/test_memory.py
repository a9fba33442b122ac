"""Objects that claim to be huge go through a whole run in bounded memory."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from tests.pipeline import scenario

SIZE = 1 << 30
PIECE = 1 << 24
PROGRAM = """
import json, resource, sys
import pyarrow.parquet as pq
from sessionize.lake.layout import partition_key
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline
from tests.pipeline import scenario

folder, key = sys.argv[1], partition_key("quarantine", scenario.START)
settings = {
    "landing": {"max_object_size": "400MiB", "max_record_size": "1MiB"},
    "limits": {"fail_quarantined": 1.0},
}
pipeline = Pipeline.open(scenario.config(f"{folder}/raw", f"{folder}/lake", **settings))
counts = run_hour(pipeline, scenario.START).ledger.counts
quarantine = pq.read_table(f"{folder}/lake/{key}").to_pylist()
print(json.dumps({
    "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10,
    "valid": counts.valid,
    "quarantine": [
        [row["object_key"].rpartition("/")[2], row["reason"], row["detail"], len(row["raw"])]
        for row in quarantine
    ],
}))
"""


def land(folder: Path, size: int) -> None:
    """Land an endless line in gzip, zeros in ZIP, each of a size, and a line that is too long."""
    folder.mkdir(parents=True)
    good = json.dumps(scenario.event("a1", "22:10:00")).encode() + b"\n"
    with gzip.open(folder / "a-line-in-gzip", "wb", compresslevel=1) as line:
        line.write(good + b'{"a":"')
        for _ in range(size // PIECE):
            line.write(b"x" * PIECE)
    with (
        zipfile.ZipFile(folder / "b-zeros-in-zip", "w", zipfile.ZIP_DEFLATED, True, 1) as archive,
        archive.open("zeros", "w", force_zip64=True) as zeros,
    ):
        zeros.write(good)
        for _ in range(size // PIECE):
            zeros.write(bytes(PIECE))
    (folder / "c-line").write_bytes(good + b"y" * (size // 32) + b"\n" + good)


def run(folder: Path, size: int) -> dict[str, Any]:
    """Run the hour in a process of its own; return its peak, and what it made of the objects."""
    land(folder / "raw" / scenario.START.landing_prefix, size)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_bombs_and_a_giant_line_are_quarantined_in_bounded_memory(tmp_path: Path) -> None:
    result = run(tmp_path / "large", SIZE)
    assert result["valid"] == 4
    found = {(name, reason) for name, reason, _, _ in result["quarantine"]}
    assert {("a-line-in-gzip", "object_too_large"), ("b-zeros-in-zip", "object_too_large")} <= found
    assert ("c-line", "record_too_large") in found
    for _, _, detail, size in result["quarantine"]:
        assert detail
        assert size <= (1 << 20) * 4 // 3 + 20
    # What a process needs by itself, and what allocators keep, is in both peaks alike; an object
    # that was held in memory up to its limit would add some 370 MiB to one of them.
    small = run(tmp_path / "small", SIZE // 32)
    assert result["peak"] - small["peak"] < 200 << 20
