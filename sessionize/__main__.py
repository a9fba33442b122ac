"""``python -m sessionize``, and the command ``sessionize``: a process that does nothing else."""

from __future__ import annotations

import gc
import os
import sys

from sessionize.cli import main


def set_up() -> None:
    """Set this process up for doing nothing but running hours; before numpy is imported."""
    # Arrow's own allocator asks the system for so much at a time that clearing it takes longer.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    # numpy's algebra is not used, and its threads would wait busily for work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Threads spend most of their time in compiled code, and wait for Python's lock in between: at
    # the default of 5 ms for longer than they then hold it.
    sys.setswitchinterval(0.001)
    # Frames hold no reference cycles worth a search every few hundred objects.
    gc.set_threshold(100_000, 50, 50)


def run() -> None:
    """Run the command line in a process that is set up for it, and exit."""
    set_up()
    sys.exit(main())


if __name__ == "__main__":
    run()
