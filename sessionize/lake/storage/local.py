"""A local folder as a store; objects are written aside and renamed."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from sessionize.lake.storage.base import CHUNK, Children, StoredObject, object_gone
from sessionize.model.errors import StorageError

_TEMPORARY = ".sessionize-"
#: What the system says of a key that names no file.
_MISSING = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class LocalStorage:
    """A folder; hidden temporary files beside an object are never listed.

    Parameters
    ----------
    folder : str or Path
    durable : bool
        Whether a written object must outlive a power failure.
    """

    def __init__(self, folder: str | Path, *, durable: bool = True) -> None:
        self.url = str(folder)
        self._root = Path(folder)
        self._durable = durable

    def check(self) -> None:
        """Make sure that the folder is there."""
        if not self._root.is_dir():
            raise StorageError(f"{self._root} is not a folder", "Create it, or mend the setting.")

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield the objects whose key begins with ``prefix``, in the order of their keys."""
        folder, _, _ = prefix.rpartition("/")
        top = self._root / folder
        found = []
        try:
            for parent, folders, names in os.walk(top, onerror=_raise_unless_missing):
                relative = Path(parent).relative_to(self._root).as_posix()
                inside = "" if relative == "." else f"{relative}/"
                # Only the folders that can hold such keys: there may be years of others.
                folders[:] = [name for name in folders if _may_hold(f"{inside}{name}/", prefix)]
                for name in names:
                    key = f"{inside}{name}"
                    if key.startswith(prefix) and not name.startswith(_TEMPORARY):
                        found.append(StoredObject(key, (Path(parent) / name).stat().st_size))
        except OSError as error:
            raise StorageError(
                f"{top} cannot be listed ({error.strerror})",
                "Check the folder and its permissions.",
            ) from error
        # Bytewise, as S3 orders keys.
        yield from sorted(found, key=lambda entry: os.fsencode(entry.key))

    def children(self, folder: str = "", after: str = "") -> Children:
        """Return what stands right below a folder; it is all on one page."""
        top = self._root / folder
        folders, objects = [], []
        try:
            for entry in sorted(os.scandir(top), key=lambda entry: os.fsencode(entry.name)):
                if entry.is_dir():
                    folders.append(f"{folder}{entry.name}/")
                elif not entry.name.startswith(_TEMPORARY):
                    objects.append(StoredObject(f"{folder}{entry.name}", entry.stat().st_size))
        except _MISSING:
            return Children((), ())
        except OSError as error:
            raise StorageError(
                f"{top} cannot be listed ({error.strerror})",
                "Check the folder and its permissions.",
            ) from error
        return Children(tuple(folders), tuple(objects))

    def read(self, key: str) -> bytes | None:
        """Return the object's content, or None if there is no such object."""
        try:
            return (self._root / key).read_bytes()
        except _MISSING:
            return None
        except OSError as error:
            self._fail(key, "read", error)

    def path(self, key: str) -> Path:
        """Return where the object lies, if it is there."""
        return self._root / key

    def stream(self, key: str, etag: str = "") -> Iterator[bytes]:
        """Yield the object's content in chunks."""
        try:
            with (self._root / key).open("rb") as file:
                while chunk := file.read(CHUNK):
                    yield chunk
        except _MISSING:
            raise object_gone(f"{self.url}/{key}") from None
        except OSError as error:
            self._fail(key, "read", error)

    def write(self, key: str, content: bytes) -> None:
        """Create or replace an object, in one step."""
        with self._replacing(key) as file:
            file.write(content)

    def upload(self, key: str, path: Path) -> None:
        """Create or replace an object with a file's content, in one step."""
        target = self._root / key
        aside = target.with_name(f"{_TEMPORARY}{uuid.uuid4().hex}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with path.open("rb") as source:
                try:
                    # On one disk a second name for the file does; nobody writes to it any more.
                    os.link(path, aside)
                except OSError:
                    with self._replacing(key) as file:
                        while chunk := source.read(CHUNK):
                            file.write(chunk)
                    return
                if self._durable:
                    os.fsync(source.fileno())
            try:
                aside.replace(target)
            finally:
                aside.unlink(missing_ok=True)
        except OSError as error:
            self._fail(key, "written", error)

    def delete(self, key: str) -> None:
        """Remove an object, if it is there, and the folders that this leaves empty."""
        target = self._root / key
        try:
            target.unlink()
        except _MISSING:
            return
        except OSError as error:
            self._fail(key, "removed", error)
        for parent in target.parents:
            if parent == self._root or self._root not in parent.parents:
                break
            try:
                parent.rmdir()
            except OSError:
                break

    @contextlib.contextmanager
    def _replacing(self, key: str) -> Iterator[Any]:
        target = self._root / key
        aside = target.with_name(f"{_TEMPORARY}{uuid.uuid4().hex}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with _open_aside(aside) as file:
                    yield file
                    file.flush()
                    if self._durable:
                        os.fsync(file.fileno())
                    if not aside.exists():
                        # A directory handle, unused with an absolute path, makes it linkat(2).
                        os.link(_path_of(file), aside, src_dir_fd=file.fileno())
                aside.replace(target)
            finally:
                aside.unlink(missing_ok=True)
        except OSError as error:
            self._fail(key, "written", error)

    def _fail(self, key: str, verb: str, error: OSError) -> NoReturn:
        raise StorageError(
            f"{self.url}/{key} cannot be {verb} ({error.strerror or error})",
            "Check that the folder is there, writable, and its disk not full.",
        ) from error


def _may_hold(folder: str, prefix: str) -> bool:
    return folder.startswith(prefix) or prefix.startswith(folder)


def _open_aside(path: Path) -> BinaryIO:
    """Open a file that has no name until it is linked, so that a killed process leaves nothing.

    Where the system cannot do that, the file has the name ``path`` from the start.
    """
    try:
        handle = os.open(path.parent, os.O_TMPFILE | os.O_WRONLY, 0o644)
    except (AttributeError, OSError):
        return path.open("wb")
    file = os.fdopen(handle, "wb")
    if not os.path.lexists(_path_of(file)):
        file.close()
        return path.open("wb")
    return file


def _path_of(file: BinaryIO) -> str:
    return f"/proc/self/fd/{file.fileno()}"


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, _MISSING):
        raise error
