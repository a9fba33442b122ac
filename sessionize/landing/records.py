"""What reading an object gives: columns of records, and the records that cannot be read."""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sessionize.model.reasons import Reason


class Kind(IntEnum):
    """What a record holds in a field."""

    ABSENT = 0
    """The field is missing, or null."""
    STRING = 1
    NUMBER = 2
    OTHER = 3
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
class RawColumn:
    """One known field of a batch of records.

    A text is the decoded value of a string; the JSON text as it came of a number or other value;
    null where the field is absent. Texts are made when they are asked for: those of records that
    are not valid never are.

    Attributes
    ----------
    kind : ndarray of uint8, (n,)
        A `Kind` a record.
    read : callable
        Returns the texts of the rows that it is given: a StringArray, or a DictionaryArray of few
        distinct ones.
    """

    kind: npt.NDArray[np.uint8]
    read: Callable[[npt.NDArray[np.int64]], pa.Array]

    @functools.cached_property
    def text(self) -> pa.Array:
        """The texts of all rows, (n,)."""
        return self.read(np.arange(len(self.kind)))

    def take(self, rows: npt.NDArray[np.int64]) -> pa.Array:
        """Return the texts of these rows."""
        text = self.__dict__.get("text")
        if text is not None and pa.types.is_dictionary(text.type):
            return text.take(pa.array(rows))
        return self.read(rows)


@dataclass(frozen=True, eq=False)
class RawBatch:
    """Consecutive records of one object.

    Attributes
    ----------
    first_position : int
        The place of row 0 in the object, from 0; the others follow it.
    columns : dict of str to RawColumn
        By the name of the column that the field fills (`config.FieldNames`), n rows each.
    extended : pyarrow.StringArray, (n,)
        The unknown fields as one JSON object, in their order, each value as it came; null where
        there are none.
    problems : dict of int to Problem
        By row: the records that cannot be read. They are null in every column.
    text : bytes
        The text that the records stand in.
    starts, ends : ndarray of int64, (n,)
        Where each stands in it.
    """

    first_position: int
    columns: dict[str, RawColumn]
    extended: pa.StringArray
    problems: dict[int, Problem]
    text: bytes
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts)

    def raw_bytes(self, rows: npt.NDArray[np.int64]) -> list[bytes]:
        """Return the records of these rows as they came.

        Parameters
        ----------
        rows : ndarray of int64
            Row numbers, in any order.
        """
        spans = zip(self.starts[rows].tolist(), self.ends[rows].tolist(), strict=True)
        return [self.text[start:end] for start, end in spans]


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
