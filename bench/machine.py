"""What the numbers were measured on."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import psutil

from bench.job import THREADS


def machine() -> dict[str, str]:
    """Return what is to be known about the machine."""
    return {
        "processor": _processor(),
        "cores": f"{min(THREADS, len(os.sched_getaffinity(0)))} used of {os.cpu_count()}",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "Python": platform.python_version(),
    }


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of the peers, and of what we stand on."""
    return {name: version(name) for name in dict.fromkeys([*packages, "pyarrow", "numpy"])}


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()
