"""A local folder as a store; objects are written aside and renamed."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from sessionize.lake.storage.base import CHUNK, StoredObject, object_gone
from sessionize.model.errors import StorageError

log = logging.getLogger(__name__)

_TEMPORARY = ".sessionize-"
#: What the system says of a key that names no file.
_MISSING = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class LocalStorage:
    """A folder; hidden temporary files beside an object are never listed.

    Files are objects. A link is what it leads to, as long as that lies inside the folder too; one
    that leads out of it, or nowhere, is an error, and so is a name that is not UTF-8. Pipes,
    sockets and devices are passed by with a warning.

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
        try:
            found = [*self._walk(f"{folder}/" if folder else "", prefix)]
        except OSError as error:
            place = error.filename or self._root / folder
            raise StorageError(
                f"{_shown(place)} cannot be listed ({error.strerror})",
                "Check the folder and its permissions.",
            ) from error
        # Bytewise, as S3 orders keys.
        yield from sorted(found, key=lambda entry: entry.key.encode())

    def read(self, key: str) -> bytes | None:
        """Return the object's content, or None if there is no such object."""
        try:
            with self._open(key) as file:
                return file.read()
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
            self._check_inside(self._root / key)
            with self._open(key) as file:
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

    def _walk(self, top: str, prefix: str) -> Iterator[StoredObject]:
        """Yield the objects below a folder, in any order; links are followed inside the root.

        What is neither file nor folder is no object: it could be read for ever.
        """
        self._check_inside(self._root / top)
        # Each folder with the real ones that it lies in: a link to one of them would lead in rings.
        folders: list[tuple[str, tuple[str, ...]]] = [(top, (os.path.realpath(self._root / top),))]
        while folders:
            inside, above = folders.pop()
            for entry in _scan(self._root / inside):
                key = inside + entry.name
                is_folder = entry.is_dir()
                if not (
                    # Only the folders that can hold such keys: there may be years of others.
                    _may_hold(f"{key}/", prefix)
                    if is_folder
                    else key.startswith(prefix) and not entry.name.startswith(_TEMPORARY)
                ):
                    continue
                if is_folder:
                    self._check(entry)
                    real = os.path.realpath(entry.path) if entry.is_symlink() else ""
                    if real in above:
                        raise StorageError(
                            f"{entry.path} is a link to a folder that it lies in",
                            "Remove it.",
                        )
                    real = real or f"{above[-1]}/{entry.name}"
                    folders.append((f"{key}/", (*above, real)))
                elif entry.is_file():
                    self._check(entry)
                    yield StoredObject(key, entry.stat().st_size)
                elif not entry.name.startswith("."):  # some editors leave links that lead nowhere
                    self._pass_by(entry)

    def _check(self, entry: os.DirEntry[str]) -> None:
        """Make sure that a file or folder has a name fit for a key, and lies inside the root."""
        try:
            entry.name.encode()
        except UnicodeEncodeError:
            raise StorageError(
                f"the name of {_shown(entry.path)} is not UTF-8, so it cannot be a key",
                "Rename it, or move it away.",
            ) from None
        if entry.is_symlink():
            self._check_inside(Path(entry.path))

    def _check_inside(self, path: Path) -> None:
        """Make sure that no link on the way to a place leads out of the root, or nowhere."""
        root, real = os.path.realpath(self._root), os.path.realpath(path)
        if os.path.commonpath([root, real]) != root:
            raise StorageError(
                f"{_shown(path)} is, or lies behind, a link out of {self.url}: it leads to "
                f"{_shown(real)}",
                "Move what it leads to into the folder, or remove the link.",
            )
        for place in (path, *path.parents):
            if place == self._root:
                return
            if place.is_symlink() and not place.exists():
                raise _leads_nowhere(str(place))

    def _pass_by(self, entry: os.DirEntry[str]) -> None:
        if entry.is_symlink() and not Path(entry.path).exists():
            raise _leads_nowhere(entry.path)
        if os.path.lexists(entry.path):
            log.warning("%s is neither file nor folder: passed by", _shown(entry.path))

    def _open(self, key: str) -> BinaryIO:
        """Open an object; what is no file is not waited for.

        Raises
        ------
        OSError
        """
        handle = os.open(self._root / key, os.O_RDONLY | os.O_NONBLOCK)
        if stat.S_ISREG(os.fstat(handle).st_mode):
            return os.fdopen(handle, "rb")
        os.close(handle)
        raise IsADirectoryError(errno.EISDIR, "Not a file", str(self._root / key))

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


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [*entries]
    except _MISSING:
        return []


def _shown(path: str | Path) -> str:
    """Return a path as it can be printed."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _leads_nowhere(path: str) -> StorageError:
    return StorageError(
        f"{_shown(path)} is a link to what is not there",
        "Restore what it leads to, or remove the link.",
    )
