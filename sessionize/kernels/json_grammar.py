"""What bytes mean in JSON text, said once: for the kernel, the framer and the regular expressions.

RFC 8259, and a byte-order mark counts as blank between records.
"""

from __future__ import annotations

import re

import numpy as np

#: White space inside records, and what may stand between them besides byte-order marks.
BLANK = b" \t\r\n"
NEWLINE = 0x0A
BOM = b"\xef\xbb\xbf"

#: Matches all that stands between records; it can be empty, but cannot fail.
match_between = re.compile(rb"(?:[%b]++|%b)*+" % (BLANK, BOM)).match

QUOTE, BACKSLASH, COMMA, COLON, MINUS, PLUS, POINT, ZERO = b'"\\,:-+.0'
OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY = b"{}[]"
#: Of both kinds of brackets, the closing one stands two characters behind the opening.
TO_CLOSING = CLOSE_OBJECT - OPEN_OBJECT

#: From here on a byte may stand in a string, if it is no quote or backslash.
FIRST_PRINTABLE = 0x20

#: What a byte can be, in the bits of `CLASSES`.
IS_BLANK, IS_DIGIT, IS_HEX, IS_ESCAPE, IS_PLAIN = 1, 2, 4, 8, 16


def _classes() -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    classes = np.zeros(256, np.uint8)
    for bit, members in (
        (IS_BLANK, BLANK),
        (IS_DIGIT, b"0123456789"),
        (IS_HEX, b"0123456789abcdefABCDEF"),
        (IS_ESCAPE, b'"\\/bfnrt'),  # behind a backslash; `u` goes on
        (IS_PLAIN, bytes(set(range(FIRST_PRINTABLE, 0x80)) - set(b'"\\'))),  # in a string: itself
    ):
        classes[list(members)] |= bit
    return classes


CLASSES = _classes()


def end_without_blank(text: bytes, start: int, end: int) -> int:
    """Return where a stretch of text ends without white space and byte-order marks behind it."""
    while end > start:
        if text[end - 1] in BLANK:
            end -= 1
        elif text.endswith(BOM, start, end):
            end -= len(BOM)
        else:
            break
    return end
