"""A scan of JSON objects: where each record stands, and in it the value of each field.

It takes what is strictly well formed (RFC 8259), and stops where something else begins: that is
left to slower code. What it takes, that code would take in the same way.
"""

# mypy: disable-error-code="no-untyped-def,assignment"

from __future__ import annotations

import numpy as np

from sessionize.kernels.json_scan import ABSENT, ESCAPED, MOST_UNKNOWN, NUMBER, OTHER, STRING
from sessionize.kernels.source.compiling import part
from sessionize.kernels.source.memory import (
    byte_at,
    copy_bytes,
    int32_at,
    int64_at,
    plain_of_sixteen,
    put_byte,
    put_int32,
    put_int64,
    word_at,
)
from sessionize.kernels.source.texts import same_bytes

_INCOMPLETE = -1
_NOT_STRICT = -2

_QUOTE, _BACKSLASH, _COMMA, _COLON, _MINUS, _PLUS, _DOT, _ZERO = b'"\\,:-+.0'
_OPEN_OBJECT, _CLOSE_OBJECT, _OPEN_ARRAY, _CLOSE_ARRAY = b"{}[]"
_SPACE = 0x20
_TRUE, _FALSE, _NULL = (int.from_bytes(text, "little") for text in (b"true", b"false", b"null"))

#: A name is known by its address, its size, a mask for its first eight bytes, those, its last eight
#: bytes, and whether it stands in a text as it is.
_NAME = 48


def scan_records(
    text,
    size,
    at,
    limit,
    high,
    names,
    fields,
    following,
    row,
    rows,
    starts,
    ends,
    spans,
    kinds,
    extended,
    extended_ends,
    stack,
    levels,
    unknown,
    result,
):
    """Take records one after the other, until one is not strict, breaks off, or has no room.

    ``result`` is filled with where it stopped and whether a record may go on behind the text;
    returned is the first row that has not been filled.
    """
    end = text + size
    begin = extended + (int64_at(extended_ends + 8 * (row - 1)) if row else 0)
    incomplete = 0
    while row < rows:
        start = _skip_blank(end, text + at)
        if start >= end or byte_at(start) != _OPEN_OBJECT:
            break
        behind, written = _scan_record(
            start,
            end,
            high,
            text,
            names,
            fields,
            following,
            spans + row * fields * 8,
            kinds + row * fields,
            begin,
            stack,
            levels,
            unknown,
        )
        if behind < 0:
            incomplete = 1 if behind == _INCOMPLETE else 0
            break
        if behind - start > limit:
            break
        begin = written
        put_int64(extended_ends + 8 * row, written - extended)
        put_int64(starts + 8 * row, start - text)
        put_int64(ends + 8 * row, behind - text)
        at = behind - text
        row += 1
    put_int64(result, at)
    put_int64(result + 8, incomplete)
    return row


@part
def _scan_record(
    start, end, high, text, names, fields, following, spans, kinds, extended, stack, levels, unknown
):  # fmt: skip
    """Return where the record ends, or why it does not, and where its unknown fields do."""
    for field in range(fields):
        put_byte(kinds + field, ABSENT)
    written = extended
    unknowns = 0
    before = 0  # the field before, counted from 1
    i = _skip_space(end, start + 1)
    if i < end and byte_at(i) == _CLOSE_OBJECT:
        return i + 1, written
    while True:
        if i >= end:
            return _INCOMPLETE, written
        if byte_at(i) != _QUOTE:
            return _NOT_STRICT, written
        key = i + 1
        # Producers write their fields in one order: what came next in the record before is tried.
        field = np.int64(int32_at(following + 4 * before))
        key_end = _end_of_name(key, end, names + _NAME * field)
        if key_end:
            i = key_end + 1
        else:
            field = np.int64(-1)
            i, escaped = _skip_string(end, i, high)
            if i < 0:
                return i, written
            if escaped:
                return _NOT_STRICT, written
            key_end = i - 1
        i = _skip_space(end, i)
        if i >= end:
            return _INCOMPLETE, written
        if byte_at(i) != _COLON:
            return _NOT_STRICT, written
        i = _skip_space(end, i + 1)
        if i >= end:
            return _INCOMPLETE, written

        value = i
        first = byte_at(i)
        if first == _QUOTE:
            i, escaped = _skip_string(end, i, high)
            kind = STRING + ESCAPED if escaped else STRING
        elif first == _OPEN_OBJECT or first == _OPEN_ARRAY:
            i = _skip_nested(end, i, high, stack, levels)
            kind = OTHER
        else:
            i, kind = _skip_scalar(end, i)
        if i < 0:
            return i, written

        if field < 0:
            field = _find_name(key, key_end, names, fields)
        if field >= 0:
            put_int32(following + 4 * before, field)
            before = field + 1
            put_byte(kinds + field, kind)
            quote = 1 if first == _QUOTE else 0
            put_int32(spans + field * 8, value + quote - text)
            put_int32(spans + field * 8 + 4, i - quote - text)
        else:
            if unknowns == MOST_UNKNOWN:
                return _NOT_STRICT, written
            for other in range(unknowns):  # of a name that comes twice, slower code decides
                place = unknown + other * 16
                size = key_end - key
                if int64_at(place + 8) == size and same_bytes(int64_at(place), key, size):
                    return _NOT_STRICT, written
            put_int64(unknown + unknowns * 16, key)
            put_int64(unknown + unknowns * 16 + 8, key_end - key)
            unknowns += 1
            put_byte(written, _COMMA if unknowns > 1 else _OPEN_OBJECT)
            written = _copy(key - 1, key_end + 1, written + 1)
            put_byte(written, _COLON)
            written = _copy(value, i, written + 1)

        i = _skip_space(end, i)
        if i >= end:
            return _INCOMPLETE, written
        if byte_at(i) == _CLOSE_OBJECT:
            break
        if byte_at(i) != _COMMA:
            return _NOT_STRICT, written
        i = _skip_space(end, i + 1)
    if unknowns:
        put_byte(written, _CLOSE_OBJECT)
        written += 1
    return i + 1, written


