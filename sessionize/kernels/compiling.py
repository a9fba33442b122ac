"""How kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

_Kernel = TypeVar("_Kernel", bound=Callable[..., Any])


def kernel(function: _Kernel) -> _Kernel:
    """Compile a function at its first call, or load it from the cache.

    Integers wrap around in it as they do in numpy; where the cache can be written to nowhere, it is
    compiled in every process.
    """
    try:
        return cast(_Kernel, numba.njit(function, nogil=True, cache=True))
    except RuntimeError:  # numba has found no folder for its cache
        return cast(_Kernel, numba.njit(function, nogil=True))


#: A part of kernels that is compiled into each of them.
inlined = numba.njit
