"""The records that are gathered for one frame: of one object, or of many small ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import pairwise

import msgspec
import numpy as np
import pandas as pd

from sessionize.kernels.json_scan import ESCAPED
from sessionize.landing.columns import (
    decode_string,
    extended_column,
    field_column,
    raw_column,
    repeated_column,
    sparse_column,
)
from sessionize.landing.extended import object_text
from sessionize.landing.json.parsing import Fields
from sessionize.landing.json.strict import StrictScan, Taken
from sessionize.landing.json.tree import FieldTree
from sessionize.landing.records import Kind, Problem, Records
from sessionize.model.field_paths import parse_path

_NULL = b"null"
_KIND_OF_FIRST_BYTE = {**dict.fromkeys(b"-0123456789", Kind.NUMBER), ord('"'): Kind.STRING}


class Batch:
    """Records under construction.

    They stand in one text at a time, whose places `take` and `add` are given; `keep` ends its turn.

    Parameters
    ----------
    fields : mapping of str to str
        Column name to the path of the raw field: see `model.field_paths`.
    few_values : collection of str
        The columns that become categoricals.
    room : int
        The most records.

    Attributes
    ----------
    held : int
        About how many bytes of text are kept.
    """

    def __init__(self, fields: Mapping[str, str], few_values: Collection[str], room: int) -> None:
        self._few_values = few_values
        paths = list(dict.fromkeys(map(parse_path, fields.values())))
        self._field_of = {name: paths.index(parse_path(path)) for name, path in fields.items()}
        self._tree = FieldTree(paths)
        self._scan = StrictScan(self._tree, len(paths), room)
        self._objects: list[_Stretch] = []
        self._begin()

    def _begin(self) -> None:
        self.held = 0
        self._texts: list[memoryview] = []
        self._base = 0  # of the text whose turn it is: the bytes before it
        self._base_row = 0  # its first row
        self._replacements: list[dict[int, str | None]] = [{} for _ in self._scan.spans]
        self._extended: dict[int, str | None] = {}
        self._problems: dict[int, Problem] = {}

    def __len__(self) -> int:
        return self._scan.rows

    @property
    def is_full(self) -> bool:
        """Whether no record more can be added."""
        return self._scan.rows == self._scan.room

    @property
    def position(self) -> int:
        """The place of the next record in its object."""
        return self._objects[-1].position_of(len(self))

    def begin_object(self, key: str) -> None:
        """Note that the next records are those of another object."""
        if self._objects and self._objects[-1].first_row == len(self):
            self._objects.pop()
        self._objects.append(_Stretch(key, len(self), 0))

    def take(self, text: bytes, at: int, limit: int) -> Taken:
        """Add the records that stand strictly well formed from ``at`` on: see `StrictScan`."""
        return self._scan.take(text, at, limit, self._base)

    def cut(self, position: int) -> int:
        """Give back the records of this text from a place in the object on.

        Returns
        -------
        int
            Where in the text the first of them begins.
        """
        rows = len(self) - (self.position - position)
        self._scan.cut(rows)
        return int(self._scan.starts[rows]) - self._base

    def add(self, start: int, end: int, parsed: Fields | Problem) -> None:
        """Add one record that has been decoded, or cannot be."""
        row = self._scan.add_blank(self._base + start, self._base + end)
        if isinstance(parsed, Problem):
            self._problems[row] = parsed
            return
        for field, value in self._tree.take(parsed).items():
            if value != _NULL:
                kind = _KIND_OF_FIRST_BYTE.get(value[0], Kind.OTHER)
                self._scan.kinds[field, row] = kind
                is_string = kind is Kind.STRING
                self._replacements[field][row] = (
                    decode_string(value) if is_string else value.decode()
                )
        if parsed:
            self._extended[row] = object_text(parsed)

    def keep(self, text: bytes, size: int) -> None:
        """Keep the first ``size`` bytes of the text for the records in it, if there are any."""
        if len(self) > self._base_row:
            self._texts.append(memoryview(text)[:size])
            self._base += size
            self._base_row = len(self)
            self.held += len(text)

    def finish(self) -> Records:
        """Return the records, and begin anew within the same object."""
        scan, rows = self._scan, len(self)
        text = self._texts[0] if len(self._texts) == 1 else b"".join(self._texts)
        data = np.frombuffer(text, np.uint8)
        columns = {
            name: field_column(
                scan, field, data, self._replacements[field], has_few=name in self._few_values
            )
            for name, field in self._field_of.items()
        }
        problems = self._problems.items()
        frame = pd.DataFrame(
            {
                **columns,
                "extended": extended_column(scan, self._extended),
                **self._places(),
                "raw": raw_column(scan, text),
                "reason": sparse_column(rows, {row: p.reason.value for row, p in problems}),
                "detail": sparse_column(rows, {row: p.detail for row, p in problems}),
            },
            index=pd.RangeIndex(rows),
            copy=False,
        )
        kinds = scan.kinds[[*self._field_of.values()], :rows] & ~np.uint8(ESCAPED)
        records = Records(frame, pd.DataFrame(kinds.T, columns=[*self._field_of], copy=False))
        last = self._objects[-1]
        self._objects = [_Stretch(last.key, 0, last.position_of(rows))]
        scan.begin()
        self._begin()
        return records

    def _places(self) -> dict[str, object]:
        bounds = [*(stretch.first_row for stretch in self._objects), len(self)]
        counts = [end - start for start, end in pairwise(bounds)]
        shifts = np.repeat([stretch.position_of(0) for stretch in self._objects], counts)
        keys = [stretch.key for stretch in self._objects]
        return {
            "object_key": repeated_column(keys, counts),
            "position": np.arange(len(self)) + shifts,
        }


class _Stretch(msgspec.Struct, frozen=True):
    """The rows of one object in a frame."""

    key: str
    first_row: int
    first_position: int

    def position_of(self, row: int) -> int:
        return self.first_position + row - self.first_row
