"""``python -m sessionize``, and the command ``sessionize``: a process that does nothing else."""

from __future__ import annotations

import importlib.abc
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from sessionize.cli import main


class _NoPandas(importlib.abc.MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> None:
        if name == "pandas":
            raise ImportError("pandas is not used here")


def set_up() -> None:
    """Set this process up for doing nothing but running hours; before numpy is imported."""
    # Arrow's own allocator asks the system for so much at a time that clearing it takes longer.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    # numpy's algebra is not used, and its threads would wait busily for work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Threads spend most of their time in compiled code, and wait for Python's lock in between: at
    # the default of 5 ms for longer than they then hold it.
    sys.setswitchinterval(0.001)
    # pyarrow tries to import pandas, to know its types; there are none here, and it is slow.
    sys.meta_path.insert(0, _NoPandas())


def run() -> None:
    """Run the command line in a process that is set up for it, and exit."""
    set_up()
    sys.exit(main())


if __name__ == "__main__":
    run()
