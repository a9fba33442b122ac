"""Where an hour's objects land (contract §1): ``%Y/%m/%d/%H/`` unless set otherwise."""

from __future__ import annotations

import functools
import itertools
import re
from datetime import date

from sessionize.model.errors import IntervalError
from sessionize.model.hours import Hour

_DIGITS = {"Y": r"\d{4}", "m": r"\d{2}", "d": r"\d{2}", "H": r"\d{2}"}
_EXAMPLE = "year=%Y/month=%m/day=%d/hour=%H/"


class LandingPrefix(str):
    """An hour's folder below ``raw``, as a ``strftime`` pattern.

    Raises
    ------
    ValueError
        If it does not name one hour, or no folder below ``raw``.
    """

    __slots__ = ()

    def __new__(cls, pattern: str) -> LandingPrefix:
        """Check a pattern."""
        directives = re.findall(r"%(.?)", pattern, re.DOTALL)
        if sorted(directives) != sorted(_DIGITS):
            raise ValueError(
                f"{pattern!r} does not name one hour: write each of %Y, %m, %d and %H once, "
                f'such as "{_EXAMPLE}"'
            )
        folders = pattern.split("/")
        if folders.pop() or any(folder in ("", ".", "..") for folder in folders):
            raise ValueError(
                f"{pattern!r} is no folder below `raw`: end it with `/`, begin it with "
                f'none, and leave no folder empty, such as "{_EXAMPLE}"'
            )
        return super().__new__(cls, pattern)

    def of(self, hour: Hour) -> str:
        """Return the hour's folder."""
        return hour.start.strftime(self)

    def hour_of(self, key: str) -> Hour | None:
        """Return the hour under which an object landed; None if the key is not an object's."""
        folder, _, name = key.rpartition("/")
        # A name that begins with a dot is a leftover of some tool, never Firehose's.
        return None if not name or name.startswith(".") else _hour_of(self, folder)

    @property
    def is_in_order(self) -> bool:
        """Whether the hours' folders come in the order of the hours."""
        return re.findall("%(.)", self) == list(_DIGITS)

    def of_day(self, day: date) -> str:
        """Return what the folders of a day's hours begin with, if they are in order."""
        return day.strftime(self[: self.index("%H")])

    def may_hold(self, folder: str) -> bool:
        """Tell whether a folder lies where hours' objects land, or above them."""
        pairs = zip(folder.split("/"), self.split("/")[:-1], strict=False)
        alike = itertools.takewhile(
            lambda pair: re.fullmatch(_regex(pair[1]), pair[0], re.ASCII), pairs
        )
        return any("%" in pattern for _, pattern in alike)


@functools.lru_cache(1024)  # objects come by the thousand from one folder
def _hour_of(prefix: LandingPrefix, folder: str) -> Hour | None:
    match = re.fullmatch(_regex(prefix.removesuffix("/")), folder, re.ASCII)
    try:
        return Hour.parse("{Y}-{m}-{d}T{H}".format(**match.groupdict())) if match else None
    except IntervalError:
        return None


def _regex(pattern: str) -> str:
    """Return a regular expression for what a pattern writes."""
    parts = re.split("(%.)", pattern)
    return "".join(
        f"(?P<{part[1]}>{_DIGITS[part[1]]})" if part.startswith("%") else re.escape(part)
        for part in parts
    )


#: Firehose's own.
DEFAULT_PREFIX = LandingPrefix("%Y/%m/%d/%H/")
