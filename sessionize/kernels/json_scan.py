"""A scan of JSON objects: where each record stands, and in it the value of each field."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sessionize.kernels.library import Native, address_of

ABSENT, STRING, NUMBER, OTHER = 0, 1, 2, 3
#: Added to `STRING` where the text has escapes.
ESCAPED = 4

#: The most unknown fields of a record; they are compared with each other.
MOST_UNKNOWN = 64

_WORD = 8
_FEWEST_SLOTS = 1 << 9

_scan_records = Native("scan_records")


class RecordScan:
    """The records found in a text, and room for more.

    Parameters
    ----------
    names : list of bytes
        The names of the known fields.
    rows : int
        The most records.
    levels : int
        How deep values may be nested in a record.

    Attributes
    ----------
    rows : int
        How many records there are.
    starts, ends : int64 arrays (rows,)
        Where each stands in the text.
    spans : int32 array (rows, fields, 2)
        Where its values stand; that of a string without its quotes.
    kinds : uint8 array (rows, fields)
        `ABSENT`, `STRING` (perhaps with `ESCAPED`), `NUMBER` or `OTHER`.
    extended, extended_ends : uint8 array, int64 array (rows,)
        The unknown fields of each record as a JSON object, nothing where there are none.
    """

    def __init__(self, names: list[bytes], rows: int, levels: int) -> None:
        self.rows = 0
        self.room = rows
        self.starts = np.empty(rows, np.int64)
        self.ends = np.empty(rows, np.int64)
        self.spans = np.empty((rows, len(names), 2), np.int32)
        self.kinds = np.empty((rows, len(names)), np.uint8)
        self.extended = np.empty(0, np.uint8)
        self.extended_ends = np.empty(rows, np.int64)
        self._texts = [np.frombuffer(name + bytes(_WORD), np.uint8) for name in names]
        self._names = np.array(list(map(_name, names, self._texts)), np.uint64)
        # Which field to expect after none, and after each.
        self._following = (np.arange(len(names) + 1) % len(names)).astype(np.int32)
        self._levels = np.empty(levels, np.uint8)
        self._unknown = np.empty((MOST_UNKNOWN, 2), np.int64)
        self._result = np.empty(2, np.int64)
        # What is the same in all calls, as the kernel takes it.
        self._fields = (address_of(self._names), len(names), address_of(self._following))
        self._places = (
            address_of(self.starts),
            address_of(self.ends),
            address_of(self.spans),
            address_of(self.kinds),
        )
        self._scratch = (
            address_of(self.extended_ends),
            address_of(self._levels),
            levels,
            address_of(self._unknown),
            address_of(self._result),
        )

    def take(
        self, text: npt.NDArray[np.uint8], at: int, limit: int, high: bool
    ) -> tuple[int, bool]:
        """Add records, one after the other, until one is not strict, breaks off, or has no room.

        Parameters
        ----------
        text : uint8 array
            The text of all records; it may have grown since the last call.
        at : int
            Where to begin.
        limit : int
            The longest record to take.
        high : bool
            Whether bytes above 127 may be taken: they are known to be UTF-8.

        Returns
        -------
        at : int
            Behind the last record taken.
        incomplete : bool
            Whether a record begins there that may go on behind the text.
        """
        # The unknown fields of all records are no longer than the text, but for a byte each.
        if len(self.extended) < len(text) + self.room:
            grown = np.empty(len(text) + self.room, np.uint8)
            written = int(self.extended_ends[self.rows - 1]) if self.rows else 0
            grown[:written] = self.extended[:written]
            self.extended = grown
        self.rows = _scan_records(
            text,
            len(text),
            at,
            limit,
            int(high),
            *self._fields,
            self.rows,
            self.room,
            *self._places,
            self.extended,
            *self._scratch,
        )
        return int(self._result[0]), bool(self._result[1])

    def add_blank(self, start: int, end: int) -> None:
        """Add a record that something else has read; nothing is known of it but its place."""
        row = self.rows
        self.starts[row], self.ends[row] = start, end
        self.kinds[row] = ABSENT
        self.extended_ends[row] = self.extended_ends[row - 1] if row else 0
        self.rows += 1

    def encode_field(
        self, text: npt.NDArray[np.uint8], field: int, wanted: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Number the values of a field in some records by their first appearance.

        Returns
        -------
        codes : int32 array (wanted,)
            The number of each record's value; 0 where there is none.
        firsts : int64 array
            The record in which each distinct value stands first.
        """
        codes = np.empty(len(wanted), np.int32)
        result = np.zeros(1, np.int64)
        slots = np.full(_FEWEST_SLOTS, -1, np.int32)
        # Two words, the size and the first row of each distinct value.
        entries = np.empty((_FEWEST_SLOTS // 2, 4), np.int64)
        row = known = 0
        while row < len(wanted):
            row = _encode_spans(
                text,
                len(text),
                self.spans,
                self.kinds,
                self.kinds.shape[1],
                field,
                wanted,
                len(wanted),
                row,
                slots,
                len(slots),
                entries,
                known,
                codes,
                result,
            )
            known = int(result[0])
            if known == len(entries):
                slots = np.full(4 * len(slots), -1, np.int32)
                entries = np.concatenate([entries, np.empty((3 * len(entries), 4), np.int64)])
                _refill_slots(entries, known, slots, len(slots))
        return codes, entries[:known, 3].copy()

    def texts_of_field(
        self, text: npt.NDArray[np.uint8], field: int, wanted: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
        """Return the values of a field in some records, as offsets and bytes."""
        fields = self.kinds.shape[1]
        offsets = np.empty(len(wanted) + 1, np.int32)
        size = _measure_spans(self.spans, self.kinds, fields, field, wanted, len(wanted), offsets)
        texts = np.empty(size, np.uint8)
        _copy_spans(text, self.spans, fields, field, wanted, len(wanted), offsets, texts)
        return offsets, texts


def _name(name: bytes, text: npt.NDArray[np.uint8]) -> list[int]:
    """Return what the kernel knows a name by, which stands in ``text``."""
    first, last = (int.from_bytes(part, "little") for part in (name[:_WORD], name[-_WORD:]))
    mask = (1 << 8 * min(len(name), _WORD)) - 1
    is_plain = all(0x20 <= byte <= 0x7E and byte not in b'"\\' for byte in name)
    return [text.ctypes.data, len(name), mask, first, last, is_plain]


_encode_spans = Native("encode_spans")
_refill_slots = Native("refill_slots")
_measure_spans = Native("measure_spans")
_copy_spans = Native("copy_spans")
