"""The files that belong to a release but not to the package: what Airflow reads, and the examples.

In a repository they stand beside the package, in a wheel inside of it. Either way they are those
of this release, and so those that a deployment should have.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sessionize.model.errors import ForeignFileError, StorageError

#: DAG files without the repository's own pipeline; it would run from 2017 on.
_PATTERNS = ("dags/*.py", "plugins/*", "examples/**/*")
_IGNORED = {"__pycache__", "lake"}


def shipped_files() -> Iterator[tuple[str, bytes]]:
    """Yield path and content of each file, in the order of paths."""
    package = Path(__file__).parent
    root = package / "shipped"
    if not root.is_dir():
        root = package.parent
    for path in sorted(path for pattern in _PATTERNS for path in root.glob(pattern)):
        relative = path.relative_to(root)
        if path.is_file() and not _IGNORED.intersection(relative.parts):
            yield relative.as_posix(), path.read_bytes()


def write_shipped(folder: Path, *, force: bool = False) -> list[str]:
    """Write the files into a folder, and an empty ``dags/pipelines`` for pipeline files.

    Parameters
    ----------
    folder : Path
        It is made if it is not there.
    force : bool
        Replace files that say something else.

    Returns
    -------
    list of str
        The paths that were written, relative to the folder; files that are there already, with the
        same content, are not among them.

    Raises
    ------
    ForeignFileError
        If a file is there with other content, and not ``force``; nothing has been written then.
    StorageError
        If the folder cannot be written.
    """
    try:
        files = [
            (path, content) for path, content in shipped_files() if _is_new(folder / path, content)
        ]
        others = [path for path, _ in files if (folder / path).exists()]
        if others and not force:
            raise ForeignFileError(
                f"{folder / others[0]} is there, and is not the one of this release"
                + (f" ({len(others)} files are like that)" if len(others) > 1 else ""),
                "Give --force to replace what differs, or write into another folder.",
            )
        (folder / "dags/pipelines").mkdir(parents=True, exist_ok=True)
        for path, content in files:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
    except OSError as error:
        raise StorageError(
            f"{folder} cannot be written ({error})", "Name a folder that you may write into."
        ) from error
    return [path for path, _ in files]


def _is_new(path: Path, content: bytes) -> bool:
    return not path.is_file() or path.read_bytes() != content