@part
def _copy(start, end, to):
    copy_bytes(to, start, end - start)
    return to + end - start


@part
def _skip_blank(end, i):
    """Pass white space and byte-order marks."""
    while i < end:
        if _is_space(byte_at(i)):
            i += 1
        elif (
            byte_at(i) == 0xEF and i + 2 < end and byte_at(i + 1) == 0xBB and byte_at(i + 2) == 0xBF
        ):
            i += 3
        else:
            break
    return i


@part
def _skip_space(end, i):
    while i < end and _is_space(byte_at(i)):
        i += 1
    return i


@part
def _is_space(byte):
    return byte == 0x20 or byte == 0x0A or byte == 0x0D or byte == 0x09


@part
def _skip_string(end, i, high):
    """Pass the string whose quote stands at ``i``; tell whether it has escapes."""
    escaped = False
    i = _skip_plain(end, i + 1)
    while i < end:
        byte = byte_at(i)
        if byte == _QUOTE:
            return i + 1, escaped
        if byte == _BACKSLASH:
            escaped = True
            i = _skip_escape(end, i)
            if i < 0:
                return i, escaped
        elif byte < _SPACE or not high:
            return _NOT_STRICT, escaped
        else:
            i += 1
        i = _skip_plain(end, i)
    return _INCOMPLETE, escaped


@part
def _skip_plain(end, i):
    """Pass the printable ASCII that means nothing in a string, sixteen bytes at a time."""
    while i + 16 <= end:
        plain = plain_of_sixteen(i)
        i += plain
        if plain < 16:
            return i
    while i < end:
        byte = byte_at(i)
        if byte == _QUOTE or byte == _BACKSLASH or byte < _SPACE or byte > 127:
            break
        i += 1
    return i


@part
def _skip_escape(end, i):
    if i + 1 >= end:
        return _INCOMPLETE
    byte = byte_at(i + 1)
    if byte != 0x75:  # not u
        known = byte == _QUOTE or byte == _BACKSLASH or byte == 0x2F or byte == 0x62
        known = known or byte == 0x66 or byte == 0x6E or byte == 0x72 or byte == 0x74
        return i + 2 if known else _NOT_STRICT
    code = _code_unit(end, i)
    if code < 0:
        return code
    if code < 0xD800 or code > 0xDFFF:
        return i + 6
    if code > 0xDBFF:  # the second half of a pair without the first
        return _NOT_STRICT
    second = _code_unit(end, i + 6)
    if second < 0:
        return second
    return i + 12 if 0xDC00 <= second <= 0xDFFF else _NOT_STRICT


@part
def _code_unit(end, i):
    if i + 6 > end:
        return _INCOMPLETE
    if byte_at(i) != _BACKSLASH or byte_at(i + 1) != 0x75:
        return _NOT_STRICT
    code = 0
    for k in range(i + 2, i + 6):
        byte = byte_at(k)
        if 0x30 <= byte <= 0x39:
            digit = byte - 0x30
        elif 0x61 <= byte <= 0x66:
            digit = byte - 0x57
        elif 0x41 <= byte <= 0x46:
            digit = byte - 0x37
        else:
            return _NOT_STRICT
        code = code * 16 + digit
    return code


