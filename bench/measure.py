"""One command, one process of its own: how long it takes and how much memory it needs."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.job import THREADS

REPOSITORY = Path(__file__).resolve().parent.parent

_SAMPLE_S = 0.2
_CGROUPS_1 = Path("/sys/fs/cgroup/memory")
_CGROUPS_2 = Path("/sys/fs/cgroup")

#: What limits the threads of those that have no setting of their own.
_ENVIRONMENT = {
    "POLARS_MAX_THREADS": str(THREADS),
    "OMP_NUM_THREADS": str(THREADS),
    "NUMBA_NUM_THREADS": str(THREADS),
    "PYTHONPATH": str(REPOSITORY),
}


@dataclass(frozen=True)
class Run:
    """What a command took.

    Attributes
    ----------
    seconds : float
        From its start to its end, the interpreter's start included.
    peak_bytes : int
        The most memory that it held: the larger of the kernel's high water mark of its largest
        process, and the sum over all its processes, sampled five times a second.
    cpu_seconds : float
        Of all its processes.
    output : str
        What it printed.
    """

    seconds: float
    peak_bytes: int
    cpu_seconds: float
    output: str


class FailedError(Exception):
    """A command failed; its last words are the message."""


def run(command: Sequence[str], *, limit: MemoryLimit | None = None) -> Run:
    """Run a command on the benchmark's cores, and measure it.

    Raises
    ------
    FailedError
    """

    def prepare() -> None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
        if limit is not None:
            limit.enter()

    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env=os.environ | _ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=prepare,
    )
    with _sampled(process.pid) as sampled, _drained(process) as (out, err):
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        words = b"".join(err).decode(errors="replace").strip().splitlines()
        raise FailedError("; ".join(words[-2:]) or f"exit code {process.returncode}")
    # The kernel knows exactly, but only of the processes that have been waited for.
    peak, spent = sampled()
    return Run(
        seconds=seconds,
        peak_bytes=max(usage.ru_maxrss * 1024, peak),
        cpu_seconds=max(usage.ru_utime + usage.ru_stime, spent),
        output=b"".join(out).decode(),
    )


@contextlib.contextmanager
def _sampled(pid: int) -> Iterator[Callable[[], tuple[int, float]]]:
    """Sample a process and all below it; yield what tells the peak memory and the CPU seconds."""
    peak, spent = 0, 0.0
    stop = threading.Event()

    def sample() -> None:
        nonlocal peak, spent
        while not stop.wait(_SAMPLE_S):
            total, cpu = 0, 0.0
            with contextlib.suppress(psutil.Error):
                root = psutil.Process(pid)
                for process in (root, *root.children(recursive=True)):
                    with contextlib.suppress(psutil.Error):
                        total += process.memory_info().rss
                        cpu += sum(process.cpu_times()[:2])
            peak, spent = max(peak, total), max(spent, cpu)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield lambda: (peak, spent)
    finally:
        stop.set()
        thread.join()


@contextlib.contextmanager
def _drained(process: subprocess.Popen[bytes]) -> Iterator[tuple[list[bytes], list[bytes]]]:
    """Read both streams, so that neither stands in the way."""
    out: list[bytes] = []
    err: list[bytes] = []
    assert process.stdout is not None
    assert process.stderr is not None
    readers = [
        threading.Thread(target=into.extend, args=(stream,))
        for stream, into in ((process.stdout, out), (process.stderr, err))
    ]
    for reader in readers:
        reader.start()
    try:
        yield out, err
    finally:
        for reader in readers:
            reader.join()


@dataclass(frozen=True)
class MemoryLimit:
    """A limit on a command's memory.

    Attributes
    ----------
    size : int
        Bytes.
    group : Path or None
        The control group that holds it; None: the limit is on the data segment, which counts what
        is reserved as well as what is used.
    """

    size: int
    group: Path | None

    @property
    def means(self) -> str:
        """How the limit is held, in words."""
        return "a control group" if self.group else "RLIMIT_DATA, which counts reservations too"

    def enter(self) -> None:
        """Put this process under the limit."""
        if self.group is None:
            resource.setrlimit(resource.RLIMIT_DATA, (self.size, self.size))
        else:
            (self.group / "cgroup.procs").write_text(str(os.getpid()))


@contextlib.contextmanager
def memory_limit(size: int) -> Iterator[MemoryLimit]:
    """Make a limit by the best means that the machine offers."""
    for root, setting in (
        (_CGROUPS_1, "memory.limit_in_bytes"),
        (_CGROUPS_2, "memory.max"),
    ):
        group = root / f"sessionize-bench-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            if not (group / setting).exists():  # a folder, but no control group with this setting
                continue
            (group / setting).write_text(str(size))
            yield MemoryLimit(size, group)
            return
        finally:
            group.rmdir()
    yield MemoryLimit(size, None)
