"""What reading gives: frames of records, and why some of them cannot be read."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from enum import IntEnum

import pandas as pd

from sessionize.kernels import json_scan
from sessionize.kernels.json_grammar import end_without_blank
from sessionize.model.reasons import Reason


class Kind(IntEnum):
    """What a record holds in a field."""

    ABSENT = json_scan.ABSENT
    """The field is missing, or null."""
    STRING = json_scan.STRING
    NUMBER = json_scan.NUMBER
    OTHER = json_scan.OTHER
    """true, false, an object or an array."""


@dataclass(frozen=True)
class Problem:
    """Why a record cannot be read.

    Attributes
    ----------
    reason : Reason
        The code for the quarantine.
    detail : str
        What is wrong, and where.
    """

    reason: Reason
    detail: str


@dataclass(frozen=True, eq=False)
class Records:
    """Records in landed order, of one object or several.

    Attributes
    ----------
    frame : DataFrame
        A row a record, with a RangeIndex. One column for each name in ``fields``: the decoded
        value of a string, the JSON text as it came of a number or other value, null where the
        field is absent or the record cannot be read; Arrow strings, or a categorical where few
        values are expected. And

        - ``extended``: the unknown fields as one JSON object, in their order, each value as it
          came; null where there are none;
        - ``object_key`` (categorical), ``position`` (int64): the record's object, and its place
          in it, from 0;
        - ``raw`` (Arrow binary): the record, and what is blank behind it: see `raw_bytes`;
        - ``reason`` (a `Reason`), ``detail``: why it cannot be read; null where it can.
    kinds : DataFrame
        A `Kind` (uint8) for each record and name in ``fields``.
    """

    frame: pd.DataFrame
    kinds: pd.DataFrame

    def __len__(self) -> int:
        return len(self.frame)


def raw_bytes(raw: pd.Series) -> list[bytes]:
    """Return records as they came.

    The column ``raw`` is cut out of the text at no cost, up to where the next record begins. What
    is blank between the two is left out here.

    Parameters
    ----------
    raw : Series
        The column ``raw`` of `Records`, or some rows of it.
    """
    return [text[: end_without_blank(text, 0, len(text))] for text in raw.tolist()]


def raw_text(raw: bytes) -> tuple[str, bool]:
    """Write a record as text.

    Returns
    -------
    text : str
        The record, or ``base64:`` and its bytes in base64 where they are not UTF-8.
    encoded : bool
        Whether it is in base64.
    """
    try:
        return raw.decode("utf-8"), False
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(raw).decode("ascii"), True
