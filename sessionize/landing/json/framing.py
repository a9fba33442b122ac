"""Where each record begins and ends, in text that is whole, run together, or damaged.

A record is one JSON value at the top level. Objects and arrays are framed by their brackets, so
they may stand one a line, run together, or span lines. Other text is framed by lines. An object
that does not close, or breaks off, costs as little as can be told for certain: see `Framer.next`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from sessionize.kernels.json_grammar import (
    BLANK,
    BOM,
    CLOSE_OBJECT,
    NEWLINE,
    OPEN_OBJECT,
    end_without_blank,
    match_between,
)
from sessionize.landing.json.parsing import is_object
from sessionize.landing.json.scan import Scan, ScanState
from sessionize.landing.json.window import Window

#: What a line of a pretty-printed object begins with, besides a nested bracket or scalar.
_CONTINUATION = b'"}],:'
#: What stands before an object that is a value inside another.
_BEFORE_NESTED = b":,[{"

_INDENT = BLANK.replace(b"\n", b"")

_match_indent = re.compile(rb"[%b]*+" % _INDENT).match
_find_landmark = re.compile(rb'\n|(?<![:,\[{])\{(?=["}%b]|\Z)' % BLANK).search
_match_json_scalar = re.compile(
    rb'(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"|-?\d++(?:\.\d++)?(?:[eE][+-]?\d++)?|true|false|null)'
    rb"[%b]*+" % _INDENT
).match


class Frame(NamedTuple):
    """The place of a record in the window.

    An oversized one is given up to the limit only; `Framer.skip` passes it.
    """

    start: int
    end: int
    oversized: bool = False


class Framer:
    """Finds the records of a text, one after the other.

    What it finds depends on the text alone, not on how much of it the window holds.

    Parameters
    ----------
    window : Window
        The text. The framer reads on where it needs to, and drops nothing but in `skip`.
    limit : int
        The longest record, in bytes.

    Attributes
    ----------
    at_line_start : bool
        Whether nothing but blanks stands before the next record on its line.
    """

    def __init__(self, window: Window, limit: int) -> None:
        self.at_line_start = True
        self._window = window
        self._limit = limit
        self._indent = 0  # of the line on which the next record begins
        # Brackets that a failed scan has left open fail where it did. To know so without another
        # scan keeps nested damage from costing quadratic time. Places are those in the whole text.
        self._broken: dict[int, int] = {}
        self._broken_until = 0
        self._skip_from = 0
        self._skip_scan: Scan | None = None

    def is_broken(self, at: int) -> bool:
        """Tell whether the bracket at ``at`` is already known not to close."""
        return self._window.offset + at in self._broken

    def pass_records(self, line: int) -> None:
        """Note that someone else has taken records, which are well formed.

        Parameters
        ----------
        line : int
            The last line break that stands between or before them; -1 if none does.
        """
        if line >= 0:
            self.skip_blank(line)
        self.at_line_start = False

    def skip_blank(self, at: int) -> int:
        """Return the place of the next byte that is neither white space nor a BOM.

        Where less than a `BOM` is left behind it, more text can still change that.
        """
        data = self._window.data
        end = _matched(match_between(data, at))
        blank = data[at:end].replace(BOM, b"")
        newline = blank.rfind(b"\n")
        if newline >= 0:
            self.at_line_start = True
            self._indent = 0
        if self.at_line_start:
            self._indent += len(blank) - newline - 1
        return end

    def next(self, start: int) -> Frame | None:
        """Frame the record that begins at ``start``.

        An object or array that closes is a record, well formed or not. One that is broken, or
        never closes, is a damaged record, which ends before the next

        - line; but an object goes on over lines that are indented deeper than its first, or begin
          like the inside of an object, with a quote, a comma, a colon or a closing bracket;
        - well-formed object that is not the value of a key or item, and has either a ``}`` before
          it, or the line's end or another object behind it.

        Text that is neither object nor array ends with its line too. Where it begins a line, only
        an object with a ``}`` before it ends it, so that a log line that quotes one stays in one
        piece; or any object, if the text is itself one JSON value.

        Parameters
        ----------
        start : int
            A place that `skip_blank` has returned.

        Returns
        -------
        Frame or None
            None if the text is cut off, by `Window.problem`, before the record is known to end.
        """
        window = self._window
        if window.offset + start >= self._broken_until:
            self._broken.clear()
        frame: Frame | None = None
        if window.data[start] not in b"{[":
            frame = self._frame_damaged(start)
        elif scan := self._scan(start):
            if scan.at - start > self._limit:
                frame = self._oversized(start, scan)
            elif scan.state is ScanState.CLOSED:
                frame = Frame(start, scan.at)
            else:
                self._broken_until = window.offset + scan.at
                for opened in scan.opened:
                    self._broken[window.offset + opened] = self._broken_until
                frame = self._frame_damaged(start)
        self.at_line_start = False
        return frame

    def skip(self) -> int:
        """Pass the oversized record just framed, and drop it from the window.

        It ends where it closes or, if it is broken by it, before an opening brace; else with the
        line on which it breaks.

        Returns
        -------
        int
            The size of the record.
        """
        window, scan = self._window, self._skip_scan
        start = window.offset + self._skip_from
        at = self._skip_from + self._limit
        if scan is not None:
            while scan.state is ScanState.OPEN:
                window.drop(scan.at)
                if not window.more():
                    break
                scan.resume(window.data, 0)
            at = scan.at
            if scan.state is ScanState.CLOSED or window.data.startswith(b"{", at):
                window.drop(at)
                return window.offset - start
        while (newline := window.data.find(b"\n", at)) < 0:
            window.drop(len(window.data))
            at = 0
            if not window.more():
                return window.offset - start
        window.drop(newline)
        return window.offset - start

    def _scan(self, start: int) -> Scan | None:
        """Scan until the state is known or the limit is passed; None if the text is cut off."""
        window, scan = self._window, Scan(start)
        if place := self._broken.get(window.offset + start):
            scan.at, scan.state = place - window.offset, ScanState.BROKEN
            return scan
        while scan.resume(window.data) is ScanState.OPEN and scan.at - start <= self._limit:
            if not window.more():
                if window.problem:
                    return None
                scan.at, scan.state = len(window.data), ScanState.BROKEN
                break
        return scan

    def _oversized(self, start: int, scan: Scan | None) -> Frame:
        self._skip_from, self._skip_scan = start, scan
        return Frame(start, start + self._limit, oversized=True)

    def _frame_damaged(self, start: int) -> Frame | None:
        window = self._window
        is_object = window.data[start] == OPEN_OBJECT
        is_line_of_text = self.at_line_start and not is_object
        at, is_first_brace = start + 1, True
        while True:
            landmark = _find_landmark(window.data, at)
            place = landmark.start() if landmark else len(window.data)
            if place - start > self._limit:
                return self._oversized(start, None)
            ends: bool | None
            if landmark is None:
                at = place
                if window.more():
                    continue
                ends = None if window.problem else True
            elif window.data[place] == NEWLINE:
                ends = self._ends_at_line(start, place + 1) if is_object else True
            else:
                is_possible = not is_line_of_text or self._may_run_on(start, place, is_first_brace)
                ends = is_possible and self._ends_at_object(place)
                is_first_brace = False
            if ends is None:
                return None
            if ends:
                return Frame(start, end_without_blank(window.data, start, place))
            at = place + 1

    def _ends_at_line(self, start: int, line: int) -> bool | None:
        """Tell whether the damaged object ends before a line; None if the text is cut off."""
        window = self._window
        first = self._pass_indent(line, start + self._limit)
        if first - start > self._limit:
            return True
        if first == len(window.data):
            return None if window.problem else True
        is_inside = window.data[first] in _CONTINUATION or first - line > self._indent
        return window.data[first] == NEWLINE or not is_inside

    def _may_run_on(self, start: int, place: int, is_first_brace: bool) -> bool:
        """Tell whether an object may stand right behind text that begins a line."""
        data = self._window.data
        if data[self._last_before(place)] == CLOSE_OBJECT:
            return True
        scalar = _match_json_scalar(data, start, place) if is_first_brace else None
        return scalar is not None and scalar.end() == place

    def _ends_at_object(self, place: int) -> bool | None:
        """Tell whether an object here is a record by itself; None if the text is cut off."""
        window = self._window
        before = window.data[self._last_before(place)]
        if before in _BEFORE_NESTED:
            return False
        scan = self._scan(place)
        if scan is None:
            return None
        if scan.state is not ScanState.CLOSED or scan.at - place > self._limit:
            return False
        if not is_object(window.data[place : scan.at]):
            return False
        if before == CLOSE_OBJECT:
            return True
        behind = self._pass_indent(scan.at, scan.at + self._limit)
        if behind - scan.at > self._limit:
            return False
        if behind == len(window.data):
            return None if window.problem else True
        return window.data[behind] in b"\n{"

    def _last_before(self, place: int) -> int:
        data = self._window.data
        place -= 1
        while data[place] in BLANK:
            place -= 1
        return place

    def _pass_indent(self, at: int, furthest: int) -> int:
        """Return the place of the next byte that is not a blank, as far as it matters."""
        window = self._window
        end = _matched(_match_indent(window.data, at))
        while end == len(window.data) and end <= furthest and window.more():
            end = _matched(_match_indent(window.data, end))
        return end


def _matched(match: re.Match[bytes] | None) -> int:
    """Return the end of a match that can be empty but cannot fail."""
    assert match is not None
    return match.end()
