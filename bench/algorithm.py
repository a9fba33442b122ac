"""The heart alone: a frame in memory → sessions, ids, tags, state.

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

from bench.job import HOUR, Job

_REPEATS = 5


def algorithm(lake: Path) -> dict[str, float]:
    """Return the number of events and the seconds that they take; the first time is left out."""
    from sessionize import Hour, State, sessionize
    from sessionize.model.frames import to_frame
    from sessionize.model.schemas import DESKTOP

    schema = DESKTOP.between_stages(DESKTOP.events)
    encoded = [field.name for field in schema if pa.types.is_dictionary(field.type)]
    published = Job(lake, lake).output("events")
    table = pq.read_table(published, partitioning=None, read_dictionary=encoded)
    events = to_frame(table.unify_dictionaries().combine_chunks().cast(schema))
    hour = Hour.parse(f"{HOUR:%Y-%m-%dT%H}")
    seconds = []
    for _ in range(_REPEATS + 1):
        began = time.perf_counter()
        sessionize(State.empty(), events, hour)
        seconds.append(time.perf_counter() - began)
    return {"events": len(events), "seconds": statistics.median(seconds[1:])}


if __name__ == "__main__":
    print(json.dumps(algorithm(Path(sys.argv[1]))))
