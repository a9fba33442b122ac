"""A scan of JSON objects: where each record stands, and in it the value of each field.

It takes what is strictly well formed (RFC 8259), and stops where something else begins: that is
left to slower code. What it takes, that code would take in the same way.

Places in the text are unsigned: to index with them needs no test for being negative. Next to a
signed number they would become floats, hence ``_ONE`` and its like.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np
from numba import uint8, uintp

from sessionize.kernels.json_grammar import (
    BACKSLASH,
    BOM,
    CLASSES,
    CLOSE_OBJECT,
    COLON,
    COMMA,
    FIRST_PRINTABLE,
    IS_BLANK,
    IS_DIGIT,
    IS_ESCAPE,
    IS_HEX,
    IS_PLAIN,
    MINUS,
    NEWLINE,
    OPEN_ARRAY,
    OPEN_OBJECT,
    PLUS,
    POINT,
    QUOTE,
    TO_CLOSING,
    ZERO,
)
from sessionize.kernels.options import filling_kernel, outlined_part, part

#: What a record holds in a field; `ESCAPED` is added to `STRING` where the text has escapes.
ABSENT, STRING, NUMBER, OTHER = 0, 1, 2, 3
ESCAPED = 4

#: The most unknown fields of a record; they are compared with each other.
MOST_UNKNOWN = 64

#: Why a value could not be passed.
_INCOMPLETE, _NOT_STRICT = 1, 2

_NONE, _ONE, _TWO, _THREE, _FOUR, _SIX = (np.uintp(n) for n in (0, 1, 2, 3, 4, 6))
_BOM_SIZE = np.uintp(len(BOM))
_BOM, _TRUE, _FALSE, _NULL = (
    np.frombuffer(text, np.uint8) for text in (BOM, b"true", b"false", b"null")
)


@filling_kernel
def scan_records(
    text, at, limit, base, names, sizes, node_field, children, following, row, starts, spans, kinds,
    extended, extended_ends, unknown, stack, entered,
):  # fmt: skip
    """Take records one after the other, until one is not strict, breaks off, or has no room.

    Parameters
    ----------
    text : uint8 array
    at : int
        Where to begin.
    limit : int
        The longest record to take.
    base : int
        What to add to the places that are filled in.
    names, sizes, node_field, children : arrays
        The known fields: see `landing.json.tree.FieldTree`.
    following : int64 array (1 + nodes of the top level,)
        Which node to expect first, and after each (-1: none); it is kept up to date.
    row : int
        The first row to fill; how many there are is told by ``kinds``.
    starts, spans, kinds : int32 (1 + rows,), int32 (fields, 2, rows), uint8 (fields, rows)
        Filled in: where a record begins, and the last ends; where its values stand, a string
        without its quotes; what they are, all `ABSENT` beforehand.
    extended, extended_ends : uint8 array, int32 array (1 + rows,)
        Filled in: the unknown fields of each record as one JSON object, nothing without any. There
        must be room for the text and a byte a row.
    unknown, stack : uintp array (fields, 2), int64 array (depth, 3)
        Room for the unknown fields of a record, and for the brackets that are open in a value.
    entered : int64 array (nodes + 1,)
        The number of the record in which a node was found last that has others inside; at the end,
        that of the record before.

    Returns
    -------
    row : int
        The first that is not filled.
    at : int
        Behind the last record taken.
    line : int
        The last line break that stands between records taken or before them; -1 if none does.
    is_incomplete : bool
        Whether a record begins there that may go on behind the text.
    """
    at, limit = uintp(at), uintp(limit)
    written = uintp(extended_ends[row])
    line = np.int64(-1)
    fault = 0
    while row < kinds.shape[1]:
        start = _skip_between(text, at)
        if start >= uintp(len(text)) or text[start] != OPEN_OBJECT:
            break
        end, fault, after = _scan_record(
            text, start, base, names, sizes, node_field, children, following, uintp(row), spans,
            kinds, extended, written, unknown, stack, entered,
        )  # fmt: skip
        if fault or end - start > limit:
            for field in range(len(kinds)):
                kinds[uintp(field), uintp(row)] = ABSENT
            break
        for i in range(at, start):
            if text[i] == NEWLINE:
                line = np.int64(i)
        starts[uintp(row)] = base + start
        row += 1
        starts[uintp(row)] = base + end
        extended_ends[uintp(row)] = after
        at, written = end, after
    return row, np.int64(at), line, fault == _INCOMPLETE


@outlined_part
def _scan_record(
    text, i, base, names, sizes, node_field, children, following, row, spans, kinds, extended,
    written, unknown, stack, entered,
):  # fmt: skip
    """Pass the record that begins at ``i``; return where it and its unknown fields end."""
    end = uintp(len(text))
    unknowns = uintp(0)
    before = uintp(0)  # the node before, counted from 1
    entered[-1] += 1
    i = _skip(text, i + _ONE, IS_BLANK)
    if i < end and text[i] == CLOSE_OBJECT:
        return i + _ONE, 0, written
    while True:
        if i >= end:
            return i, _INCOMPLETE, written
        if text[i] != QUOTE:
            return i, _NOT_STRICT, written
        key = i + _ONE
        # Producers write their fields in one order: what came next in the record before is tried.
        node = following[before]
        if node >= 0 and _is_name(text, key, names, sizes, uintp(node)):
            key_end = key + uintp(sizes[uintp(node)])
        else:
            i, fault, is_escaped = _skip_string(text, i)
            if fault or is_escaped:
                return i, fault if fault else _NOT_STRICT, written
            key_end = i - _ONE
            node = _find_name(text, key, names, sizes, 0, len(following) - 1)
        i, fault = _skip_colon(text, key_end + _ONE)
        if fault:
            return i, fault, written

        value, first = i, text[i]
        quote = uintp(0)
        if first == QUOTE:
            i, fault, is_escaped = _skip_string(text, i)
            kind = STRING + ESCAPED if is_escaped else STRING
            quote = _ONE
        elif first == OPEN_OBJECT or first == OPEN_ARRAY:
            i, fault = _scan_nested(
                text, i, base, node, names, sizes, node_field, children, row, spans, kinds, stack,
                entered,
            )  # fmt: skip
            kind = OTHER
        else:
            i, fault, kind = _skip_scalar(text, i)
        if fault:
            return i, fault, written

        is_kept = True
        if node >= 0:
            following[before] = node
            before = uintp(node + 1)
            field = node_field[uintp(node)]
            if field >= 0:
                kinds[uintp(field), row] = kind
                spans[uintp(field), 0, row] = base + value + quote
                spans[uintp(field), 1, row] = base + i - quote
                is_kept = False
            if _leads_on(children, node):
                if _comes_again(entered, node):
                    return i, _NOT_STRICT, written
                is_kept = is_kept or first == OPEN_OBJECT
        if is_kept:
            # Of a name that comes twice, slower code decides.
            if unknowns == MOST_UNKNOWN or _is_known(text, key, key_end, unknown, unknowns):
                return i, _NOT_STRICT, written
            unknown[unknowns, 0], unknown[unknowns, 1] = key, key_end
            extended[written] = COMMA if unknowns else OPEN_OBJECT
            unknowns += _ONE
            written = _copy(text, key - _ONE, key_end + _ONE, extended, written + _ONE)
            extended[written] = COLON
            written = _copy(text, value, i, extended, written + _ONE)

        i = _skip(text, i, IS_BLANK)
        if i >= end:
            return i, _INCOMPLETE, written
        if text[i] == CLOSE_OBJECT:
            break
        if text[i] != COMMA:
            return i, _NOT_STRICT, written
        i = _skip(text, i + _ONE, IS_BLANK)
    if unknowns:
        extended[written] = CLOSE_OBJECT
        written += _ONE
    return i + _ONE, 0, written


@part
def _skip_between(text, i):
    """Pass white space and byte-order marks."""
    while True:
        i = _skip(text, i, IS_BLANK)
        if i + _BOM_SIZE > uintp(len(text)) or not _are_same(text, i, _BOM, _NONE, _BOM_SIZE):
            return i
        i += _BOM_SIZE


@part
def _skip(text, i, kind):
    """Pass the bytes of a kind."""
    while i < uintp(len(text)) and CLASSES[text[i]] & kind:
        i += _ONE
    return i


@part
def _are_same(text, i, other, j, size):
    """Tell whether both texts hold the same bytes at these places."""
    for k in range(size):  # noqa: SIM110
        if text[i + k] != other[j + k]:
            return False
    return True


@part
def _copy(text, start, end, to, at):
    for i in range(start, end):
        to[at] = text[i]
        at += _ONE
    return at


@part
def _is_name(text, i, names, sizes, field):
    """Tell whether the field's name and a quote stand at ``i``."""
    size = uintp(sizes[field])
    if i + size >= uintp(len(text)) or text[i + size] != QUOTE:
        return False
    return _are_same(text, i, names[field], _NONE, size)


