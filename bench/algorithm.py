"""The heart alone: columns in memory → sessions, ids, tags, state.

``python -m bench.algorithm LAKE`` takes the events that a run of ours has published.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

from bench.job import HOUR, Job

_REPEATS = 5


def algorithm(lake: Path) -> dict[str, float]:
    """Return the number of events and the seconds that they take; the first time is left out."""
    from sessionize.config import SessionRules
    from sessionize.frames import to_frame
    from sessionize.hours import Hour
    from sessionize.sessions import SessionState, sessionize_hour

    events = to_frame(pq.read_table(Job(lake, lake).output("events"), partitioning=None))
    hour, rules = Hour.parse(f"{HOUR:%Y-%m-%dT%H}"), SessionRules()
    seconds = []
    for _ in range(_REPEATS + 1):
        began = time.perf_counter()
        sessionize_hour(SessionState.empty(), events, hour, rules)
        seconds.append(time.perf_counter() - began)
    return {"events": len(events), "seconds": statistics.median(seconds[1:])}


if __name__ == "__main__":
    print(json.dumps(algorithm(Path(sys.argv[1]))))
