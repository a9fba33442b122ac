"""Where a JSON object or array ends, in text that may be anything."""

from __future__ import annotations

import re
from enum import Enum, auto

from sessionize.kernels.json_grammar import (
    BACKSLASH,
    BLANK,
    CLOSE_ARRAY,
    CLOSE_OBJECT,
    COLON,
    COMMA,
    OPEN_ARRAY,
    OPEN_OBJECT,
    QUOTE,
    TO_CLOSING,
)

#: Brackets inside brackets; no parser goes as deep.
_DEEPEST = 1 << 16

# The grammar is wider than JSON's: any run of other characters counts as a scalar, and a value or
# a comma may be missing. So `{"a":tru}` closes where it seems to, and can be left to the parser to
# refuse. But what no slip of a producer explains is an error at once: a string across lines, or
# two values in a row, which is how a record that was cut short runs into the next one.
_SPACE = rb"[%b]*+" % BLANK
_STRING_BODY = rb'[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+'
_WORD = rb'[^%b"{}\[\],:]' % BLANK
_SCALAR = rb'(?:"' + _STRING_BODY + rb'"|' + _WORD + rb"++)" + _SPACE
_KEY = _SCALAR + rb":" + _SPACE

# One match passes all members, or items, up to the next bracket; how far it has come in the last
# one is told by the last of its empty groups.
_match_members = re.compile(
    _SPACE + rb"(?:" + _KEY + _SCALAR + rb"," + _SPACE + rb")*+"
    rb"(?:" + _KEY + rb"()(?:" + _SCALAR + rb"(?=\})())?)?"
).match
_match_items = re.compile(
    _SPACE + rb"(?:" + _SCALAR + rb"," + _SPACE + rb")*+(?:" + _SCALAR + rb"(?=\])())?"
).match
_match_space = re.compile(_SPACE).match
_match_string_body = re.compile(_STRING_BODY).match
_match_word = re.compile(_WORD + rb"*+").match

# What may come next.
_START, _KEY_OR_END, _COLON_NEXT, _VALUE, _ITEM_OR_END, _COMMA_OR_END = range(6)


class ScanState(Enum):
    """How a scan stands."""

    OPEN = auto()
    """More text is needed."""
    CLOSED = auto()
    BROKEN = auto()
    """The text cannot be one object or array."""


class Scan:
    """A scan of one object or array: linear, without recursion, resumed at any byte.

    Parameters
    ----------
    start : int
        The place of its first bracket in the text.

    Attributes
    ----------
    state : ScanState
        How it stands.
    at : int
        Where: behind the last bracket if closed, at the offending byte if broken.
    opened : list of int
        The places of the brackets that are open there.
    """

    def __init__(self, start: int) -> None:
        self.state = ScanState.OPEN
        self.at = start
        self.opened: list[int] = []
        self._brackets = bytearray()
        self._expect = _START
        self._inside: int | None = None  # the first byte of a scalar in which the text has ended

    def resume(self, text: bytes, at: int | None = None) -> ScanState:
        """Go on as far as the text goes.

        Parameters
        ----------
        text : bytes
            The text, as long as before or longer.
        at : int, optional
            Where in it to go on, if the text has been cut at its front.
        """
        if at is not None:
            self.at = at
        if self._inside is None or self._finish_scalar(text):
            self._run(text)
        return self.state

    def _run(self, text: bytes) -> None:
        at, expect, size = self.at, self._expect, len(text)
        opened, brackets = self.opened, self._brackets
        while True:
            if expect == _KEY_OR_END:
                members = _match_members(text, at)
                assert members is not None
                at = members.end()
                if members.lastindex:
                    expect = _VALUE if members.lastindex == 1 else _COMMA_OR_END
            elif expect == _ITEM_OR_END:
                items = _match_items(text, at)
                assert items is not None
                at = items.end()
                if items.lastindex:
                    expect = _COMMA_OR_END
            else:
                at = _end(_match_space(text, at))
            if at == size:
                break

            first = text[at]
            if first in (OPEN_OBJECT, OPEN_ARRAY):
                if expect not in (_START, _VALUE, _ITEM_OR_END) or len(opened) == _DEEPEST:
                    self.state = ScanState.BROKEN
                    break
                opened.append(at)
                brackets.append(first)
                expect = _KEY_OR_END if first == OPEN_OBJECT else _ITEM_OR_END
            elif first in (CLOSE_OBJECT, CLOSE_ARRAY):
                if not brackets or brackets.pop() != first - TO_CLOSING:
                    self.state = ScanState.BROKEN
                    break
                opened.pop()
                expect = _COMMA_OR_END
                if not brackets:
                    at += 1
                    self.state = ScanState.CLOSED
                    break
            elif first == COMMA and brackets:
                expect = _KEY_OR_END if brackets[-1] == OPEN_OBJECT else _ITEM_OR_END
            elif first == COLON and expect == _COLON_NEXT:
                expect = _VALUE
            elif first == COLON or expect in (_START, _COLON_NEXT, _COMMA_OR_END):
                self.state = ScanState.BROKEN
                break
            else:
                self._inside = first
                self.at, self._expect = at + (first == QUOTE), expect
                if not self._finish_scalar(text):
                    return
                at, expect = self.at, self._expect
                continue
            at += 1
        self.at, self._expect = at, expect

    def _finish_scalar(self, text: bytes) -> bool:
        """Pass the rest of a scalar; False if the text ends in it, or it is broken."""
        if self._inside == QUOTE:
            self.at = end = _end(_match_string_body(text, self.at))
            if end == len(text) or (text[end] == BACKSLASH and end + 1 == len(text)):
                return False
            if text[end] != QUOTE:
                self.state = ScanState.BROKEN
                return False
            self.at += 1
        else:
            self.at = _end(_match_word(text, self.at))
            if self.at == len(text):
                return False
        self._inside = None
        self._expect = _COLON_NEXT if self._expect == _KEY_OR_END else _COMMA_OR_END
        return True


def _end(match: re.Match[bytes] | None) -> int:
    """Return the end of a match that can be empty but cannot fail."""
    assert match is not None
    return match.end()
