"""A local folder as a store; objects are written aside and put in their place in one step."""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import os
import stat
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, BinaryIO, NoReturn

from sessionize.lake.storage.base import (
    ABSENT,
    CHUNK,
    Children,
    PartRead,
    StoredObject,
    object_gone,
    overtaken,
    replaced_meanwhile,
)
from sessionize.model.errors import StorageError

log = logging.getLogger(__name__)

try:
    import fcntl
except ImportError:  # a system without such locks
    fcntl = None  # type: ignore[assignment]

#: The folder of names that are there for the moment before an object is put in its place.
_TEMPORARY = ".sessionize-tmp"
#: Release 0.1 had such names beside the objects.
_HIDDEN = ".sessionize-"
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
        with self._listing(folder):
            found = [*self._walk(f"{folder}/" if folder else "", prefix)]
        # Bytewise, as S3 orders keys.
        yield from sorted(found, key=lambda entry: entry.key.encode())

    def children(self, folder: str = "", after: str = "") -> Children:
        """Return what stands right below a folder; it is all on one page."""
        folders, objects = [], []
        with self._listing(folder):
            self._check_inside(self._root / folder)
            for entry in sorted(_scan(self._root / folder), key=lambda one: os.fsencode(one.name)):
                key = folder + entry.name
                if entry.is_dir() and entry.name != _TEMPORARY:
                    self._check(entry)
                    folders.append(f"{key}/")
                elif entry.is_file() and not entry.name.startswith(_HIDDEN):
                    self._check(entry)
                    known = entry.stat()
                    objects.append(_listed(key, known))
        return Children(tuple(folders), tuple(objects))

    def read(self, key: str) -> bytes | None:
        """Return the object's content, or None if there is no such object."""
        try:
            with self._open(key) as file:
                return file.read()
        except _MISSING:
            return None
        except OSError as error:
            self._fail(key, "read", error)

    def read_version(self, key: str) -> tuple[bytes | None, str]:
        """Return the object's content and version; None and `ABSENT` if there is no such object."""
        try:
            with (self._root / key).open("rb") as file:
                return file.read(), _version(os.fstat(file.fileno()))
        except _MISSING:
            return None, ABSENT
        except OSError as error:
            self._fail(key, "read", error)

    def read_part(self, key: str, begin: int, size: int, version: str = ABSENT) -> PartRead:
        """Return so many bytes from ``begin`` on, and the object's version."""
        try:
            with self._open(key) as file:
                found = _version(os.fstat(file.fileno()))
                if version not in (ABSENT, found):
                    raise replaced_meanwhile(f"{self.url}/{key}")
                file.seek(begin)
                return file.read(size), found
        except _MISSING:
            raise replaced_meanwhile(f"{self.url}/{key}") from None
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

    def write(self, key: str, content: bytes, replaces: str | None = None) -> str:
        """Create or replace an object, in one step; return its version."""
        with self._failing(key, "written"), self._aside() as (file, aside):
            file.write(content)
            self._save(file)
            return self._put_in_place(
                key, replaces, lambda name: _name(file, name), aside, lambda: io.BytesIO(content)
            )

    def upload(self, key: str, path: Path, replaces: str | None = None) -> str:
        """Write a file's content, as `write` does."""
        with self._failing(key, "written"), path.open("rb") as source:
            try:
                # On one disk a second name for the file does; nobody writes to it any more.
                if os.fstat(source.fileno()).st_dev == self._made_root().stat().st_dev:
                    self._save(source)
                    return self._put_in_place(
                        key,
                        replaces,
                        lambda name: os.link(path, name),
                        None,
                        lambda: path.open("rb"),
                    )
            except (NotImplementedError, PermissionError):
                pass  # a system without hard links
            with self._aside() as (file, aside):
                while chunk := source.read(CHUNK):
                    file.write(chunk)
                self._save(file)
                return self._put_in_place(
                    key, replaces, lambda name: _name(file, name), aside, lambda: path.open("rb")
                )

    def delete(self, key: str, version: str | None = None) -> None:
        """Remove an object, if it is there, and the folders that this leaves empty.

        With ``version``, only if it is that one.
        """
        target = self._root / key
        with self._failing(key, "removed"):
            if not target.is_file():
                return
            with self._locked():
                if version is not None and _version_of(target) != version:
                    return
                target.unlink(missing_ok=True)
                for parent in target.parents:
                    if parent == self._root or self._root not in parent.parents:
                        break
                    try:
                        parent.rmdir()
                    except OSError:
                        break

    def tidy(self) -> None:
        """Remove what writers that were killed have left, and nothing that one still writes."""
        if self._temporary.is_dir():
            with self._failing(_TEMPORARY, "tidied"), self._locked():
                self._remove_dead()

    def _put_in_place(
        self,
        key: str,
        replaces: str | None,
        give_name: Callable[[Path], None],
        aside: Path | None,
        content: Callable[[], IO[bytes]],
    ) -> str:
        """Let an object appear under its key, if what it replaces is there.

        Parameters
        ----------
        key : str
            The object's key.
        replaces : str or None
            The version to replace; None: whatever is there.
        give_name : callable
            Gives the finished file a name, which must be a new one.
        aside : Path or None
            The name that the file has already, on a system where it must have one.
        content : callable
            Opens the content, to hold it against what another has written.
        """
        target = self._root / key
        with self._locked():
            if replaces is not None and (found := _version_of(target)) != replaces:
                if found != ABSENT and _is_same(target, content):
                    return found
                raise overtaken(f"{self.url}/{key}")
            target.parent.mkdir(parents=True, exist_ok=True)
            if aside is None:
                try:
                    give_name(target)
                    return _version_of(target)
                except FileExistsError:
                    # A file cannot be named in place of another: a second name can be moved there.
                    aside = self._new_name()
                    give_name(aside)
            try:
                aside.replace(target)
            finally:
                aside.unlink(missing_ok=True)
                self._remove_dead()
            return _version_of(target)

    @contextlib.contextmanager
    def _listing(self, folder: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            place = error.filename or self._root / folder
            raise StorageError(
                f"{_shown(place)} cannot be listed ({error.strerror})",
                "Check the folder and its permissions.",
            ) from error

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
                    _may_hold(f"{key}/", prefix) and entry.name != _TEMPORARY
                    if is_folder
                    else key.startswith(prefix) and not entry.name.startswith(_HIDDEN)
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
                    known = entry.stat()
                    yield _listed(key, known)
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
    def _locked(self) -> Iterator[None]:
        """Be the only one, of all processes and threads, who replaces or removes an object here.

        The lock is on the folder itself: it leaves no file, and goes when its holder dies. Where
        the file system has no locks (NFS has none for folders), there is none.
        """
        handle = os.open(self._made_root(), os.O_RDONLY)
        try:
            if fcntl is not None:
                with contextlib.suppress(OSError):
                    fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    @contextlib.contextmanager
    def _aside(self) -> Iterator[tuple[BinaryIO, Path | None]]:
        """Open a new file, and yield its name too if the system cannot do without one.

        A file without a name vanishes with the process that writes it. One with a name is locked
        while it is written, so that `tidy` can tell the living from the dead.
        """
        try:
            handle = os.open(self._made_root(), os.O_TMPFILE | os.O_RDWR, 0o644)
        except (AttributeError, OSError):
            pass
        else:
            with os.fdopen(handle, "w+b") as file:
                if os.path.lexists(_path_of(file)):
                    yield file, None
                    return
        with self._locked():
            aside = self._new_name()
            file = aside.open("x+b")
            _lock_now(file)
        with file:
            try:
                yield file, aside
            finally:
                aside.unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    self._temporary.rmdir()

    def _remove_dead(self) -> None:
        """Remove temporary names whose writers are dead; the lock is held.

        A second name is only there while the lock is held, and a file that is being written is
        locked itself: what is neither has been left by a process that was killed.
        """
        with contextlib.suppress(FileNotFoundError):
            for path in list(self._temporary.iterdir()):
                with path.open("r+b") as file:
                    if _lock_now(file):
                        path.unlink()
            with contextlib.suppress(OSError):
                self._temporary.rmdir()

    @property
    def _temporary(self) -> Path:
        return self._root / _TEMPORARY

    def _new_name(self) -> Path:
        self._temporary.mkdir(exist_ok=True)
        return self._temporary / uuid.uuid4().hex

    def _made_root(self) -> Path:
        self._root.mkdir(parents=True, exist_ok=True)
        return self._root

    def _save(self, file: BinaryIO) -> None:
        if file.writable():
            file.flush()
        if self._durable:
            os.fsync(file.fileno())

    @contextlib.contextmanager
    def _failing(self, key: str, verb: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._fail(key, verb, error)

    def _fail(self, key: str, verb: str, error: OSError) -> NoReturn:
        raise StorageError(
            f"{self.url}/{key} cannot be {verb} ({error.strerror or error})",
            "Check that the folder is there, writable, and its disk not full.",
        ) from error


def _may_hold(folder: str, prefix: str) -> bool:
    return folder.startswith(prefix) or prefix.startswith(folder)


def _path_of(file: BinaryIO) -> str:
    return f"/proc/self/fd/{file.fileno()}"


def _name(file: BinaryIO, path: Path) -> None:
    # A directory handle, unused with an absolute path, makes it linkat(2).
    os.link(_path_of(file), path, src_dir_fd=file.fileno())


def _lock_now(file: IO[bytes]) -> bool:
    """Lock a file; False if somebody else has, or there are no locks here."""
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (AttributeError, OSError):
        return False
    return True


def _version_of(path: Path) -> str:
    try:
        return _version(path.stat())
    except _MISSING:
        return ABSENT


def _listed(key: str, found: os.stat_result) -> StoredObject:
    version = _version(found)
    return StoredObject(key, found.st_size, version=version, modified=found.st_mtime)


def _version(found: os.stat_result) -> str:
    return f"{found.st_ino}-{found.st_mtime_ns}-{found.st_size}"


def _is_same(path: Path, content: Callable[[], IO[bytes]]) -> bool:
    with path.open("rb") as found, content() as mine:
        while True:
            chunk = mine.read(CHUNK)
            if chunk != found.read(CHUNK):
                return False
            if not chunk:
                return True


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
