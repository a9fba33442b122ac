"""Objects that claim to be huge go through a whole run in bounded memory."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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


#: How much larger the objects of the zoo are than a few seconds allow.
FACTOR = 10 if os.environ.get("SESSIONIZE_EXHAUSTIVE") else 1
#: The memory that the whole process may have: a machine's limits, not what the test hopes for.
MEMORY = 1 << 30
#: Runs the command line in that memory.
LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv.pop(1)),) * 2)
from sessionize.__main__ import run
run()
"""


def of_machine(number: int) -> bytes:
    """An event of one of many machines."""
    event = scenario.event("a1", "22:10:00", event_id=f"{number}", inst_id=f"{number % 9999:08x}")
    return json.dumps(event | {"_l": 8}).encode() + b"\n"


def zipped(unit: bytes, times: int) -> bytes:
    """A text again and again, in one gzip member."""
    packed = zlib.compressobj(1, wbits=31)
    parts = [packed.compress(unit * (1 << 10)) for _ in range(times >> 10)]
    return b"".join([*parts, packed.compress(unit * (times % (1 << 10))), packed.flush()])


#: What lands: its content, and how many valid and other records it has. What one machine sends is
#: in memory at once, so the events that are all the same do not grow with the rest.
ZOO: dict[str, tuple[Callable[[], bytes], int, int]] = {
    "empty-objects": (lambda: zipped(b"{}", 600_000 * FACTOR), 0, 500_000 * FACTOR + 1),
    "garbage-lines": (lambda: zipped(b"x\n", 10_000_000), 0, 500_000 * FACTOR + 1),
    "members": (lambda: gzip.compress(of_machine(0), 1) * 3000 * FACTOR, 3000 * FACTOR, 0),
    "one-record": (
        lambda: gzip.compress(b'{"a":"') + zipped(b"x" * (1 << 10), (1 << 18) * FACTOR),
        0,
        1,
    ),
    "zeros": (lambda: zipped(bytes(1 << 10), (1 << 18) * FACTOR), 0, 1),
    "one-event": (lambda: zipped(of_machine(1), 400_000), 400_000, 0),
}


def landed_zoo(folder: Path) -> tuple[int, int]:
    """Land the zoo; return how many records are valid, and how many are not."""
    folder.mkdir(parents=True)
    for name, (content, _, _) in ZOO.items():
        (folder / name).write_bytes(content())
    events = 200_000 * FACTOR
    with gzip.open(folder / "many-machines", "wb", compresslevel=1) as file:
        for start in range(0, events, 10_000):
            file.write(b"".join(map(of_machine, range(start, start + 10_000))))
    return (
        sum(valid for _, valid, _ in ZOO.values()) + events,
        sum(bad for _, _, bad in ZOO.values()),
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere this limit is not kept")
def test_a_zoo_of_bombs_is_run_in_a_gigabyte(tmp_path: Path) -> None:
    valid, quarantined = landed_zoo(tmp_path / "raw" / scenario.START.landing_prefix)
    config = tmp_path / "pipeline.toml"
    config.write_text(
        f'name = "t"\nraw = "raw"\nlake = "lake"\nstart = {scenario.START}:00:00Z\n'
        f'[run]\nin_memory = "64MiB"\nthreads = 2\n[limits]\nfail_quarantined = 1.0\n'
        f'[landing]\nmax_object_records = {500_000 * FACTOR}\nmax_record_size = "1MiB"\n'
    )
    command = ["run", "--config", str(config), "--hour", str(scenario.START)]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(MEMORY), *command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"valid {valid:,}  quarantined {quarantined:,} " in done.stdout