@outlined_part
def _find_name(text, i, names, sizes, first, behind):
    """Return the node, of some that stand together, whose name stands at ``i``, or -1."""
    for node in range(first, behind):
        if _is_name(text, i, names, sizes, uintp(node)):
            return node
    return -1


@part
def _leads_on(children, node):
    """Tell whether other nodes are inside of this one."""
    return children[uintp(node), 1] > children[uintp(node), 0]


@part
def _comes_again(entered, node):
    """Tell whether the record has had the node before: what counts then, slower code decides."""
    comes_again = entered[uintp(node)] == entered[-1]
    entered[uintp(node)] = entered[-1]
    return comes_again


@outlined_part
def _is_known(text, key, key_end, unknown, unknowns):
    """Tell whether a name is one of the unknown fields that came before."""
    for n in range(unknowns):
        start = unknown[n, 0]
        size = unknown[n, 1] - start
        if size == key_end - key and _are_same(text, start, text, key, size):
            return True
    return False


@part
def _skip_colon(text, i):
    """Pass what stands between a name and its value."""
    i = _skip(text, i, IS_BLANK)
    if i >= uintp(len(text)):
        return i, _INCOMPLETE
    if text[i] != COLON:
        return i, _NOT_STRICT
    i = _skip(text, i + _ONE, IS_BLANK)
    return i, 0 if i < uintp(len(text)) else _INCOMPLETE


