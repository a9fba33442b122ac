"""What no design can go below: ``python -m bench.floors RAW LAKE``.

Gunzip alone, JSON parsing alone, Parquet writing alone, each by the fastest library at hand.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import simdjson
from isal import igzip

from bench.job import KNOWN_FIELDS, Job

_REPEATS = 3
_WRITTEN = ("quarantine", "events", "sessionized_events", "sessions", "open_sessions")


def floors(job: Job) -> dict[str, dict[str, float]]:
    """Return seconds, by part of the job and by library."""
    objects = [path.read_bytes() for path in job.objects]
    texts = [_without_broken_lines(igzip.decompress(content)) for content in objects]
    parsers: dict[str, Callable[[bytes], object]] = {
        "orjson, line by line": _orjson,
        "pysimdjson, line by line": _simdjson,
        "Polars read_ndjson, 2 threads": _polars,
    }
    tables = {name: pq.read_table(job.output(name), partitioning=None) for name in _WRITTEN}
    return {
        "gunzip": {
            "ISA-L": _median(igzip.decompress, objects),
            "zlib": _median(lambda content: zlib.decompress(content, wbits=31), objects),
        },
        "parse": {name: _median(parse, texts) for name, parse in parsers.items()},
        "write": {"pyarrow, zstd 1": _median(_write, tables.values())},
    }


def _median(function: Callable[[Any], object], items: Iterable[Any]) -> float:
    items = list(items)
    seconds = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        for item in items:
            function(item)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def _without_broken_lines(text: bytes) -> bytes:
    return b"\n".join(line for line in text.splitlines() if _is_json(line))


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except ValueError:
        return False
    return True


def _orjson(text: bytes) -> None:
    for line in text.splitlines():
        orjson.loads(line)


def _simdjson(text: bytes) -> None:
    parser = simdjson.Parser()
    for line in text.splitlines():
        parser.parse(line)


def _polars(text: bytes) -> pl.DataFrame:
    return pl.read_ndjson(text, schema_overrides=dict.fromkeys(KNOWN_FIELDS, pl.String))


def _write(table: pa.Table) -> None:
    with tempfile.TemporaryFile() as file:
        pq.write_table(table, file, compression="zstd", compression_level=1)


if __name__ == "__main__":
    print(json.dumps(floors(Job(*map(Path, sys.argv[1:])))))
