"""Where our own time goes: ``python -m bench.stages CONFIG HOUR``.

All threads are looked at some hundred times a second. The time since the last look goes to the
stage of the run that each thread is at, and to the innermost of our modules on its stack; that of
a compiled kernel to the module that called it. The code needs no hooks.
"""

from __future__ import annotations

import importlib
import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from types import FrameType

from sessionize.__main__ import set_up

_LOOK_S = 0.004
_PACKAGE = "sessionize"
_KERNELS = "sessionize.kernels"
#: A thread whose innermost frame is here is waiting.
_WAITING = (
    "threading",
    "concurrent.futures.thread",
    "concurrent.futures._base",
    "queue",
    "selectors",
)
#: The stage of a thread, by a module and a function on its stack; the innermost that is known.
_STAGES = {
    ("sessionize.pipeline.stages", "claim"): "claim",
    ("sessionize.pipeline.stages", "validated"): "validate: gunzip, scan, divide",
    ("sessionize.pipeline.stages", "add_events"): "enrich, shuffle",
    ("sessionize.pipeline.stages", "sessionized"): "sessionize",
    ("sessionize.pipeline.partitions", "tables_of"): "frames to tables",
    ("sessionize.pipeline.partitions", "write_of_shards"): "write Parquet",
    ("sessionize.pipeline.partitions", "write_of_batches"): "write Parquet",
    ("sessionize.lake.parquet", "write"): "write Parquet",
    ("sessionize.lake.parquet", "finish"): "write Parquet",
    ("sessionize.pipeline.stages", "publish_files"): "publish: count, sync, reveal",
}
_OTHER = "other"
#: What a run imports, most of it where a stage needs it: done before, so that no stage has it.
_IMPORTED = (
    "sessionize.pipeline.runner",
    "sessionize.events.validate",
    "sessionize.events.enrich",
    "sessionize.sessions.hour",
)


def profile(config: str, hour: str) -> dict[str, object]:
    """Run an hour; return its seconds, those of the imports, and thread-seconds."""
    set_up()
    began = time.perf_counter()
    cli = importlib.import_module("sessionize.cli")
    for module in _IMPORTED:
        importlib.import_module(module)
    imported = time.perf_counter()
    stages: dict[str, float] = defaultdict(float)
    modules: dict[str, float] = defaultdict(float)
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(stages, modules, done))
    watcher.start()
    code = cli.main(["run", "--config", config, "--hour", hour])
    seconds = time.perf_counter() - imported
    done.set()
    watcher.join()
    if code:
        raise SystemExit(code)
    return {
        "seconds": seconds,
        "imports": imported - began,
        "stages": [{"stage": name, "seconds": spent} for name, spent in _longest_first(stages)],
        "modules": [
            {"module": name, "seconds": spent, "idea": _idea(name)}
            for name, spent in _longest_first(modules)
        ],
    }


def _longest_first(spent: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(spent.items(), key=lambda item: -item[1])


def _watch(stages: dict[str, float], modules: dict[str, float], done: threading.Event) -> None:
    me = threading.get_ident()
    last = time.perf_counter()
    while not done.wait(_LOOK_S):
        now = time.perf_counter()
        for thread, frame in sys._current_frames().items():
            if thread == me or frame.f_globals.get("__name__", "") in _WAITING:
                continue
            ours = list(_stack(frame))
            if ours:
                modules[ours[0][0]] += now - last
                known = [_STAGES[place] for place in ours if place in _STAGES]
                stages[known[0] if known else _OTHER] += now - last
        last = now


def _stack(frame: FrameType | None) -> Iterator[tuple[str, str]]:
    """Yield our modules and functions, innermost first; kernels belong to who calls them."""
    while frame is not None:
        module: str = frame.f_globals.get("__name__", "")
        if module.split(".")[0] == _PACKAGE and not module.startswith(_KERNELS):
            yield module, frame.f_code.co_name
        frame = frame.f_back


def _idea(module: str) -> str:
    text = sys.modules[module].__doc__ or ""
    return text.strip().splitlines()[0].rstrip(".") if text.strip() else ""


if __name__ == "__main__":
    result = profile(*sys.argv[1:])
    print(json.dumps(result))
