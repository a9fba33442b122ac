"""Time stamps in the forms that nearly all have; others are left to slower code."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sessionize.kernels.library import Native

_read_instants = Native("read_instants")


def read_instants(
    offsets: npt.NDArray[np.int32], data: npt.NDArray[np.uint8], is_string: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Read ``1486250584``, ``1486250584123``, ``1486250584.5`` and ``2017-02-04T23:23:04.5Z``.

    Numbers are read up to 15 digits before the point, and behind it six of seconds, three of
    milliseconds; ISO 8601 in UTC, from 1970 on, with six digits of a second.

    Parameters
    ----------
    offsets, data : int32 array, uint8 array
        The texts.
    is_string : bool array
        Which of them may be ISO 8601.

    Returns
    -------
    microseconds : int64 array
        Since the epoch.
    known : bool array
        Whether it could be told.
    """
    microseconds = np.empty(len(is_string), np.int64)
    known = np.empty(len(is_string), np.bool_)
    _read_instants(offsets, data, len(is_string), is_string, microseconds, known)
    return microseconds, known
