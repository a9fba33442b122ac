"""The part of an object's text that is held in memory."""

from __future__ import annotations

from collections.abc import Iterator

from sessionize.landing.compression.source import DamageError
from sessionize.landing.records import Problem
from sessionize.model.reasons import Reason


class Window:
    """Decoded text that grows at its end, as it is read, and is dropped at its front.

    Parameters
    ----------
    pieces : iterator of bytes
        The text of the object; it may end in `DamageError`.
    portion : int
        How many bytes to read at a time, at least.
    limit : int
        How many bytes of text to read in all.

    Attributes
    ----------
    data : bytes
        The text that is held.
    offset : int
        The place of its first byte in the whole text.
    problem : Problem or None
        What has ended the text before its time; None as long as nothing has.
    """

    def __init__(self, pieces: Iterator[bytes], portion: int, limit: int) -> None:
        self.data = b""
        self.offset = 0
        self.problem: Problem | None = None
        self._pieces = pieces
        self._portion = portion
        self._limit = limit
        self._spare = b""
        self._read = 0
        self._ended = False

    def more(self) -> bool:
        """Read on: at least as much as is held, so that growing costs no more than reading.

        Returns
        -------
        bool
            False if the text has ended.
        """
        wanted = max(self._portion, len(self.data))
        parts = [self.data]
        while wanted and (self._spare or self._pull()):
            piece, self._spare = self._spare[:wanted], self._spare[wanted:]
            wanted -= len(piece)
            parts.append(piece)
        self.data = b"".join(parts)
        return len(parts) > 1

    def drop(self, size: int) -> None:
        """Forget the first ``size`` bytes that are held."""
        self.data = self.data[size:]
        self.offset += size

    def _pull(self) -> bool:
        """Take the next piece; False if the text has ended."""
        while not self._spare and not self._ended:
            try:
                self._spare = next(self._pieces)
            except StopIteration:
                self._ended = True
            except DamageError as damage:
                self._end(
                    Reason.DAMAGED_OBJECT, f"{damage.detail}, after {self._read} bytes of text"
                )
            self._read += len(self._spare)
            if self._read > self._limit:
                self._spare = self._spare[: len(self._spare) - (self._read - self._limit)]
                self._end(Reason.OBJECT_TOO_LARGE, f"the text is longer than {self._limit} bytes")
        return bool(self._spare)

    def _end(self, reason: Reason, detail: str) -> None:
        self.problem = Problem(reason, detail)
        self._ended = True