@part
def _skip_string(text, i):
    """Pass the string whose quote stands at ``i``; tell why not, and whether it has escapes."""
    end = uintp(len(text))
    is_escaped = False
    i = _skip_plain(text, i + _ONE)
    while i < end:
        byte = text[i]
        if byte == QUOTE:
            return i + _ONE, 0, is_escaped
        if byte == BACKSLASH:
            is_escaped = True
            i, fault = _skip_escape(text, i)
        elif byte < FIRST_PRINTABLE:
            fault = _NOT_STRICT
        else:
            i, fault = _skip_character(text, i)
        if fault:
            return i, fault, is_escaped
        i = _skip_plain(text, i)
    return i, _INCOMPLETE, is_escaped


@part
def _skip_plain(text, i):
    """Pass the printable ASCII that means nothing in a string; four steps at once are quicker."""
    while i + _FOUR <= uintp(len(text)) and (
        CLASSES[text[i]]
        & CLASSES[text[i + _ONE]]
        & CLASSES[text[i + _TWO]]
        & CLASSES[text[i + _THREE]]
        & IS_PLAIN
    ):
        i += _FOUR
    return _skip(text, i, IS_PLAIN)


@outlined_part
def _skip_character(text, i):
    """Pass a character of several bytes, which must be UTF-8 as Unicode defines it (table 3-7)."""
    first = text[i]
    lowest, highest = 0x80, 0xBF  # of the second byte
    if 0xC2 <= first <= 0xDF:
        size = _ONE + _ONE
    elif 0xE0 <= first <= 0xEF:
        size = uintp(3)
        if first == 0xE0:
            lowest = 0xA0  # else it is too long a form
        elif first == 0xED:
            highest = 0x9F  # else it is half of a surrogate pair
    elif 0xF0 <= first <= 0xF4:
        size = uintp(4)
        if first == 0xF0:
            lowest = 0x90
        elif first == 0xF4:
            highest = 0x8F  # else it is beyond U+10FFFF
    else:
        return i, _NOT_STRICT
    if i + size > uintp(len(text)):
        return i, _INCOMPLETE
    if text[i + _ONE] < lowest or text[i + _ONE] > highest:
        return i, _NOT_STRICT
    for k in range(_TWO, size):
        if text[i + k] < 0x80 or text[i + k] > 0xBF:
            return i, _NOT_STRICT
    return i + size, 0


@outlined_part
def _skip_escape(text, i):
    end = uintp(len(text))
    if i + _ONE >= end:
        return i, _INCOMPLETE
    if text[i + _ONE] != ord("u"):
        return i + _TWO, 0 if CLASSES[text[i + _ONE]] & IS_ESCAPE else _NOT_STRICT
    unit, fault = _code_unit(text, i)
    if fault or unit < 0xD800 or unit > 0xDFFF:
        return i + _SIX, fault
    if unit > 0xDBFF:  # the second half of a pair without the first
        return i, _NOT_STRICT
    unit, fault = _code_unit(text, i + _SIX)
    return i + _SIX + _SIX, fault if fault or 0xDC00 <= unit <= 0xDFFF else _NOT_STRICT


@outlined_part
def _code_unit(text, i):
    if i + _SIX > uintp(len(text)):
        return 0, _INCOMPLETE
    if text[i] != BACKSLASH or text[i + _ONE] != ord("u"):
        return 0, _NOT_STRICT
    unit = 0
    for k in range(_TWO, _SIX):
        byte = text[i + k]
        if not CLASSES[byte] & IS_HEX:
            return 0, _NOT_STRICT
        unit = unit * 16 + (byte & 0xF) + (9 if byte > 0x40 else 0)
    return unit, 0


@outlined_part
def _skip_scalar(text, i):
    byte = text[i]
    if byte == MINUS or CLASSES[byte] & IS_DIGIT:
        i, fault = _skip_number(text, i)
        return i, fault, NUMBER
    if byte == ord("n"):
        i, fault = _skip_literal(text, i, _NULL)
        return i, fault, ABSENT
    if byte == ord("t"):
        i, fault = _skip_literal(text, i, _TRUE)
        return i, fault, OTHER
    i, fault = _skip_literal(text, i, _FALSE)
    return i, fault, OTHER


