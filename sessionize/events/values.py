"""Raw values as columns of other types than text (contract §2, *Columns of one's own*)."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

import pandas as pd
import pyarrow as pa
from pandas.arrays import ArrowExtensionArray

from sessionize.events.timestamps import parse_timestamps
from sessionize.model.columns import Type
from sessionize.model.frames import as_categorical
from sessionize.model.schemas import ARROW_TYPES

_NUMBER = re.compile(r"[+-]?\d{1,400}(\.\d{0,400})?([eE][+-]?\d{1,3})?", re.ASCII)


def read_values(texts: pd.Series, kind: Type) -> pd.Series:
    """Read texts, or the JSON texts of other values, as values of a type.

    A number given as a text fits; whole numbers may be written ``4.0``; ``true`` and ``false`` fit
    ``bool``. What does not fit is null. Each distinct text is read once.
    """
    if kind == "timestamp":
        return parse_timestamps(texts)
    given = as_categorical(texts).cat
    reader = _READERS[kind]
    values = pa.array([*map(reader, given.categories), None], ARROW_TYPES[kind])
    return pd.Series(ArrowExtensionArray(values.take(pa.array(given.codes % len(values)))))


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


_READERS: dict[str, Callable[[str], object]] = {
    "string": str,
    "int32": _whole(31),
    "int64": _whole(63),
    "double": _double,
    "bool": {"true": True, "false": False}.get,
}
