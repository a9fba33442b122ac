"""A store as it would be after some writes, which go elsewhere: the store itself is only read."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Iterator
from pathlib import Path

from sessionize.lake.storage.base import (
    ABSENT,
    Children,
    PartRead,
    Storage,
    StoredObject,
    object_gone,
    overtaken,
)
from sessionize.lake.storage.side_by_side import concurrency_of


class OverlayStorage:
    """A store upon another: what is written lies above, what is not is seen below.

    It goes by the name of the store below, and keeps the promises of `Storage` within this process.

    Parameters
    ----------
    below : Storage
        Is listed and read, and never written to.
    above : Storage
        Empty, and nobody else's.
    """

    def __init__(self, below: Storage, above: Storage) -> None:
        self.url = below.url
        self.concurrency = concurrency_of(below)
        self._below = below
        self._above = above
        self._written: dict[str, str] = {}
        self._removed: set[str] = set()
        self._lock = threading.RLock()

    def check(self) -> None:
        """Make sure that the store below is there."""
        self._below.check()

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield the objects whose key begins with ``prefix``, in the order of their keys."""
        with self._lock:
            hidden = self._removed | self._written.keys()
            above = [*self._above.list(prefix)]
        below = (entry for entry in self._below.list(prefix) if entry.key not in hidden)
        yield from heapq.merge(below, above, key=lambda entry: entry.key.encode())

    def children(self, folder: str = "", after: str = "") -> Children:
        """Return what stands right below a folder, on one page; all below it is listed."""
        folders: dict[str, None] = {}
        objects = []
        for entry in self.list(folder):
            name, slash, _ = entry.key.removeprefix(folder).partition("/")
            if slash:
                folders[f"{folder}{name}/"] = None
            else:
                objects.append(entry)
        return Children(tuple(folders), tuple(objects))

    def read(self, key: str) -> bytes | None:
        """Return the object's content, or None if there is no such object."""
        return self.read_version(key)[0]

    def read_version(self, key: str) -> tuple[bytes | None, str]:
        """Return the object's content and version; None and `ABSENT` if there is no such object."""
        if key in self._removed:
            return None, ABSENT
        return (self._above if key in self._written else self._below).read_version(key)

    def read_part(self, key: str, begin: int, size: int, version: str = ABSENT) -> PartRead:
        """Return so many bytes from ``begin`` on, fewer at the object's end, and its version."""
        if key in self._removed:
            raise object_gone(f"{self.url}/{key}")
        store = self._above if key in self._written else self._below
        return store.read_part(key, begin, size, version)

    def stream(self, key: str, etag: str = "") -> Iterator[bytes]:
        """Yield the object's content in chunks."""
        if key in self._removed:
            raise object_gone(f"{self.url}/{key}")
        if key in self._written:
            yield from self._above.stream(key)
        else:
            yield from self._below.stream(key, etag)

    def write(self, key: str, content: bytes, replaces: str | None = None) -> str:
        """Create or replace an object, in one step; return its version."""
        with self._lock:
            if replaces is not None and replaces != (version := self._version(key)):
                return self._same(key, content, version)
            return self._seen(key, self._above.write(key, content))

    def upload(self, key: str, path: Path, replaces: str | None = None) -> str:
        """Write a file's content, as `write` does."""
        with self._lock:
            if replaces is not None and replaces != (version := self._version(key)):
                return self._same(key, path.read_bytes(), version)
            return self._seen(key, self._above.upload(key, path))

    def delete(self, key: str, version: str | None = None) -> None:
        """Remove an object, if it is there; with ``version``, only if it is that one."""
        with self._lock:
            if version is not None and version != self._version(key):
                return
            if self._written.pop(key, None) is not None:
                self._above.delete(key)
            self._removed.add(key)

    def tidy(self) -> None:
        """Leave what writers below have left: it is not this store's."""

    def _version(self, key: str) -> str:
        if key in self._removed:
            return ABSENT
        if key in self._written:
            return self._written[key]
        # In the order of keys, what is named so itself is the first of what begins so.
        found = next(iter(self._below.list(key)), None)
        return found.version if found is not None and found.key == key else ABSENT

    def _seen(self, key: str, version: str) -> str:
        self._written[key] = version
        self._removed.discard(key)
        return version

    def _same(self, key: str, content: bytes, version: str) -> str:
        """Let a write of what is there already have reached its end."""
        if version == ABSENT or self.read(key) != content:
            raise overtaken(f"{self.url}/{key}")
        return version
