"""A temporary folder of this process, which says by name that it is full or cannot be made."""

from __future__ import annotations

import contextlib
import errno
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sessionize.model.errors import StorageError

#: What the system says where a file can take no more: the disk, the user's share, the file itself.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder on local disk, and remove it with all that is in it, whatever happens.

    Raises
    ------
    StorageError
        If it cannot be made, or has no room for what is written into it.
    """
    with contextlib.ExitStack() as stack:
        try:
            made = tempfile.TemporaryDirectory(prefix="sessionize-", ignore_cleanup_errors=True)
            folder = Path(stack.enter_context(made))
        except OSError as error:
            raise _failed("cannot be used", error) from error
        try:
            yield folder
        except StorageError as error:  # of a store inside it
            if _is_full(error.__cause__) and str(folder) in error.fault:
                raise _failed("is full", error.__cause__) from error
            raise
        except OSError as error:
            if _is_full(error):
                raise _failed("is full", error) from error
            raise


def _is_full(error: BaseException | None) -> bool:
    return isinstance(error, OSError) and error.errno in _FULL


def _failed(how: str, error: BaseException | None) -> StorageError:
    try:
        place = f"the folder for temporary files, {tempfile.gettempdir()},"
    except OSError:
        place = "the folder for temporary files"
    why = error.strerror if isinstance(error, OSError) and error.strerror else error
    return StorageError(
        f"{place} {how} ({why})",
        "Make room there, or name a folder on a larger disk in the environment variable TMPDIR, "
        "and run the hour again.",
    )
