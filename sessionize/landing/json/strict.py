"""The compiled scan of a text, and the room for what it finds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sessionize.kernels.json_scan import ABSENT, MOST_UNKNOWN, scan_records
from sessionize.landing.json.parsing import MAX_DEPTH
from sessionize.landing.json.tree import FieldTree


class Taken(NamedTuple):
    """How far a scan has come."""

    at: int
    """Behind the last record that it has taken."""
    line: int
    """The last line break that stands between or before those records; -1 if none does."""
    is_incomplete: bool
    """Whether the next record may break off only because the text does."""


class StrictScan:
    """The records that are gathered for one frame: where they stand, and what is in them.

    Parameters
    ----------
    tree : FieldTree
        The known fields.
    fields : int
        How many there are.
    room : int
        The most records.

    Attributes
    ----------
    rows : int
        How many records there are.
    starts : int32 array (1 + room,)
        Where each begins, and behind the last of them its end.
    spans : int32 array (fields, 2, room)
        Where values stand, strings without their quotes.
    kinds : uint8 array (fields, room)
        What they are: see `kernels.json_scan`.
    extended, extended_ends : uint8 array, int32 array (1 + room,)
        The unknown fields of each record as a JSON object, nothing where there are none.
    """

    def __init__(self, tree: FieldTree, fields: int, room: int) -> None:
        self.room = room
        self._tree = tree
        # Fields are expected in the order in which they are named, until records tell otherwise.
        self._following = np.arange(tree.tops + 1) % tree.tops if tree.tops else np.array([-1])
        self.spans = np.empty((fields, 2, room), np.int32)
        self._unknown = np.empty((MOST_UNKNOWN, 2), np.uintp)
        self._stack = np.empty((MAX_DEPTH - 1, 3), np.int64)
        self._entered = np.zeros(len(tree.sizes) + 1, np.int64)
        self.begin()

    def begin(self) -> None:
        """Forget the records; the arrays of the last ones, but ``spans``, stay as they are."""
        self.rows = 0
        self.starts = np.empty(self.room + 1, np.int32)
        self.kinds = np.full((len(self.spans), self.room), ABSENT, np.uint8)
        self.extended = np.empty(0, np.uint8)
        self.extended_ends = np.zeros(self.room + 1, np.int32)

    def take(self, text: bytes, at: int, limit: int, base: int) -> Taken:
        """Add records, one after the other, until one is not strict, breaks off, or has no room.

        Parameters
        ----------
        text : bytes
            What stands in it need not be UTF-8.
        at : int
            Where to begin.
        limit : int
            The longest record to take.
        base : int
            The place of this text among all texts of the frame.
        """
        self._make_room(len(text) - at)
        tree = self._tree
        self.rows, end, line, is_incomplete = scan_records(
            np.frombuffer(text, np.uint8), at, limit, base, tree.names, tree.sizes, tree.field,
            tree.children, self._following, self.rows, self.starts, self.spans, self.kinds,
            self.extended, self.extended_ends, self._unknown, self._stack, self._entered,
        )  # fmt: skip
        return Taken(end, line, is_incomplete)

    def add_blank(self, start: int, end: int) -> int:
        """Add a record of which nothing is known but its place; return its row."""
        row = self.rows
        self.starts[row : row + 2] = start, end
        self.spans[:, :, row] = 0
        self.extended_ends[row + 1] = self.extended_ends[row]
        self.rows += 1
        return row

    def cut(self, rows: int) -> None:
        """Forget the records behind the first ``rows``."""
        self.kinds[:, rows : self.rows] = ABSENT
        self.rows = rows

    def _make_room(self, text_size: int) -> None:
        """Make room for unknown fields: all of them are no longer than the text."""
        written = int(self.extended_ends[self.rows])
        needed = written + text_size + self.room - self.rows
        if len(self.extended) < needed:
            grown = np.empty(max(needed, 2 * len(self.extended)), np.uint8)
            grown[:written] = self.extended[:written]
            self.extended = grown
