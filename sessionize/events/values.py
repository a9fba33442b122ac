"""Raw values as columns of other types than text (contract §2, *Columns of one's own*)."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.arrays import ArrowExtensionArray

from sessionize.events.timestamps import parse_timestamps
from sessionize.landing.records import Kind
from sessionize.model.columns import Type
from sessionize.model.frames import TEXT, as_categorical, text
from sessionize.model.schemas import ARROW_TYPES

_NUMBER = re.compile(r"[+-]?\d{1,400}(\.\d{0,400})?([eE][+-]?\d{1,3})?", re.ASCII)


def read_values(
    texts: pd.Series, kind: Type, kinds: npt.NDArray[np.uint8] | None = None
) -> pd.Series:
    """Read texts, or the JSON texts of other values, as values of a type.

    A number given as a text fits; whole numbers may be written ``4.0``; ``true`` and ``false`` fit
    ``bool``; a number fits ``string``, as its text. What does not fit is null.

    Parameters
    ----------
    texts : Series
        Texts, in any of the ways in which frames hold them.
    kind : str
        The type.
    kinds : ndarray of uint8, optional
        The `Kind` of each; without it all are strings.
    """
    if kind == "timestamp":
        return parse_timestamps(texts, kinds)
    if kind == "string":
        if kinds is None or not (kinds == Kind.OTHER).any():
            return texts
        fits = pa.array(kinds != Kind.OTHER)
        return pd.Series(pd.array(pc.if_else(fits, text(texts), None), dtype=TEXT), texts.index)
    values = _cast_plain(text(texts), kind) if kind in _PLAIN else None
    if values is None:
        given = as_categorical(texts).cat
        read = pa.array([*map(_READERS[kind], given.categories), None], ARROW_TYPES[kind])
        values = read.take(pa.array(given.codes % len(read)))
    return pd.Series(ArrowExtensionArray(values), texts.index)


def _cast_plain(texts: pa.ChunkedArray, kind: Type) -> pa.ChunkedArray | None:
    """Read numbers that are written plainly all at once; None if some are not."""
    is_plain = pc.match_substring_regex(texts, _PLAIN[kind])
    if not pc.all(is_plain).as_py():
        return None
    return texts.cast(ARROW_TYPES[kind])


def _whole(bits: int) -> Callable[[str], int | None]:
    def read(text: str) -> int | None:
        number = _decimal(text)
        if number is None or number.adjusted() > 18 or number != number.to_integral_value():
            return None
        return int(number) if -(2**bits) <= number < 2**bits else None

    return read


def _double(text: str) -> float | None:
    number = float(text) if _NUMBER.fullmatch(text) else None
    return None if number is None or number in (float("inf"), -float("inf")) else number


def _decimal(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None


#: What Arrow reads as this project does: numbers that fit the type whatever their digits are.
_PLAIN: dict[str, str] = {
    "int32": "^-?[0-9]{1,9}$",
    "int64": "^-?[0-9]{1,18}$",
    "double": r"^-?[0-9]{1,17}(\.[0-9]{1,17})?$",
}

_READERS: dict[str, Callable[[str], object]] = {
    "int32": _whole(31),
    "int64": _whole(63),
    "double": _double,
    "bool": {"true": True, "false": False}.get,
}
