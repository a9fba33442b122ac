"""How the source is compiled: to machine code that needs nothing of numba's when it runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numba
from numba import types

from sessionize.kernels.library import Code

_OPTIONS = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def part(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a function that is compiled into the kernels that call it."""
    return numba.njit(**_OPTIONS)(function)


def compiled(kernel: Callable[..., int]) -> Code:
    """Compile a kernel, a function of whole numbers, for this machine's processor."""
    arguments = len(inspect.signature(kernel).parameters)
    signature = types.int64(*[types.int64] * arguments)
    dispatcher = numba.njit(signature, **_OPTIONS)(kernel)
    [overload] = dispatcher.overloads.values()
    _, kind, (content, _) = overload.library.serialize_using_object_code()
    assert kind == "object"
    return Code(content, overload.fndesc.llvm_func_name, arguments)
