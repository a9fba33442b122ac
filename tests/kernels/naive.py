"""What each kernel does, written so that it is plain to see."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

BLANK = re.compile(rb"[ \t\r\n]*")
BETWEEN = re.compile(rb"(?:[ \t\r\n]|\xef\xbb\xbf)*")
STRING = re.compile(rb'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"')
NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
LITERAL = re.compile(rb"true|false|null")
NUMERIC = re.compile(r"([0-9]{1,19})(?:\.([0-9]{0,6}))?", re.ASCII)
ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z", re.ASCII)


class RefusedError(Exception):
    """The text is not what it must be."""


class Record(NamedTuple):
    start: int
    end: int
    values: dict[bytes, bytes]
    """The JSON text of each known field."""
    extended: bytes


def scan_records(text: bytes, names: list[bytes], levels: int, most_unknown: int) -> list[Record]:
    records: list[Record] = []
    at = 0
    while True:
        start = _end(BETWEEN, text, at)
        try:
            records.append(_record(text, start, names, levels, most_unknown))
        except (RefusedError, IndexError, UnicodeError):
            return records
        at = records[-1].end


def _record(text: bytes, at: int, names: list[bytes], levels: int, most_unknown: int) -> Record:
    if text[at] != ord("{"):
        raise RefusedError
    end, pairs = _members(text, at, levels)
    values = {name: value for name, value in pairs if name in names}
    unknown = [(name, value) for name, value in pairs if name not in names]
    distinct = {name for name, _ in unknown}
    if any(b"\\" in name for name, _ in pairs) or len(distinct) < len(unknown) > 0:
        raise RefusedError
    if len(unknown) > most_unknown:
        raise RefusedError
    extended = b",".join(b'"%b":%b' % pair for pair in unknown)
    return Record(at, end, values, b"{%b}" % extended if unknown else b"")


def _members(text: bytes, at: int, levels: int) -> tuple[int, list[tuple[bytes, bytes]]]:
    """Return where an object ends, and its names and values."""
    pairs = []
    at = _end(BLANK, text, at + 1)
    while text[at] != ord("}"):
        if pairs:
            at = _end(BLANK, text, _pass(text, at, b","))
        name_end = _string(text, at)
        value = _end(BLANK, text, _pass(text, _end(BLANK, text, name_end), b":"))
        end = _value(text, value, levels)
        pairs.append((text[at + 1 : name_end - 1], text[value:end]))
        at = _end(BLANK, text, end)
    return at + 1, pairs


def _value(text: bytes, at: int, levels: int) -> int:
    first = text[at : at + 1]
    if first == b'"':
        return _string(text, at)
    if first in (b"{", b"["):
        if not levels:
            raise RefusedError
        return _members(text, at, levels - 1)[0] if first == b"{" else _items(text, at, levels - 1)
    match = NUMBER.match(text, at) or LITERAL.match(text, at)
    if not match:
        raise RefusedError
    return match.end()


def _items(text: bytes, at: int, levels: int) -> int:
    at = _end(BLANK, text, at + 1)
    is_first = True
    while text[at] != ord("]"):
        if not is_first:
            at = _end(BLANK, text, _pass(text, at, b","))
        at = _end(BLANK, text, _value(text, at, levels))
        is_first = False
    return at + 1


def _string(text: bytes, at: int) -> int:
    match = STRING.match(text, at)
    if not match:
        raise RefusedError
    json.loads(match[0].decode()).encode()  # fails on half a surrogate pair
    return match.end()


def _pass(text: bytes, at: int, what: bytes) -> int:
    if text[at : at + 1] != what:
        raise RefusedError
    return at + 1


def _end(pattern: re.Pattern[bytes], text: bytes, at: int) -> int:
    match = pattern.match(text, at)
    assert match
    return match.end()


def number_values(values: list[bytes | None]) -> list[int]:
    """Number values by their first appearance; -1 where there is none."""
    distinct = list(dict.fromkeys(value for value in values if value is not None))
    return [-1 if value is None else distinct.index(value) for value in values]


def read_timestamp(text: str, *, is_string: bool) -> int | None:
    """Return the microseconds since the epoch."""
    if match := NUMERIC.fullmatch(text):
        whole, fraction = match.groups()
        for below, factor, digits in (
            (10**11, Decimal(10**6), 6),
            (10**14, Decimal(10**3), 3),
            (10**17, Decimal(1), 0),
            (2**63, Decimal("0.001"), 0),
        ):
            if int(whole) < below:
                if fraction is not None and (factor < 1 or len(fraction) > digits):
                    return None
                time = Decimal(text.removesuffix(".")) * factor
                return int(time.to_integral_value(ROUND_HALF_EVEN))
        return None
    if is_string and ISO.fullmatch(text):
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            return None
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        return (time - epoch) // timedelta(microseconds=1) if time >= epoch else None
    return None
