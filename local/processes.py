"""Child processes that end when they are told to, with everything that they have started."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

import psutil

from local.errors import LocalError

_TAIL_LINES = 30
_GRACE_SECONDS = 5.0
_KILL_SECONDS = 5.0


class Service:
    """A process in a session of its own, its output in a log file.

    A session, not a process group: Airflow puts every task into a new group, and a group that is
    told to end would leave them running.
    """

    def __init__(
        self, name: str, command: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._start_of_log = output.tell()
            self._process = subprocess.Popen(
                command,
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def exit_code(self) -> int | None:
        """The exit code; None while the service runs."""
        return self._process.poll()

    @property
    def output(self) -> str:
        """What the service has said since this start of it."""
        with self.log.open("rb") as log:
            log.seek(self._start_of_log)
            return log.read().decode("utf-8", "replace")

    def check(self) -> None:
        """Make sure that the service is still running.

        Raises
        ------
        LocalError
            If it has ended, with the tail of its log.
        """
        if self.exit_code is not None:
            self.fail(f"{self.name} has ended by itself (exit code {self.exit_code})")

    def fail(self, fault: str) -> NoReturn:
        """Raise ``fault`` with the tail of the log."""
        tail = self.output.splitlines()[-_TAIL_LINES:]
        raise LocalError(f"{fault}; its log is {self.log}", "\n".join(tail))

    def terminate(self) -> None:
        """Ask the service to end."""
        if self.exit_code is None:
            self._process.terminate()

    def wait(self, seconds: float) -> None:
        """Wait until the service has ended, but no longer than ``seconds``."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def kill_leftovers(self) -> None:
        """Kill whatever is left of the session, orphans too, and wait until it is gone."""
        deadline = time.monotonic() + _KILL_SECONDS
        while (left := list(self._living())) and time.monotonic() < deadline:
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            self.wait(0.05)
            time.sleep(0.05)

    def _living(self) -> Iterator[psutil.Process]:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if (
                    os.getsid(process.pid) == self._process.pid
                    and process.status() != psutil.STATUS_ZOMBIE
                ):
                    yield process


@contextlib.contextmanager
def stopping(services: list[Service]) -> Iterator[None]:
    """Stop all that is in the list when the block is left, in whatever way."""
    try:
        yield
    finally:
        with uninterrupted():
            deadline = time.monotonic() + _GRACE_SECONDS
            for service in services:
                service.terminate()
            for service in services:
                service.wait(max(0.0, deadline - time.monotonic()))
            for service in services:
                service.kill_leftovers()


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does, so that what it started is stopped."""

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    with _handling((signal.SIGTERM, signal.SIGHUP), interrupt):
        yield


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore signals: a second, impatient Ctrl-C must not leave half of the services behind."""
    with _handling((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), signal.SIG_IGN):
        yield


@contextlib.contextmanager
def _handling(
    signals: Iterable[signal.Signals],
    handler: Callable[[int, FrameType | None], object] | signal.Handlers,
) -> Iterator[None]:
    try:
        before = {number: signal.signal(number, handler) for number in signals}
    except ValueError:  # only the main thread has signals
        before = {}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


@contextlib.contextmanager
def sole_user(folder: Path) -> Iterator[None]:
    """Hold a folder, made if it is not there, against others who would use it the same way.

    Raises
    ------
    LocalError
        If somebody holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LocalError(
                f"{folder} is in use: another demo or Airflow runs on it; stop that first"
            ) from None
        yield


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Tell whether nobody listens on this port of the loopback interface."""
    with socket.socket() as probe:
        # As servers do: a port in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def require_free(port: int, what: str) -> None:
    """Make sure that a port can be listened on.

    Raises
    ------
    LocalError
        If it is taken.
    """
    if not is_free(port):
        raise LocalError(f"{what} cannot listen on 127.0.0.1:{port}: the port is taken")
