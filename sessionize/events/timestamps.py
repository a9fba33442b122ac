"""The raw ``timestamp``: epoch seconds to nanoseconds, or ISO 8601 (contract §2)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal

import numpy as np
import numpy.typing as npt
import pandas as pd

from sessionize.kernels.timestamps import UNITS, read_timestamps
from sessionize.landing import Kind
from sessionize.model.frames import in_one_array, text_buffers

#: The times that a time stamp can name: the years 1 to 9999.
_FIRST_MICROSECOND = -62_135_596_800_000_000
_LAST_MICROSECOND = 253_402_300_800_000_000 - 1

_NUMBER = re.compile(r"[+-]?\d{1,40}(\.\d{0,40})?([eE][+-]?\d{1,2})?", re.ASCII)
_LONGEST_ISO = 64
_EXACT = Context(prec=200)  # digits, more than any such number has
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_A_TIME = np.iinfo(np.int64).min


def parse_timestamps(
    texts: pd.Series, kinds: pd.Series | npt.NDArray[np.uint8] | None = None
) -> pd.Series:
    """Read time stamps.

    What is finer than a microsecond is rounded half to even in a number, and cut off in ISO 8601.
    A number is told by its magnitude: see `kernels.timestamps.UNITS`. A string may hold either;
    ISO 8601 without an offset is taken as UTC, a date as its midnight.

    Parameters
    ----------
    texts : Series
        Texts, in any of the ways in which frames hold them.
    kinds : Series or ndarray of uint8, optional
        The `Kind` of each; without it all are strings.

    Returns
    -------
    Series
        ``datetime64[us, UTC]``, with the index of ``texts``; NaT where there is no time.
    """
    if kinds is None:
        kinds = np.full(len(texts), Kind.STRING, np.uint8)
    kinds = np.asarray(kinds)
    is_string = kinds == Kind.STRING
    values = in_one_array(texts)
    times, is_known = np.empty(len(values), np.int64), np.empty(len(values), np.bool_)
    read_timestamps(*text_buffers(values), is_string, times, is_known)
    is_known &= (is_string | (kinds == Kind.NUMBER)) & (times <= _LAST_MICROSECOND)
    times[~is_known] = _NOT_A_TIME
    is_left = (is_string | (kinds == Kind.NUMBER)) & ~is_known
    for row in np.flatnonzero(is_left).tolist():
        value = values[row].as_py()
        time = None if value is None else _parse(value, is_string=bool(is_string[row]))
        if time is not None:
            times[row] = time
    return pd.Series(times.view("M8[us]"), texts.index).dt.tz_localize("UTC")


def _parse(value: str, *, is_string: bool) -> int | None:
    """Read one time stamp, exactly; None if it is not one."""
    value = value.strip()
    if _NUMBER.fullmatch(value):
        number = Decimal(value)
        power = next((power for below, power in UNITS if abs(number) < below), UNITS[-1][1])
        time = int(number.scaleb(power, _EXACT).to_integral_value(ROUND_HALF_EVEN))
    elif is_string and len(value) <= _LONGEST_ISO:
        try:
            moment = datetime.fromisoformat(value.upper())
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        time = (moment - _EPOCH) // timedelta(microseconds=1)
    else:
        return None
    return time if _FIRST_MICROSECOND <= time <= _LAST_MICROSECOND else None
