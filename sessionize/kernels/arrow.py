"""Between Arrow's arrays of texts and the buffers that kernels take."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Offsets = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.uint8]


def text_buffers(texts: pa.StringArray) -> tuple[Offsets, Bytes]:
    """Return where each text begins, and behind the last where it ends, and the bytes of all."""
    _, offsets, data = texts.buffers()
    if offsets is None or not len(texts):
        return np.zeros(len(texts) + 1, np.int32), np.empty(0, np.uint8)
    every = np.frombuffer(offsets, np.int32)
    return (
        every[texts.offset : texts.offset + len(texts) + 1],
        np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8),
    )


def text_array(
    offsets: Offsets, data: Bytes, absent: npt.NDArray[np.bool_] | None = None
) -> pa.StringArray:
    """Return the texts that lie in ``data``, which must be UTF-8; null where they are absent."""
    validity, nulls = (None, 0) if absent is None else validity_of(absent)
    return pa.StringArray.from_buffers(
        len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(data), validity, nulls
    )


def validity_of(absent: npt.NDArray[np.bool_]) -> tuple[pa.Buffer | None, int]:
    """Return the bits of validity, None if nothing is absent, and how many are."""
    nulls = int(np.count_nonzero(absent))
    return (pa.py_buffer(np.packbits(~absent, bitorder="little")) if nulls else None), nulls
