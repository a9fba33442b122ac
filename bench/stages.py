"""Where our own time goes, module by module: ``python -m bench.stages CONFIG HOUR``.

All threads are looked at some hundred times a second, and the time since the last look goes to the
innermost module of ours on each thread's stack: the code needs no hooks, whatever its design.
"""

from __future__ import annotations

import importlib
import json
import sys
import threading
import time
from types import FrameType

_LOOK_S = 0.004
_PACKAGE = "sessionize"
#: A thread whose innermost frame is here is waiting.
_WAITING = (
    "threading",
    "concurrent.futures.thread",
    "concurrent.futures._base",
    "queue",
    "selectors",
)


def profile(config: str, hour: str) -> dict[str, object]:
    """Run an hour and return its seconds, those of the imports, and thread-seconds by module."""
    began = time.perf_counter()
    cli = importlib.import_module("sessionize.cli")
    importlib.import_module("sessionize.runner")
    imported = time.perf_counter()
    spent: dict[str, float] = {}
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(spent, done))
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
        "modules": [
            {"module": name, "seconds": part, "idea": _idea(name)}
            for name, part in sorted(spent.items(), key=lambda item: -item[1])
        ],
    }


def _watch(spent: dict[str, float], done: threading.Event) -> None:
    me = threading.get_ident()
    last = time.perf_counter()
    while not done.wait(_LOOK_S):
        now = time.perf_counter()
        for thread, frame in sys._current_frames().items():
            module = None if thread == me else _module(frame)
            if module:
                spent[module] = spent.get(module, 0) + now - last
        last = now


def _module(frame: FrameType | None) -> str | None:
    if frame is None or frame.f_globals.get("__name__", "") in _WAITING:
        return None
    while frame is not None:
        name: str = frame.f_globals.get("__name__", "")
        if name.split(".")[0] == _PACKAGE:
            return name
        frame = frame.f_back
    return None


def _idea(module: str) -> str:
    text = sys.modules[module].__doc__ or ""
    return text.strip().splitlines()[0].rstrip(".") if text.strip() else ""


if __name__ == "__main__":
    result = profile(*sys.argv[1:])
    print(json.dumps(result))
