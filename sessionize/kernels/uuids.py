"""UUIDs of version 5 (RFC 9562) by the thousand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sessionize.kernels.library import Native

UUID_SIZE = 36
#: Two numbers, three colons, and what SHA-1 pads with.
_MORE = 2 * 20 + 3 + 9 + 63 + 64

#: How many names are hashed at once.
LANES = 8

_name_uuids = Native("name_uuids")


def name_uuids(
    namespace: bytes,
    numbers: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int32],
    first_offsets: npt.NDArray[np.int32],
    first: npt.NDArray[np.uint8],
    second_offsets: npt.NDArray[np.int32],
    second: npt.NDArray[np.uint8],
) -> npt.NDArray[np.uint8]:
    """Return the UUIDs, 36 bytes each, of the names ``number:length:first:second`` in a name space.

    Parameters
    ----------
    namespace : bytes
    numbers, lengths : int64 array, int32 array
    first_offsets, first, second_offsets, second : int32 arrays, uint8 arrays
        The texts of each name.
    """
    rows = len(numbers)
    uuids = np.empty(rows * UUID_SIZE, np.uint8)
    if rows:
        longest = int((np.diff(first_offsets) + np.diff(second_offsets)).max())
        padded = np.zeros((LANES, len(namespace) + longest + _MORE), np.uint8)
        padded[:, : len(namespace)] = np.frombuffer(namespace, np.uint8)
        words = np.empty((6, LANES), np.int32)
        _name_uuids(
            numbers,
            lengths,
            rows,
            first_offsets,
            first,
            second_offsets,
            second,
            padded,
            padded.shape[1],
            len(namespace),
            words,
            uuids,
        )
    return uuids
