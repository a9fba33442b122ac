"""The bytes of an object as they arrive, read in the portions that a format asks for."""

from __future__ import annotations

from collections.abc import Iterable

#: The most bytes that a decompressor takes in, or gives out, in one step.
STEP = 1 << 18


class DamageError(Exception):
    """An object cannot be decoded further; what came before it is good.

    Parameters
    ----------
    detail : str
        What is wrong, and at about which byte of the object.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class ByteSource:
    """A forward reader over chunks of any size; what it returns does not depend on their cuts.

    Parameters
    ----------
    chunks : iterable of bytes
        The object from its first byte; empty chunks are allowed.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._head = b""
        self._at = 0
        self.offset = 0  #: How many bytes have been read: the place of the next one.

    def peek(self, size: int) -> bytes:
        """Return the next ``size`` bytes, fewer only where the object ends, and keep them."""
        held = len(self._head) - self._at
        if held < size:
            parts = [self._head[self._at :]]
            while held < size and (chunk := next(self._chunks, None)) is not None:
                parts.append(chunk)
                held += len(chunk)
            self._head, self._at = b"".join(parts), 0
        return self._head[self._at : self._at + size]

    def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes, fewer only where the object ends."""
        data = self.peek(size)
        self._at += len(data)
        self.offset += len(data)
        return data

    def read_exactly(self, size: int, what: str) -> bytes:
        """Return the next ``size`` bytes.

        Raises
        ------
        DamageError
            If the object ends before them; ``what`` names them.
        """
        data = self.read(size)
        if len(data) < size:
            raise DamageError(f"the object ends in {what}, at byte {self.offset}")
        return data

    def unread(self, data: bytes) -> None:
        """Put back the bytes that were read last."""
        self._head = data + self._head[self._at :]
        self._at = 0
        self.offset -= len(data)
