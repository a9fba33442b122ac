"""Time stamps in the forms that nearly all have; others are left to slower code."""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np
from numba import int64, uint64, uintp

from sessionize.kernels.options import filling_kernel, part

#: What a number counts (contract §2): the first unit that its magnitude is below the limit of, or
#: the last. Each is a limit, and the power of ten that the unit is of a microsecond.
UNITS = ((10**11, 6), (10**14, 3), (10**17, 0), (10**18, -3))

_ONE = np.uintp(1)
_NINE = np.uint8(9)
_DIGIT_ZERO, _POINT, _Z = (np.uint8(byte) for byte in b"0.Z")
_ISO = np.frombuffer(b"0000-00-00T00:00:00", np.uint8)
_MOST_DIGITS = 19  # the most that are known to fit 64 bits
_LARGEST = np.uint64(np.iinfo(np.int64).max)
_FRACTION_DIGITS = 6


@filling_kernel
def read_timestamps(offsets, data, is_string, microseconds, is_known):
    """Read ``1486250584``, ``1486250584123``, ``1486250584.5`` and ``2017-02-04T23:23:04.5Z``.

    Numbers are read without a sign, up to 19 digits before the point, and behind it as many as make
    a microsecond; ISO 8601 in UTC, from 1970 on, with at most six digits of a second.

    Parameters
    ----------
    offsets, data : int32 array (1 + rows,), uint8 array
        The texts, as Arrow lays them out.
    is_string : bool array (rows,)
        Which of them may be ISO 8601.
    microseconds : int64 array (rows,)
        Filled in: the times since the epoch.
    is_known : bool array (rows,)
        Filled in: whether the time could be told.
    """
    for row in range(len(is_string)):
        start, end = uintp(offsets[row]), uintp(offsets[row + 1])
        time, is_read = _read_number(data, start, end)
        if not is_read and is_string[row]:
            time, is_read = _read_iso(data, start, end)
        microseconds[row], is_known[row] = time, is_read


@part
def _read_number(data, start, end):
    whole = uint64(0)
    i = start
    while i < end and _is_digit(data[i]) and i - start <= _MOST_DIGITS:
        whole = whole * uint64(10) + uint64(_digit(data, i))
        i += _ONE
    if i == start or i - start > _MOST_DIGITS or whole > _LARGEST:
        return int64(0), False
    unit, divisor = _unit_of(int64(whole))
    if i == end:
        return _divide(int64(whole), divisor) * unit, True
    time = int64(whole) * unit
    if divisor > 1 or data[i] != _POINT:
        return time, False
    i += _ONE
    while i < end and unit > 1 and _is_digit(data[i]):
        unit //= 10
        time += _digit(data, i) * unit
        i += _ONE
    return time, i == end


@part
def _unit_of(number):
    """Return how many microseconds make the unit, and how many units a microsecond."""
    unit, divisor = int64(1), int64(1)
    for below, power in UNITS:
        if number < below or power < 0:
            for _ in range(power):
                unit *= 10
            for _ in range(-power):
                divisor *= 10
            break
    return unit, divisor


@part
def _divide(number, divisor):
    """Divide, and round half to even."""
    quotient = number // divisor
    rest = 2 * (number - quotient * divisor)
    return quotient + (rest > divisor or (rest == divisor and quotient % 2 == 1))


@part
def _read_iso(data, start, end):
    behind = start + uintp(len(_ISO))
    if end <= behind or end - behind > _FRACTION_DIGITS + 2 or data[end - _ONE] != _Z:
        return int64(0), False
    for k in range(uintp(len(_ISO))):
        byte = data[start + k]
        if not (_is_digit(byte) if _ISO[k] == _DIGIT_ZERO else byte == _ISO[k]):
            return int64(0), False
    year = 100 * _two_digits(data, start, 0) + _two_digits(data, start, 2)
    month, day = _two_digits(data, start, 5), _two_digits(data, start, 8)
    hour, minute = _two_digits(data, start, 11), _two_digits(data, start, 14)
    second = _two_digits(data, start, 17)
    if year < 1970 or not 1 <= month <= 12 or not 1 <= day <= _days_of(year, month):
        return int64(0), False
    if hour > 23 or minute > 59 or second > 59:
        return int64(0), False
    seconds = ((_days_before(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
    time, unit = seconds * 1_000_000, int64(1_000_000)
    if end - behind == _ONE:
        return time, True
    if data[behind] != _POINT or end - behind == _ONE + _ONE:
        return time, False
    for i in range(behind + _ONE, end - _ONE):
        if not _is_digit(data[i]):
            return time, False
        unit //= 10
        time += _digit(data, i) * unit
    return time, True


@part
def _is_digit(byte):
    return _DIGIT_ZERO <= byte <= _DIGIT_ZERO + _NINE


@part
def _digit(data, i):
    return int64(data[i]) - int64(_DIGIT_ZERO)


@part
def _two_digits(data, start, k):
    i = start + uintp(k)
    return 10 * _digit(data, i) + _digit(data, i + _ONE)


@part
def _days_of(year, month):
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31


@part
def _days_before(year, month, day):
    """Count the days since 1970-01-01, by years that begin in March."""
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
