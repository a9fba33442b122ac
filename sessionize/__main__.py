"""``python -m sessionize``, and the command ``sessionize``: a process that does nothing else."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import sys

from sessionize.cli import main

#: Options of glibc's ``mallopt``, by their numbers in its ``malloc.h``, and what they are set to.
_KEEP_MEMORY = {
    "M_ARENA_MAX": (-8, 1),
    "M_MMAP_THRESHOLD": (-3, 1 << 30),
    "M_TRIM_THRESHOLD": (-1, 1 << 30),
}


def set_up() -> None:
    """Set this process up for doing nothing but running hours; before numpy is imported."""
    # Arrow's own allocator asks the system for so much at a time that clearing it takes longer.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    _keep_memory()
    # numpy's algebra is not used, and its threads would wait busily for work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Threads spend most of their time in compiled code, and wait for Python's lock in between: at
    # the default of 5 ms for longer than they then hold it.
    sys.setswitchinterval(0.001)
    # Frames hold no reference cycles worth a search every few hundred objects.
    gc.set_threshold(100_000, 50, 50)


def _keep_memory() -> None:
    """Have the C library keep freed memory for what comes next, in one place for all threads.

    By default it gives large pieces back at once, and the system clears them anew each time. Only
    glibc can be told (``man mallopt``); elsewhere nothing changes but speed.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        set_option = ctypes.CDLL(None).mallopt
        for number, value in _KEEP_MEMORY.values():
            set_option(number, value)


def run() -> None:
    """Run the command line in a process that is set up for it, and exit."""
    set_up()
    code = main()
    gc.freeze()  # else the interpreter searches all there is once more for cycles before it ends
    sys.exit(code)


if __name__ == "__main__":
    run()