@part
def _skip_scalar(end, i):
    byte = byte_at(i)
    if byte == _MINUS or _is_digit(byte):
        return _skip_number(end, i), NUMBER
    if byte == 0x74:
        return _skip_literal(end, i, _TRUE, 4), OTHER
    if byte == 0x66:
        return _skip_literal(end, i, _FALSE, 5), OTHER
    if byte == 0x6E:
        return _skip_literal(end, i, _NULL, 4), ABSENT
    return _NOT_STRICT, OTHER


@part
def _skip_literal(end, i, literal, size):
    for k in range(size):
        if i + k >= end:
            return _INCOMPLETE
        if byte_at(i + k) != (literal >> (8 * k)) & 0xFF:
            return _NOT_STRICT
    return i + size


@part
def _is_digit(byte):
    return 0x30 <= byte <= 0x39


@part
def _skip_digits(end, i):
    while i < end and _is_digit(byte_at(i)):
        i += 1
    return i


@part
def _skip_number(end, i):
    if byte_at(i) == _MINUS:
        i += 1
    if i >= end:
        return _INCOMPLETE
    if not _is_digit(byte_at(i)):
        return _NOT_STRICT
    i = i + 1 if byte_at(i) == _ZERO else _skip_digits(end, i)
    if i < end and byte_at(i) == _DOT:
        digits = i + 1
        i = _skip_digits(end, digits)
        if i == digits:
            return _NOT_STRICT if i < end else _INCOMPLETE
    if i < end and (byte_at(i) == 0x65 or byte_at(i) == 0x45):
        i += 1
        if i < end and (byte_at(i) == _MINUS or byte_at(i) == _PLUS):
            i += 1
        digits = i
        i = _skip_digits(end, digits)
        if i == digits:
            return _NOT_STRICT if i < end else _INCOMPLETE
    return i if i < end else _INCOMPLETE


@part
def _skip_nested(end, i, high, stack, levels):
    """Pass the object or array that begins at ``i``."""
    depth = 0
    while True:
        # A value begins at i.
        byte = byte_at(i)
        opened = byte == _OPEN_OBJECT or byte == _OPEN_ARRAY
        if opened:
            if depth == levels:
                return _NOT_STRICT
            put_byte(stack + depth, byte)
            depth += 1
            i = _skip_space(end, i + 1)
            if i >= end:
                return _INCOMPLETE
            opened = (
                byte_at(i) != byte_at(stack + depth - 1) + 2
            )  # the closing bracket: it is empty
        elif byte == _QUOTE:
            i, _ = _skip_string(end, i, high)
            if i < 0:
                return i
        else:
            i, _ = _skip_scalar(end, i)
            if i < 0:
                return i
        if not opened:
            # Close what ends here, up to a comma.
            while True:
                i = _skip_space(end, i)
                if i >= end:
                    return _INCOMPLETE
                if byte_at(i) == _COMMA:
                    i = _skip_space(end, i + 1)
                    break
                if byte_at(i) != byte_at(stack + depth - 1) + 2:
                    return _NOT_STRICT
                depth -= 1
                i += 1
                if depth == 0:
                    return i
        if i >= end:
            return _INCOMPLETE
        if byte_at(stack + depth - 1) == _OPEN_OBJECT:
            if byte_at(i) != _QUOTE:
                return _NOT_STRICT
            i, _ = _skip_string(end, i, high)
            if i < 0:
                return i
            i = _skip_space(end, i)
            if i >= end:
                return _INCOMPLETE
            if byte_at(i) != _COLON:
                return _NOT_STRICT
            i = _skip_space(end, i + 1)
            if i >= end:
                return _INCOMPLETE


@part
def _end_of_name(key, end, name):
    """Return where the key ends, if it is the name and its quote follows; else 0."""
    size = int64_at(name + 8)
    if key + size + 8 > end or int64_at(name + 40) == 0:
        return 0
    if word_at(key) & np.uint64(int64_at(name + 16)) != np.uint64(int64_at(name + 24)):
        return 0
    if size > 8 and word_at(key + size - 8) != np.uint64(int64_at(name + 32)):
        return 0
    if size > 16 and not same_bytes(int64_at(name), key, size):
        return 0
    return key + size if byte_at(key + size) == _QUOTE else 0


@part
def _find_name(key, key_end, names, fields):
    """Return the number of the field that has the name; -1 if none has."""
    size = key_end - key
    for field in range(fields):
        name = names + _NAME * field
        if int64_at(name + 8) == size and same_bytes(int64_at(name), key, size):
            return field
    return -1
