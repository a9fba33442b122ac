"""How kernels are compiled: every option of numba's that the package uses stands here.

The compiled code is kept in numba's own cache: beside the source, or where that cannot be written
in the user's cache folder (``NUMBA_CACHE_DIR`` names another), or else in one for temporary files.
Numba notices a change of the file in which a kernel stands, but not one of a *part* or constant
that stands in another file, nor one of the options below. So the parts of a kernel stand in its own
file, and after a change here, or of ``json_grammar``, run ``python -m sessionize.kernels``, which
forgets what was kept.
"""

from __future__ import annotations

import functools
import logging
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import config, njit
from numba.misc.appdirs import user_cache_dir

log = logging.getLogger(__name__)

_Function = TypeVar("_Function", bound=Callable[..., Any])

#: Kernels hold no lock while they run, and divide as numpy does: no test for zero.
_OPTIONS: dict[str, bool | str] = {"nogil": True, "error_model": "numpy"}

#: Without numba's runtime no references to arrays are counted, which takes a scan more than half
#: of its time; such code cannot make arrays. The option is numba's own, and is not documented.
_NO_COUNTING: dict[str, bool | str] = {**_OPTIONS, "_nrt": False}

#: All kernels of the modules that have been imported.
KERNELS: list[Any] = []


def kernel(function: _Function) -> _Function:
    """Compile a function of arrays and numbers at its first call."""
    return _cached(function, _OPTIONS)


def filling_kernel(function: _Function) -> _Function:
    """Compile a kernel that makes no arrays but fills those that it is given."""
    return _cached(function, _NO_COUNTING)


def part(function: _Function) -> _Function:
    """Compile a function into the filling kernels that call it, as if it were written there."""
    return cast(_Function, njit(**_NO_COUNTING, forceinline=True)(function))


def outlined_part(function: _Function) -> _Function:
    """Compile a part that is long or seldom called: in one place, not in each that calls it."""
    return cast(_Function, njit(**_NO_COUNTING)(function))


def forget() -> None:
    """Forget the compiled code that is kept of all kernels."""
    for dispatcher in KERNELS:
        if cache := getattr(dispatcher, "_cache", None):
            cache.flush()


def _cached(function: _Function, options: dict[str, bool | str]) -> _Function:
    try:
        compiled = njit(**options, cache=True)(function)
    except RuntimeError:  # nowhere a cache can be written: compiled anew in each process
        _warn()
        compiled = njit(**options)(function)
    KERNELS.append(compiled)
    return cast(_Function, compiled)


@functools.cache
def _warn() -> None:
    log.warning(
        "compiled code cannot be kept in any folder, so each process compiles it anew, for a "
        "quarter of a minute: name a folder that can be written in NUMBA_CACHE_DIR"
    )


def _choose_folder() -> None:
    """Have numba use a folder for temporary files where it would find none, or a wrong one.

    It takes the home of a user who has none for a folder that is called ``~``.
    """
    if config.CACHE_DIR or config.DISABLE_JIT:
        return
    of_user = Path(user_cache_dir("numba", appauthor=False))
    if _is_writable(Path(__file__).parent / "__pycache__"):
        return
    if of_user.is_absolute() and _is_writable(of_user):
        return
    try:
        folder = Path(tempfile.gettempdir()) / f"sessionize-kernels-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return
    # What lies in it is run: nobody else may have made it, or write there.
    if (
        found.st_uid == os.getuid()
        and stat.S_IMODE(found.st_mode) == 0o700
        and _is_writable(folder)
    ):
        config.CACHE_DIR = str(folder)


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


_choose_folder()
