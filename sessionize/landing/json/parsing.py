"""Strict JSON: one record's bytes to its fields, or the reason why it has none."""

from __future__ import annotations

import re

import msgspec

from sessionize.landing.records import Problem
from sessionize.model.reasons import Reason

#: Brackets inside brackets that a record may have. The parser's own limit depends on the stack.
MAX_DEPTH = 256

#: What a record's field names stand for: the JSON text of each value, checked but not decoded.
Fields = dict[str, msgspec.Raw]

#: Decodes an object to its `Fields`, but does not find every flaw: see `find_flaw`.
decode_fields = msgspec.json.Decoder(Fields).decode

#: What `decode_fields` raises.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_check_value = msgspec.json.Decoder(msgspec.Raw).decode

_SURROGATES = re.compile(rb"\\u[dD][89a-fA-F]")
_match_paired_escapes = re.compile(
    rb"(?:[^\\]++|\\(?:[^u]|\Z)|\\u(?![dD][89a-fA-F])"
    rb"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})*+",
    re.DOTALL,
).match
_find_brackets = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|([{\[])|([}\]])', re.DOTALL).finditer


def parse(record: bytes) -> Fields | Problem:
    """Read a record.

    Of a key that comes twice the last value counts, as in most parsers.

    Parameters
    ----------
    record : bytes
        What a frame holds.

    Returns
    -------
    dict of str to msgspec.Raw, or Problem
        Field name to the JSON text of the value, in the order of the record.
    """
    try:
        fields = decode_fields(record)
    except UNREADABLE as error:
        return find_flaw(record) or _refusal(record, error)
    return find_flaw(record) or fields


def is_object(record: bytes) -> bool:
    """Tell whether a record can be read."""
    return not isinstance(parse(record), Problem)


def find_flaw(record: bytes) -> Problem | None:
    """Look for what the decoder lets pass in values that it need not decode."""
    try:
        record.decode("utf-8")
    except UnicodeDecodeError as error:
        return Problem(Reason.NOT_TEXT, f"not UTF-8: {error.reason} at byte {error.start}")
    if _SURROGATES.search(record) and (end := _end_of_paired_escapes(record)) < len(record):
        return Problem(Reason.NOT_JSON, f"half of a surrogate pair at byte {end}")
    if is_nested_deeper(record, MAX_DEPTH):
        return Problem(Reason.NOT_JSON, f"nested deeper than {MAX_DEPTH} levels")
    return None


def is_nested_deeper(record: bytes, limit: int) -> bool:
    """Tell whether more brackets than ``limit`` are open at once anywhere."""
    if record.count(b"{") + record.count(b"[") <= limit:
        return False
    depth = 0
    for bracket in _find_brackets(record):
        if bracket.lastindex == 1:
            depth += 1
            if depth > limit:
                return True
        elif bracket.lastindex == 2:
            depth -= 1
    return False


def _refusal(record: bytes, error: Exception) -> Problem:
    if isinstance(error, msgspec.ValidationError):  # raised at the first byte of another type
        try:
            _check_value(record)
        except UNREADABLE as other:
            error = other
        else:
            return Problem(Reason.NOT_AN_OBJECT, str(error))
    if isinstance(error, RecursionError):
        return Problem(Reason.NOT_JSON, "nested too deep")
    detail = str(error).removeprefix("JSON is malformed: ")
    if detail == "Input data was truncated":
        detail = "the record breaks off"
    return Problem(Reason.NOT_JSON, detail)


def _end_of_paired_escapes(record: bytes) -> int:
    match = _match_paired_escapes(record)
    assert match is not None
    return match.end()
