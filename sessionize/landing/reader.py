"""From the bytes of landed objects to frames of records."""

from __future__ import annotations

import codecs
from collections.abc import Collection, Iterable, Iterator, Mapping

from sessionize.config import Landing
from sessionize.kernels.json_grammar import BOM, OPEN_OBJECT, end_without_blank
from sessionize.landing.batch import Batch
from sessionize.landing.compression.recognise import decompress
from sessionize.landing.json.framing import Frame, Framer
from sessionize.landing.json.parsing import parse
from sessionize.landing.json.window import Window
from sessionize.landing.records import Problem, Records
from sessionize.model.columns import FEW_VALUES
from sessionize.model.reasons import Reason

#: As much as an object of Firehose's mostly is, decompressed: that is then one frame.
BATCH_BYTES = 32 << 20

#: The longest record and batch that Arrow's 32-bit offsets bear, with room to spare.
_LONGEST_RECORD = 256 << 20

#: A frame has a record for every so many bytes at most, and may have so many in any case.
_SHORT_RECORD, _FEWEST_ROWS = 128, 1 << 10


def read_records(
    objects: Iterable[tuple[str, Iterable[bytes]]],
    fields: Mapping[str, str],
    landing: Landing,
    *,
    few_values: Collection[str] = FEW_VALUES,
    batch_bytes: int = BATCH_BYTES,
) -> Iterator[Records]:
    """Read objects, whatever they hold.

    Every byte of an object's text that is not white space (or a byte-order mark) stands in one
    record, in order; what cannot be read is a record with a reason, and costs no other record.

    Parameters
    ----------
    objects : iterable of (str, iterable of bytes)
        The key of each object, and its bytes as they landed, cut anywhere. What they raise goes
        through.
    fields : mapping of str to str
        Column name to the raw field that fills it.
    landing : Landing
        The limits ``max_record_size`` (at most 256 MiB count), ``max_object_size`` and
        ``max_object_records``.
    few_values : collection of str
        The columns in which few texts come again and again: they become categoricals.
    batch_bytes : int
        How much text is read at a time; at least half as much makes a frame. Memory is bounded by
        a small multiple of this or of the longest record, whichever is more.

    Yields
    ------
    Records
        At least one record each, of one object or, where they are small, of several.
    """
    batch_bytes = min(batch_bytes, _LONGEST_RECORD)
    limit = min(landing.max_record_size, _LONGEST_RECORD)
    batch = Batch(fields, few_values, max(_FEWEST_ROWS, batch_bytes // _SHORT_RECORD))
    for key, chunks in objects:
        window = Window(decompress(chunks), batch_bytes, landing.max_object_size)
        batch.begin_object(key)
        reader = _ObjectReader(window, batch, limit, landing.max_object_records, batch_bytes)
        yield from reader.read()
    if len(batch):
        yield batch.finish()


class _ObjectReader:
    """Frames and parses the records of one object, and adds them to a batch.

    The batch takes what is strictly well formed by itself. What it leaves is framed and parsed one
    by one; the framer would have found the same.
    """

    def __init__(
        self, window: Window, batch: Batch, limit: int, most: int, batch_bytes: int
    ) -> None:
        self._window = window
        self._framer = Framer(window, limit)
        self._batch = batch
        self._limit = limit
        self._most = most
        self._batch_bytes = batch_bytes

    def read(self) -> Iterator[Records]:
        """Yield a frame whenever one is full; the rest stays in the batch."""
        window, framer, batch = self._window, self._framer, self._batch
        at = 0
        while True:
            at = framer.skip_blank(at)
            if at >= self._batch_bytes or batch.is_full or len(window.data) - at < len(BOM):
                yield from self._pass(at)
                at = 0
                if len(window.data) < len(BOM) and window.more():
                    continue
                if not window.data:
                    break

            if batch.position == self._most:
                self._add_rest(at)
                at = 0
                break

            is_incomplete = False
            # What is no object is not even asked about: a text may be garbage line by line.
            if window.data[at] == OPEN_OBJECT and not framer.is_broken(at):
                behind, line, is_incomplete = batch.take(window.data, at, self._limit)
                if batch.position > self._most:
                    behind = batch.cut(self._most)
                if behind > at:
                    framer.pass_records(line)
                    at = behind
                    continue
            if is_incomplete:
                yield from self._pass(at)
                at = 0
                if len(window.data) <= self._limit and window.more():
                    continue

            frame = framer.next(at)
            if frame is None:
                break
            if frame.oversized:
                self._add_oversized(frame)
                at = 0
                yield from self._pass(at)
            else:
                batch.add(frame.start, frame.end, parse(window.data[frame.start : frame.end]))
                at = frame.end
        if window.problem:
            batch.add(at, end_without_blank(window.data, at, len(window.data)), window.problem)
        yield from self._pass(len(window.data))

    def _pass(self, at: int) -> Iterator[Records]:
        """Have the batch keep the text up to here, and go on behind it."""
        self._batch.keep(self._window.data, at)
        self._window.drop(at)
        # From half on a frame is done: a text is not joined to another one as long.
        if 2 * self._batch.held >= self._batch_bytes or self._batch.is_full:
            yield self._batch.finish()

    def _add_oversized(self, frame: Frame) -> None:
        """Add the head of a record that is too long, and go on behind it."""
        window, batch = self._window, self._batch
        head = _whole_characters(window.data[frame.start : frame.end])
        place = window.offset + frame.start
        batch.keep(window.data[: frame.start], frame.start)
        size = self._framer.skip()
        detail = f"{size} bytes at byte {place} of the text; the limit is {self._limit}"
        batch.add(0, len(head), Problem(Reason.RECORD_TOO_LARGE, detail))
        batch.keep(head, len(head))

    def _add_rest(self, at: int) -> None:
        """Add what is left of an object with too many records as one more, of which the head."""
        window, batch = self._window, self._batch
        while len(window.data) - at < self._limit and window.more():
            pass
        head = _whole_characters(window.data[at : at + self._limit])
        place = window.offset + at
        batch.keep(window.data[:at], at)
        window.drop(len(window.data))
        while window.more():
            window.drop(len(window.data))
        detail = (
            f"{window.offset - place} bytes at byte {place} of the text are left; the limit "
            f"is {self._most} records"
        )
        batch.add(0, len(head), Problem(Reason.TOO_MANY_RECORDS, detail))
        batch.keep(head, len(head))


def _whole_characters(text: bytes) -> bytes:
    """Leave out a UTF-8 character that is cut off at the end."""
    try:
        return text[: codecs.utf_8_decode(text, "strict", False)[1]]
    except UnicodeDecodeError:
        return text
