"""The raw ``timestamp``: epoch seconds or milliseconds, or ISO 8601 (contract §2)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import numpy.typing as npt

from sessionize.kernels.arrow import text_buffers
from sessionize.kernels.instants import read_instants
from sessionize.landing import Kind, RawColumn

#: From this on a number is milliseconds: as seconds it would lie beyond the year 5138, as
#: milliseconds just below it lies March 1973.
_MILLISECONDS_FROM = 100_000_000_000
#: The instants that a time stamp can name: the years 1 to 9999.
_LAST_MICROSECOND = 253_402_300_800_000_000 - 1
_NUMBER = re.compile(r"[+-]?\d{1,40}(\.\d{0,40})?([eE][+-]?\d{1,2})?", re.ASCII)
_FIRST_MICROSECOND = -62_135_596_800_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_timestamps(
    column: RawColumn,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Read a column of raw time stamps.

    Returns
    -------
    microseconds : int64 array
        Since the epoch; 0 where the text is not a time.
    well_formed : bool array
    """
    is_string = column.kind == Kind.STRING
    is_text = is_string | (column.kind == Kind.NUMBER)
    offsets, data = text_buffers(column.text)
    result, well_formed = read_instants(offsets, data, is_string)
    well_formed &= is_text & (result <= _LAST_MICROSECOND)
    result[~well_formed] = 0
    for row in np.flatnonzero(is_text & ~well_formed).tolist():
        time = _parse(column.text[row].as_py(), is_string=bool(is_string[row]))
        if time is not None:
            result[row] = time
            well_formed[row] = True
    return result, well_formed


def _parse(text: str, *, is_string: bool) -> int | None:
    """Read one time stamp; None if it is not one.

    What is finer than a microsecond is rounded in a number and cut off in ISO 8601, as Python does.
    """
    text = text.strip()
    if _NUMBER.fullmatch(text):
        number = Decimal(text)
        scale = 1_000_000 if abs(number) < _MILLISECONDS_FROM else 1_000
        time = int((number * scale).to_integral_value(ROUND_HALF_EVEN))
    elif is_string and len(text) <= 64:
        try:
            moment = datetime.fromisoformat(text.upper())
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)  # ISO 8601 without an offset is taken as UTC
        time = (moment - _EPOCH) // timedelta(microseconds=1)
    else:
        return None
    return time if _FIRST_MICROSECOND <= time <= _LAST_MICROSECOND else None