@part
def _skip_literal(text, i, literal):
    for k in range(uintp(len(literal))):
        if i + k >= uintp(len(text)):
            return i, _INCOMPLETE
        if text[i + k] != literal[k]:
            return i, _NOT_STRICT
    return i + uintp(len(literal)), 0


@part
def _skip_number(text, i):
    end = uintp(len(text))
    if text[i] == MINUS:
        i += _ONE
    if i < end and text[i] == ZERO:
        i += _ONE
    else:
        i, fault = _skip_digits(text, i)
        if fault:
            return i, fault
    if i < end and text[i] == POINT:
        i, fault = _skip_digits(text, i + _ONE)
        if fault:
            return i, fault
    if i < end and text[i] | 0x20 == ord("e"):
        i += _ONE
        if i < end and (text[i] == MINUS or text[i] == PLUS):
            i += _ONE
        i, fault = _skip_digits(text, i)
        if fault:
            return i, fault
    return i, 0 if i < end else _INCOMPLETE


@part
def _skip_digits(text, i):
    """Pass one digit or more."""
    end = _skip(text, i, IS_DIGIT)
    if end > i:
        return end, 0
    return i, _NOT_STRICT if i < uintp(len(text)) else _INCOMPLETE


@outlined_part
def _scan_nested(
    text, i, base, node, names, sizes, node_field, children, row, spans, kinds, stack, entered
):
    """Pass the object or array that begins at ``i``, and find what is known inside of a node.

    ``stack`` has room for what is open: the closing bracket, the node of an object (-1: what is in
    it is not looked for), and the field that the whole fills (-1: none).
    """
    end = uintp(len(text))
    depth = uintp(0)
    field = np.int64(-1)  # what the value that begins fills; of the outermost, the caller knows
    while True:
        # A value begins at i.
        start = i
        byte = text[i]
        kind = OTHER
        quote = _NONE
        closes = True
        if byte == OPEN_OBJECT or byte == OPEN_ARRAY:
            if depth == uintp(len(stack)):
                return i, _NOT_STRICT
            is_looked_into = byte == OPEN_OBJECT and node >= 0 and _leads_on(children, node)
            stack[depth, 0] = byte + uint8(TO_CLOSING)
            stack[depth, 1] = node if is_looked_into else np.int64(-1)
            stack[depth, 2] = field
            if field >= 0:
                spans[uintp(field), 0, row] = base + start
            field = np.int64(-1)
            depth += _ONE
            i = _skip(text, i + _ONE, IS_BLANK)
            if i >= end:
                return i, _INCOMPLETE
            closes = text[i] == stack[depth - _ONE, 0]
        elif byte == QUOTE:
            i, fault, is_escaped = _skip_string(text, i)
            if fault:
                return i, fault
            kind = STRING + ESCAPED if is_escaped else STRING
            quote = _ONE
        else:
            i, fault, kind = _skip_scalar(text, i)
            if fault:
                return i, fault
        if field >= 0:
            kinds[uintp(field), row] = kind
            spans[uintp(field), 0, row] = base + start + quote
            spans[uintp(field), 1, row] = base + i - quote
        while closes:  # what ends here, up to a comma
            i = _skip(text, i, IS_BLANK)
            if i >= end:
                return i, _INCOMPLETE
            if text[i] == COMMA:
                i = _skip(text, i + _ONE, IS_BLANK)
                break
            if text[i] != stack[depth - _ONE, 0]:
                return i, _NOT_STRICT
            depth -= _ONE
            i += _ONE
            field = stack[depth, 2]
            if field >= 0:
                kinds[uintp(field), row] = OTHER
                spans[uintp(field), 1, row] = base + i
            if depth == 0:
                return i, 0
        if i >= end:
            return i, _INCOMPLETE
        node = field = np.int64(-1)
        if stack[depth - _ONE, 0] == CLOSE_OBJECT:
            if text[i] != QUOTE:
                return i, _NOT_STRICT
            key = i + _ONE
            i, fault, is_escaped = _skip_string(text, i)
            if fault:
                return i, fault
            parent = stack[depth - _ONE, 1]
            if parent >= 0:
                if is_escaped:
                    return i, _NOT_STRICT
                first, behind = children[uintp(parent), 0], children[uintp(parent), 1]
                node = _find_name(text, key, names, sizes, first, behind)
                if node >= 0:
                    field = node_field[uintp(node)]
                    if _leads_on(children, node) and _comes_again(entered, node):
                        return i, _NOT_STRICT
            i, fault = _skip_colon(text, i)
            if fault:
                return i, fault
