"""A storage whose n-th request goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

from sessionize.lake.storage import Storage, StoredObject
from sessionize.model.errors import StorageError


class Fault(Enum):
    """How a request goes wrong."""

    BEFORE = "it fails before it takes effect"
    AFTER = "it takes effect, but the answer is lost"
    KILLED_BEFORE = "the process is killed before it takes effect"
    KILLED_AFTER = "the process is killed after it took effect"


class KilledError(BaseException):
    """Stands for the death of the process: no handler of errors sees it."""


class Requests:
    """Counts the requests of a run over all its stores, and lets one go wrong."""

    def __init__(self, fault: Fault | None = None, at: int = -1) -> None:
        self.count = 0
        self._fault = fault
        self._at = at

    def perform(self, request: Any) -> Any:
        number, self.count = self.count, self.count + 1
        if number != self._at:
            return request()
        if self._fault in (Fault.AFTER, Fault.KILLED_AFTER):
            request()
        if self._fault in (Fault.BEFORE, Fault.AFTER):
            raise StorageError("the request failed", "Try again.")
        raise KilledError


class FaultyStorage:
    """A storage that passes every request through :class:`Requests`."""

    def __init__(self, storage: Storage, requests: Requests) -> None:
        self._storage = storage
        self._requests = requests
        self.url = storage.url

    def check(self) -> None:
        self._requests.perform(self._storage.check)

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        yield from self._requests.perform(lambda: list(self._storage.list(prefix)))

    def read(self, key: str) -> bytes | None:
        return self._requests.perform(lambda: self._storage.read(key))

    def stream(self, key: str, etag: str = "") -> Iterator[bytes]:
        yield from self._requests.perform(lambda: list(self._storage.stream(key, etag)))

    def read_version(self, key: str) -> tuple[bytes | None, str]:
        return self._requests.perform(lambda: self._storage.read_version(key))

    def write(self, key: str, content: bytes, replaces: str | None = None) -> str:
        return self._requests.perform(lambda: self._storage.write(key, content, replaces))

    def upload(self, key: str, path: Path, replaces: str | None = None) -> str:
        return self._requests.perform(lambda: self._storage.upload(key, path, replaces))

    def delete(self, key: str, version: str | None = None) -> None:
        self._requests.perform(lambda: self._storage.delete(key, version))

    def tidy(self) -> None:
        self._requests.perform(self._storage.tidy)
