"""Objects under a URL: what the pipeline needs of a store, whatever it is.

The pipeline needs five verbs, and of each of them atomicity: an object is written whole or not at
all, and replaced in one step.

A store may say how many requests it takes side by side, in an attribute ``concurrency``; one that
does not say is asked one thing after the other (`side_by_side.concurrency_of`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sessionize.model.errors import ObjectGoneError

#: Bytes that a stream yields at a time.
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as a listing shows it: ``key`` is relative to the store's URL.

    ``etag`` changes with the content on S3; a local folder has none and leaves it empty.
    """

    key: str
    size: int
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Children:
    """What stands right below a folder: one page of it.

    ``folders`` are whole prefixes, ``2017/02/``; ``after`` asks for the next page, and is empty
    where there is none.
    """

    folders: tuple[str, ...]
    objects: tuple[StoredObject, ...]
    after: str = ""


class Storage(Protocol):
    """Objects under one URL; keys are relative to it and use ``/``."""

    url: str

    def check(self) -> None:
        """Make sure that the bucket or folder is there.

        Raises
        ------
        StorageError
        """

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield the objects whose key begins with ``prefix``, in the order of their keys."""

    def children(self, folder: str = "", after: str = "") -> Children:
        """Return a page of what stands right below a folder, for the price of one request."""

    def read(self, key: str) -> bytes | None:
        """Return the object's content, or None if there is no such object."""

    def stream(self, key: str, etag: str = "") -> Iterator[bytes]:
        """Yield the object's content in chunks.

        Raises
        ------
        ObjectGoneError
            If there is no such object, or its ``etag`` (if given) is another one by now.
        """

    def write(self, key: str, content: bytes) -> None:
        """Create or replace an object, in one step."""

    def upload(self, key: str, path: Path) -> None:
        """Create or replace an object with a file's content, in one step."""

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""


def object_gone(url: str) -> ObjectGoneError:
    """Return the error for an object that is not what it was when it was claimed."""
    return ObjectGoneError(
        f"{url} is no longer there, or has been replaced, since the hour claimed it",
        "Restore the object as it was, or run the hour again from its claim.",
    )
