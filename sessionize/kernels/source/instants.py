"""Time stamps in the forms that nearly all have; others are left to slower code."""

# mypy: disable-error-code="no-untyped-def,assignment"

from __future__ import annotations

import numpy as np

from sessionize.kernels.source.compiling import part
from sessionize.kernels.source.memory import byte_at, int32_at, put_byte, put_int64

_MILLISECONDS_FROM = 100_000_000_000
_MOST_DIGITS = 15
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND


def read_instants(offsets, data, rows, is_string, microseconds, known):
    """Fill ``microseconds`` with the times, and ``known`` with whether they could be told."""
    for row in range(rows):
        start, end = data + int32_at(offsets + 4 * row), data + int32_at(offsets + 4 * row + 4)
        time, read = _number(start, end)
        if not read and byte_at(is_string + row):
            time, read = _iso(start, end)
        put_int64(microseconds + 8 * row, time)
        put_byte(known + row, 1 if read else 0)
    return 0


@part
def _number(start, end):
    whole, at = _digits(start, end)
    digits = at - start
    if digits == 0 or digits > _MOST_DIGITS:
        return 0, False
    unit = _SECOND if whole < _MILLISECONDS_FROM else 1000
    time = whole * unit
    if at == end:
        return time, True
    if byte_at(at) != 0x2E:
        return 0, False
    at += 1
    while at < end and unit > 1:
        digit = np.int64(byte_at(at)) - 0x30
        if digit < 0 or digit > 9:
            return 0, False
        unit //= 10
        time += digit * unit
        at += 1
    return time, at == end


@part
def _digits(at, end):
    value = np.int64(0)
    limit = min(end, at + _MOST_DIGITS + 1)
    while at < limit:
        digit = np.int64(byte_at(at)) - 0x30
        if digit < 0 or digit > 9:
            break
        value = value * 10 + digit
        at += 1
    return value, at


@part
def _two(at):
    tens, ones = np.int64(byte_at(at)) - 0x30, np.int64(byte_at(at + 1)) - 0x30
    if tens < 0 or tens > 9 or ones < 0 or ones > 9:
        return -1
    return tens * 10 + ones


@part
def _iso(start, end):
    size = end - start
    if size < 20 or size > 27 or byte_at(end - 1) != 0x5A:
        return 0, False
    if (
        byte_at(start + 4) != 0x2D
        or byte_at(start + 7) != 0x2D
        or byte_at(start + 10) != 0x54
        or byte_at(start + 13) != 0x3A
        or byte_at(start + 16) != 0x3A
    ):
        return 0, False
    century, years = _two(start), _two(start + 2)
    month, day = _two(start + 5), _two(start + 8)
    hour, minute, second = _two(start + 11), _two(start + 14), _two(start + 17)
    if century < 0 or years < 0 or hour < 0 or minute < 0 or second < 0:
        return 0, False
    year = century * 100 + years
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if year < 1970 or month < 1 or month > 12 or day < 1:
        return 0, False
    last = 28 + leap if month == 2 else 30 if month in (4, 6, 9, 11) else 31
    if day > last or hour > 23 or minute > 59 or second > 59:
        return 0, False
    fraction = np.int64(0)
    if size > 20:
        if byte_at(start + 19) != 0x2E or size == 21:
            return 0, False
        unit = np.int64(_SECOND)
        for at in range(start + 20, end - 1):
            digit = np.int64(byte_at(at)) - 0x30
            if digit < 0 or digit > 9:
                return 0, False
            unit //= 10
            fraction += digit * unit
    seconds = hour * 3600 + minute * 60 + second
    return _days(year, month, day) * _DAY + seconds * _SECOND + fraction, True


@part
def _days(year, month, day):
    """Count the days since 1970-01-01, by years that begin in March."""
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
