"""How kernels are compiled: every option of numba's that the package uses stands here.

The compiled code is kept in numba's own cache: beside the source, or where that cannot be written
in the user's cache folder (``NUMBA_CACHE_DIR`` names another). Numba notices a change of the file
in which a kernel stands, but not one of a *part* or constant that stands in another file, nor one
of the options below. So the parts of a kernel stand in its own file, and after a change here, or of
``json_grammar``, run ``python -m sessionize.kernels``, which forgets what was kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

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
        compiled = njit(**options)(function)
    KERNELS.append(compiled)
    return cast(_Function, compiled)
