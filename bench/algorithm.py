"""The heart alone: columns in memory → sessions, ids, tags, state.

``python -m bench.algorithm LAKE`` takes the events that a run of ours has published.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bench.job import HOUR, THREADS, Job

_REPEATS = 5


def algorithm(lake: Path) -> dict[str, float]:
    """Return the number of events and the seconds that they take; the first time is left out."""
    from sessionize.config import SessionRules
    from sessionize.model.hours import Hour
    from sessionize.model.schemas import ENCODED_EVENTS
    from sessionize.sessions.hour import SessionState, sessionize_hour

    encoded = [field.name for field in ENCODED_EVENTS if pa.types.is_dictionary(field.type)]
    published = Job(lake, lake).output("events")
    events = pq.read_table(published, partitioning=None, read_dictionary=encoded)
    events = events.unify_dictionaries().combine_chunks().cast(ENCODED_EVENTS)
    hour, rules = Hour.parse(f"{HOUR:%Y-%m-%dT%H}"), SessionRules()
    seconds = []
    for _ in range(_REPEATS + 1):
        began = time.perf_counter()
        sessionize_hour(SessionState.empty(), events, hour, rules, threads=THREADS)
        seconds.append(time.perf_counter() - began)
    return {"events": len(events), "seconds": statistics.median(seconds[1:])}


if __name__ == "__main__":
    print(json.dumps(algorithm(Path(sys.argv[1]))))
