"""From the bytes of one landed object to batches of records."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator

import numpy as np

from sessionize.config import FieldNames, Landing
from sessionize.landing.columns import Columns
from sessionize.landing.compression import decompress
from sessionize.landing.framing import BOM, Frame, Framer
from sessionize.landing.parsing import (
    MAX_DEPTH,
    UNREADABLE,
    Fields,
    decode_fields,
    find_flaw,
    is_nested_deeper,
    may_be_flawed,
    parse,
)
from sessionize.landing.records import Problem, RawBatch
from sessionize.landing.window import Window
from sessionize.reasons import Reason

BATCH_BYTES = 8 << 20

#: The longest record and batch that Arrow's 32-bit offsets bear, with room to spare.
_LONGEST_RECORD = 256 << 20

_CARRIAGE_RETURN = 13

#: The most records of a batch, however short they are.
_BATCH_ROWS = 1 << 16

#: Records whose fields are held as Python objects at a time: few enough for the cache.
_SLAB = 256


def read_batches(
    chunks: Iterable[bytes],
    fields: FieldNames,
    landing: Landing,
    batch_bytes: int = BATCH_BYTES,
) -> Iterator[RawBatch]:
    """Read an object, whatever it holds.

    Every byte of its text that is not white space (or a byte-order mark) stands in one record,
    in order; what cannot be read is a record with a problem, and costs no other record.

    Parameters
    ----------
    chunks : iterable of bytes
        The object as it landed, cut anywhere. What this raises goes through.
    fields : FieldNames
        Which raw field fills which column.
    landing : Landing
        The limits ``max_record_size`` (at most 256 MiB count) and ``max_object_size``.
    batch_bytes : int
        About how much text makes a batch. Memory is bounded by a small multiple of this or of
        the longest record, whichever is more.

    Yields
    ------
    RawBatch
        At least one record each; none at all for an object without text.
    """
    batch_bytes = min(batch_bytes, _LONGEST_RECORD)
    limit = min(landing.max_record_size, _LONGEST_RECORD)
    window = Window(decompress(chunks), batch_bytes, landing.max_object_size)
    return _Reader(window, fields, limit, batch_bytes).read()


class _Reader:
    """Frames and parses the records of a window, and gathers them into batches.

    In most objects a record ends at the next newline, or where ``}{`` comes next. So that is
    tried first: what parses from ``{`` to ``}`` is just what the framer would have found. The
    framer decides on everything else.
    """

    def __init__(self, window: Window, fields: FieldNames, limit: int, batch_bytes: int) -> None:
        self._window = window
        self._framer = Framer(window, limit)
        self._limit = limit
        self._surely_readable = min(limit, 2 * MAX_DEPTH)  # a level takes two bytes
        self._batch_bytes = batch_bytes
        self._columns = Columns(fields)
        self._first_position = 0
        self._slab: list[Fields] = []
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._problems: dict[int, Problem] = {}

    def read(self) -> Iterator[RawBatch]:
        window, framer = self._window, self._framer
        at = 0
        while True:
            at = framer.skip_blank(at)
            if len(self._starts) >= _BATCH_ROWS:
                yield from self._flush(window.data)
            if at >= self._batch_bytes or len(window.data) - at < len(BOM):
                yield from self._flush(window.data)
                window.drop(at)
                at = 0
                if len(window.data) < len(BOM) and window.more():
                    continue
                if not window.data:
                    break

            if separator := self._guess(at):
                behind = self._take_guessed(at, separator)
                if behind > at:
                    at = behind
                    continue
                if at > self._batch_bytes // 2 and window.data.find(separator, at) < 0:
                    yield from self._flush(window.data)
                    window.drop(at)
                    at = 0
                    if window.more():
                        continue

            frame = framer.next(at)
            if frame is None:
                break
            if frame.oversized:
                yield from self._flush(window.data)
                yield from self._read_oversized(frame)
                at = 0
            else:
                self._add(frame.start, frame.end, parse(window.data[frame.start : frame.end]))
                at = frame.end
        if window.problem:
            self._add(at, at + len(window.data[at:].rstrip(b" \t\r\n")), window.problem)
        yield from self._flush(window.data)

    def _guess(self, at: int) -> bytes | None:
        """Return what probably stands behind the record, if there is reason to think so.

        The guess is only made where the same has just stood before the record, so that looking
        for it passes no text twice.
        """
        if self._framer.at_line_start:
            return b"\n"
        return b"}{" if at and self._window.data.startswith(b"}{", at - 1) else None

    def _take_guessed(self, at: int, separator: bytes) -> int:
        """Take records, up to a slab, as long as each ends where it is guessed to."""
        data, slab, starts, ends = self._window.data, self._slab, self._starts, self._ends
        first, first_row = at, len(starts)
        kept = len(separator) - 1
        try:
            while len(slab) < _SLAB and (end := data.find(separator, at)) >= 0:
                stop = end + kept
                if data[stop - 1] == _CARRIAGE_RETURN:
                    stop -= 1
                record = data[at:stop]
                if not record.startswith(b"{") or not record.endswith(b"}"):
                    break
                if len(record) > self._surely_readable and (
                    len(record) > self._limit or is_nested_deeper(record, MAX_DEPTH)
                ):
                    break
                slab.append(decode_fields(record))
                starts.append(at)
                ends.append(stop)
                at = end + 1
        except UNREADABLE:
            pass
        if at > first:
            if separator == b"\n":
                self._framer.start_line()
            if may_be_flawed(data[first:at]):
                self._refuse_flawed(first_row)
            self._absorb(_SLAB)
        return at

    def _refuse_flawed(self, first_row: int) -> None:
        """Take back the rows from ``first_row`` on that the decoder should not have let pass."""
        first_in_slab = len(self._slab) - (len(self._starts) - first_row)
        spans = zip(self._starts[first_row:], self._ends[first_row:], strict=True)
        for row, (start, end) in enumerate(spans):
            if flaw := find_flaw(self._window.data[start:end]):
                self._problems[first_row + row] = flaw
                self._slab[first_in_slab + row] = {}

    def _add(self, start: int, end: int, parsed: Fields | Problem) -> None:
        if isinstance(parsed, Problem):
            self._problems[len(self._starts)] = parsed
            parsed = {}
        self._slab.append(parsed)
        self._starts.append(start)
        self._ends.append(end)
        self._absorb(_SLAB)

    def _absorb(self, at_least: int) -> None:
        if len(self._slab) >= at_least:
            self._columns.add(self._slab)
            self._slab.clear()

    def _read_oversized(self, frame: Frame) -> Iterator[RawBatch]:
        """Give a record that is too long a batch of its own, and go on behind it."""
        window = self._window
        head = _whole_characters(window.data[frame.start : frame.end])
        place = window.offset + frame.start
        size = self._framer.skip()
        detail = f"{size} bytes at byte {place} of the text; the limit is {self._limit}"
        self._add(0, len(head), Problem(Reason.RECORD_TOO_LARGE, detail))
        yield from self._flush(head)

    def _flush(self, text: bytes) -> Iterator[RawBatch]:
        """Yield the records gathered, which stand in ``text``, as a batch; none if none are."""
        if not self._starts:
            return
        self._absorb(1)
        columns, extended = self._columns.finish()
        batch = RawBatch(
            first_position=self._first_position,
            columns=columns,
            extended=extended,
            problems=self._problems,
            text=text,
            starts=np.array(self._starts, dtype=np.int64),
            ends=np.array(self._ends, dtype=np.int64),
        )
        self._first_position += len(batch)
        self._starts, self._ends, self._problems = [], [], {}
        yield batch


def _whole_characters(text: bytes) -> bytes:
    """Leave out a UTF-8 character that is cut off at the end."""
    try:
        return text[: codecs.utf_8_decode(text, "strict", False)[1]]
    except UnicodeDecodeError:
        return text
