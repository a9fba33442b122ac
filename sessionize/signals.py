"""A process that the system asks to end, with SIGTERM or SIGHUP, cleans up first."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

_NAMES = ("SIGTERM", "SIGHUP")


class EndedError(BaseException):
    """Ends what is being done, as an interrupt from the keyboard does.

    Parameters
    ----------
    number : int
        The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number
        self.name = signal.Signals(number).name

    @property
    def exit_code(self) -> int:
        """What shells give a process that a signal has ended: 143 for SIGTERM, 129 for SIGHUP."""
        return 128 + self.number


@contextlib.contextmanager
def raised() -> Iterator[None]:
    """Raise `EndedError` in the block when such a signal comes; a second one ends at once.

    A signal that is ignored, as SIGHUP is under ``nohup``, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread can be told of signals
        return
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    before = {
        number: handler
        for number in numbers
        if (handler := signal.getsignal(number)) is not signal.SIG_IGN
    }

    def end(number: int, _: FrameType | None) -> None:
        for each in before:
            signal.signal(each, signal.SIG_DFL)
        raise EndedError(number)

    for number in before:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
