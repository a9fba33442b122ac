"""Many hours in a row, all of the same machines: ``python -m bench.hours CONFIG HOURS``.

An hour's cost must not grow with the hours before it.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta

from bench.job import HOUR


def hours_in_a_row(config: str, hours: int) -> list[float]:
    """Run the hours in this process; return the seconds of each."""
    from sessionize.config import load_config
    from sessionize.model.hours import Hour
    from sessionize.pipeline.runner import run_hour
    from sessionize.pipeline.stages import Pipeline

    pipeline = Pipeline.open(load_config(config))
    seconds = []
    for number in range(hours):
        hour = Hour.parse(f"{HOUR + timedelta(hours=number):%Y-%m-%dT%H}")
        began = time.perf_counter()
        run_hour(pipeline, hour)
        seconds.append(time.perf_counter() - began)
    return seconds


if __name__ == "__main__":
    print(json.dumps(hours_in_a_row(sys.argv[1], int(sys.argv[2]))))
