"""From the bytes of one landed object to batches of records."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator

from sessionize.config import FieldNames, Landing
from sessionize.landing.columns import Columns
from sessionize.landing.compression.recognise import decompress
from sessionize.landing.json.framing import BOM, Frame, Framer
from sessionize.landing.json.parsing import Fields, parse
from sessionize.landing.json.window import Window
from sessionize.landing.records import Problem, RawBatch
from sessionize.model.reasons import Reason

BATCH_BYTES = 8 << 20

#: The longest record and batch that Arrow's 32-bit offsets bear, with room to spare.
_LONGEST_RECORD = 256 << 20

#: A batch has a record for every so many bytes at most, and may have so many in any case.
_SHORT_RECORD, _FEWEST_ROWS = 128, 1 << 10


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

    The columns take what is strictly well formed by themselves. What they leave is framed and
    parsed one by one; the framer would have found the same.
    """

    def __init__(self, window: Window, fields: FieldNames, limit: int, batch_bytes: int) -> None:
        self._window = window
        self._framer = Framer(window, limit)
        self._limit = limit
        self._batch_bytes = batch_bytes
        self._columns = Columns(fields, max(_FEWEST_ROWS, batch_bytes // _SHORT_RECORD))
        self._first_position = 0
        self._problems: dict[int, Problem] = {}

    def read(self) -> Iterator[RawBatch]:
        window, framer = self._window, self._framer
        at = 0
        while True:
            at = framer.skip_blank(at)
            if self._columns.full:
                yield from self._flush(window.data)
            if at >= self._batch_bytes or len(window.data) - at < len(BOM):
                yield from self._flush(window.data)
                window.drop(at)
                at = 0
                if len(window.data) < len(BOM) and window.more():
                    continue
                if not window.data:
                    break

            incomplete = False
            if not framer.is_broken(at):
                behind, incomplete = self._columns.scan(window.data, at, self._limit)
                if behind > at:
                    framer.pass_record()
                    at = behind
                    continue
            if incomplete:
                if at > self._batch_bytes // 2:
                    yield from self._flush(window.data)
                    window.drop(at)
                    at = 0
                if len(window.data) - at <= self._limit and window.more():
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

    def _add(self, start: int, end: int, parsed: Fields | Problem) -> None:
        if isinstance(parsed, Problem):
            self._problems[len(self._columns)] = parsed
            parsed = {}
        self._columns.add(start, end, parsed)

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
        if not len(self._columns):
            return
        columns, extended, starts, ends = self._columns.finish(text)
        batch = RawBatch(
            first_position=self._first_position,
            columns=columns,
            extended=extended,
            problems=self._problems,
            text=text,
            starts=starts,
            ends=ends,
        )
        self._first_position += len(batch)
        self._problems = {}
        yield batch


def _whole_characters(text: bytes) -> bytes:
    """Leave out a UTF-8 character that is cut off at the end."""
    try:
        return text[: codecs.utf_8_decode(text, "strict", False)[1]]
    except UnicodeDecodeError:
        return text
