"""Durations and sizes as people write them in a pipeline file: ``30m``, ``64MiB``."""

from __future__ import annotations

import re
from datetime import timedelta

_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
#: The longest duration: times so far apart still fit 64 bits of microseconds.
LONGEST_DAYS = 999_999
_BYTES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


class Duration(timedelta):
    """A time span, zero or more, microsecond exact."""

    @classmethod
    def parse(cls, text: object) -> Duration:
        """Read ``30m``, ``1h30m``, ``0s``, ``500ms``.

        Raises
        ------
        ValueError
            If a unit is missing or unknown, or the duration is longer than `LONGEST_DAYS`.
        """
        if not isinstance(text, str) or not re.fullmatch(r"(\d+(ms|[smhd]))+", text, re.ASCII):
            raise ValueError(
                f"{text!r} is not a duration: write a whole number and a unit, one of ms, s, m, h, "
                'd, such as "30m"'
            )
        parts = re.findall(r"(\d+)(\D+)", text)
        milliseconds = sum(int(n) * _MILLISECONDS[unit] for n, unit in parts)
        if milliseconds > LONGEST_DAYS * _MILLISECONDS["d"]:
            raise ValueError(f"{text!r} is too long a duration: write {LONGEST_DAYS}d at most")
        return cls(milliseconds=milliseconds)

    @property
    def microseconds_total(self) -> int:
        """The span in whole microseconds."""
        return self // timedelta(microseconds=1)


class Size(int):
    """A number of bytes."""

    @classmethod
    def parse(cls, text: object) -> Size:
        """Read ``64MiB``.

        Raises
        ------
        ValueError
            If the unit is missing or unknown.
        """
        match = (
            re.fullmatch(r"(\d+)(B|KiB|MiB|GiB)", text, re.ASCII) if isinstance(text, str) else None
        )
        if match is None or not int(match[1]):
            raise ValueError(
                f"{text!r} is not a size: write a whole number above 0 and a unit, one of B, KiB, "
                'MiB, GiB, such as "64MiB"'
            )
        return cls(int(match[1]) * _BYTES[match[2]])


def as_written(span: timedelta) -> str:
    """Write a time span as `Duration.parse` reads it, rounded to milliseconds: ``1h30m``."""
    left = round(span / timedelta(milliseconds=1))
    parts = []
    for unit, milliseconds in reversed(_MILLISECONDS.items()):
        count, left = divmod(left, milliseconds)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
