"""Each kernel called once, on next to nothing, with arrays of the types that it is used with."""

from __future__ import annotations

import numpy as np

from sessionize.kernels.boundaries import NO_LIMIT, find_sessions
from sessionize.kernels.json_scan import MOST_UNKNOWN, scan_records
from sessionize.kernels.spans import REMEMBERED, copy_spans, measure_spans, number_spans
from sessionize.kernels.timestamps import read_timestamps


def warm_up() -> None:
    """Compile all kernels, or load what numba's cache has of them."""
    text = np.frombuffer(b'{"a":1}', np.uint8)
    starts, ends = np.zeros(2, np.int32), np.zeros(2, np.int32)
    spans, kinds = np.zeros((1, 2, 1), np.int32), np.zeros((1, 1), np.uint8)
    names, sizes = np.frombuffer(b"a", np.uint8).reshape(1, 1).copy(), np.ones(1, np.int64)
    node_field, children = np.zeros(1, np.int64), np.zeros((1, 2), np.int64)
    following, unknown = np.zeros(2, np.int64), np.zeros((MOST_UNKNOWN, 2), np.uintp)
    stack, data = np.zeros((1, 3), np.int64), np.zeros(8, np.uint8)
    scan_records(
        text, 0, 8, 0, names, sizes, node_field, children, following, 0, starts, spans, kinds, data,
        ends, unknown, stack, following,
    )  # fmt: skip
    column = (spans[0, 0], spans[0, 1], kinds[0])
    offsets, codes = np.zeros(2, np.int32), np.zeros(1, np.int32)
    measure_spans(*column, offsets)
    copy_spans(text, spans[0, 0], offsets, data)
    number_spans(text, *column, codes, codes.copy(), np.full(REMEMBERED, -1, np.int32))
    times, is_known = np.zeros(1, np.int64), np.zeros(1, np.bool_)
    offsets.flags.writeable = False
    read_timestamps(offsets, text, is_known, times, is_known.copy())
    find_sessions(times, times, is_known, is_known, times - 1, times[:0], times[:0], 0, NO_LIMIT)
