"""The compiled kernels of this machine: loaded from a file, or compiled and kept in one.

numba has a cache of its own, but to load from it takes importing numba, which is longer than most
tasks run.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import importlib.metadata
import logging
import os
import platform
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

log = logging.getLogger(__name__)

_SOURCE = Path(__file__).parent / "source"
_FILE_FORMAT = 1
_loading = threading.Lock()
_keep_alive: list[Any] = []


class Code(msgspec.Struct, frozen=True):
    """The machine code of one kernel: an object file, what to call in it, with how many numbers."""

    content: bytes
    symbol: str
    arguments: int


class Native:
    """A kernel: a function of arrays and whole numbers that returns a whole number.

    Parameters
    ----------
    name : str
        Of the function in ``source``.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._function: Callable[..., int] | None = None

    def __call__(self, *arguments: Any) -> int:
        """Call the kernel. Its arrays must be of the right types and sizes: that is not checked."""
        if self._function is None:
            self._function = load()[self._name]
        result, error = ctypes.c_int64(), ctypes.c_void_p()
        status = self._function(
            ctypes.byref(result), ctypes.byref(error), *map(self._plain, arguments)
        )
        if status:
            raise RuntimeError(f"kernel {self._name} has failed with status {status}")
        return result.value

    def _plain(self, argument: Any) -> int:
        return address_of(argument) if isinstance(argument, np.ndarray) else argument


def address_of(array: np.ndarray[Any, Any]) -> int:
    """Return where an array lies; to know it beforehand spares many calls of a kernel some time.

    Raises
    ------
    ValueError
        If it has gaps.
    """
    if not array.flags.c_contiguous:
        raise ValueError("a kernel cannot be given an array with gaps")
    address: int = array.__array_interface__["data"][0]
    return address


_decode = msgspec.msgpack.Decoder(dict[str, Code]).decode


@functools.cache
def _loaded() -> dict[str, Callable[..., int]]:
    place = f"kernels-{_FILE_FORMAT}-{_fingerprint()}"
    for folder in _folders():
        try:
            codes = _decode((folder / place).read_bytes())
        except OSError:
            continue
        except msgspec.MsgspecError as error:
            log.warning("%s cannot be read: %r", folder / place, error)
            continue
        return _linked(codes)
    log.info("compiling the kernels, once on this machine: this takes some seconds")
    from sessionize.kernels.source import compile_all

    codes = compile_all()
    content = msgspec.msgpack.encode(codes)
    for folder in _folders():
        if _kept(folder / place, content):
            break
    return _linked(codes)


def load() -> dict[str, Callable[..., int]]:
    """Return the compiled kernels by name, compiled now if they never were on this machine."""
    with _loading:
        return _loaded()


def _linked(codes: dict[str, Code]) -> dict[str, Callable[..., int]]:
    """Load machine code into this process."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    for code in codes.values():
        engine.add_object_file(llvm.ObjectFileRef.from_data(code.content))
    engine.finalize_object()
    functions: dict[str, Callable[..., int]] = {}
    for name, code in codes.items():
        # numba's convention: the result and the error by reference, then the arguments.
        types = [ctypes.c_void_p, ctypes.c_void_p] + [ctypes.c_int64] * code.arguments
        prototype = ctypes.CFUNCTYPE(ctypes.c_int32, *types)
        functions[name] = prototype(engine.get_function_address(code.symbol))
    _keep_alive.append(engine)
    return functions


def _fingerprint() -> str:
    """Name what the machine code depends on: its source, the compiler and the processor."""
    import llvmlite.binding as llvm

    parts = [
        importlib.metadata.version("numba"),
        importlib.metadata.version("llvmlite"),
        platform.python_version(),
        platform.platform(),
        llvm.get_host_cpu_name(),
        llvm.get_host_cpu_features().flatten(),
        # The source takes constants from the modules that call it.
        *(path.read_text("utf-8") for path in sorted(_SOURCE.parent.rglob("*.py"))),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _folders() -> list[Path]:
    """Return where the machine code may lie: beside the source, or else in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return [Path(__file__).parent / "__pycache__", Path(cache) / "sessionize"]


def _kept(path: Path, content: bytes) -> bool:
    """Write a file in one step; tell whether that could be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(content)
        written = Path(file.name)
        written.chmod(0o644)
        written.replace(path)
    except OSError as error:
        log.debug("%s cannot be written: %s", path, error)
        return False
    return True
