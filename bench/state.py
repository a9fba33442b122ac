"""What is carried from hour to hour: its size, and the time to load and to save it.

``python -m bench.state CONFIG`` takes the state that a run of ours has left.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.job import HOUR

_REPEATS = 3


def state(config_file: Path) -> dict[str, float]:
    """Return bytes, machines, and the seconds to load and to save."""
    from sessionize.config import load_config
    from sessionize.lake.parquet import write_parquet
    from sessionize.lake.state_store import load_state
    from sessionize.model.hours import Hour
    from sessionize.pipeline.stages import Pipeline

    config = load_config(config_file)
    lake, schemas = Pipeline.open(config).lake, config.schemas.state
    ledger = lake.ledger(Hour.parse(f"{HOUR:%Y-%m-%dT%H}"))
    assert ledger is not None
    loaded = load_state(lake, ledger, schemas)

    def save() -> None:
        with tempfile.TemporaryDirectory() as folder:
            for name, table in loaded.items():
                write_parquet(Path(folder) / name, schemas[name], [table], name)

    return {
        "bytes": sum(file.bytes for file in ledger.state.values()),
        "machines": len(loaded["open_sessions"]) + len(loaded["closed_frontiers"]),
        "load": _median(lambda: load_state(lake, ledger, schemas)),
        "save": _median(save),
    }


def _median(function: Callable[[], object]) -> float:
    seconds = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


if __name__ == "__main__":
    print(json.dumps(state(Path(sys.argv[1]))))
