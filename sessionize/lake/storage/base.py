"""Objects under a URL: what the pipeline needs of a store, whatever it is.

The pipeline needs five verbs, and of each of them atomicity: an object is written whole or not at
all, and replaced in one step.

Writing and deleting take a *version*, as a listing, a read or a write has told it: then they
replace or remove that version and no other, whatever happens at the same time. So an attempt that
lags behind cannot harm what a later one has written since it looked. A write of what is there
already has reached its end, whoever wrote it.

A store may say how many requests it takes side by side, in an attribute ``concurrency``; one that
does not say is asked one thing after the other (`side_by_side.concurrency_of`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sessionize.model.errors import ObjectGoneError, OvertakenError

#: Bytes that a stream yields at a time.
CHUNK = 1 << 20
#: The version of an object that is not there.
ABSENT = ""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as a listing shows it: ``key`` is relative to the store's URL.

    ``etag`` changes with the content on S3; a local folder has none and leaves it empty.
    ``version`` changes whenever the object is replaced, and ``modified`` says when it was last, in
    seconds since the epoch (None: the store does not say); they are no part of what the object is.
    """

    key: str
    size: int
    etag: str = ""
    version: str = field(default=ABSENT, compare=False)
    modified: float | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Children:
    """What stands right below a folder: one page of it.

    ``folders`` are whole prefixes, ``2017/02/``; ``after`` asks for the next page, and is empty
    where there is none.
    """

    folders: tuple[str, ...]
    objects: tuple[StoredObject, ...]
    after: str = ""


#: The content of a part of an object, and the object's version.
PartRead = tuple[bytes, str]


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

    def read_version(self, key: str) -> tuple[bytes | None, str]:
        """Return the object's content and version; None and `ABSENT` if there is no such object."""

    def read_part(self, key: str, begin: int, size: int, version: str = ABSENT) -> PartRead:
        """Return so many bytes from ``begin`` on, fewer at the object's end, and its version.

        Raises
        ------
        ObjectGoneError
            If there is no such object, or its ``version`` (if given) is another one by now.
        """

    def stream(self, key: str, etag: str = "") -> Iterator[bytes]:
        """Yield the object's content in chunks.

        Raises
        ------
        ObjectGoneError
            If there is no such object, or its ``etag`` (if given) is another one by now.
        """

    def write(self, key: str, content: bytes, replaces: str | None = None) -> str:
        """Create or replace an object, in one step; return its version.

        With ``replaces``, only that version is replaced, and `ABSENT` is none. The new version is
        another one even where the content is the same.

        Raises
        ------
        OvertakenError
            If another version is there, with another content.
        """

    def upload(self, key: str, path: Path, replaces: str | None = None) -> str:
        """Write a file's content, as `write` does."""

    def delete(self, key: str, version: str | None = None) -> None:
        """Remove an object, if it is there; with ``version``, only if it is that one."""

    def tidy(self) -> None:
        """Remove what writers that were killed have left, and nothing that one still writes."""


def object_gone(url: str) -> ObjectGoneError:
    """Return the error for an object that is not what it was when it was claimed."""
    return ObjectGoneError(
        f"{url} is no longer there, or has been replaced, since the hour claimed it",
        "Restore the object as it was, then run the hour again.",
    )


def replaced_meanwhile(url: str) -> ObjectGoneError:
    """Return the error for a file of the lake that is not there, or is another one by now."""
    return ObjectGoneError(
        f"{url} is not there, or has been replaced while it was read",
        "If its hour has just been run again, ask once more; else look with "
        "`python -m sessionize verify`.",
    )


def overtaken(url: str) -> OvertakenError:
    """Return the error for an object that another attempt has written meanwhile."""
    return OvertakenError(
        f"{url} has been written by another attempt since this one looked, and is left as it is",
        "See where the hour stands with `python -m sessionize status`; run it again unless it is "
        "done.",
    )
