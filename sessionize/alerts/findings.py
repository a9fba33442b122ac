"""What can be wrong with a pipeline: one class a finding, as data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from sessionize.model.hours import Hour


@dataclass(frozen=True)
class Finding:
    """Something wrong with the hours from ``first`` to ``last`` (inclusive), ``hours`` in number.

    Attributes
    ----------
    kind : str
        What is wrong: a code that stays the same, for it is kept in lakes.
    spreads : bool
        Whether the hour after is the same trouble, if it is found there too.
    """

    kind: ClassVar[str]
    spreads: ClassVar[bool] = True

    first: Hour
    last: Hour
    hours: int


@dataclass(frozen=True)
class LateHours(Finding):
    """Hours in a row that are not published, ``after`` their end, or longer."""

    kind = "late"

    after: timedelta


@dataclass(frozen=True)
class OutdatedHours(Finding):
    """Hours that stand on a state which has been replaced since; there may be others between."""

    kind = "outdated"


@dataclass(frozen=True)
class InterruptedHour(Finding):
    """An hour whose publication was broken off, or that has claimed objects it has not read."""

    kind = "interrupted"
    spreads = False


@dataclass(frozen=True)
class OverLimit(Finding):
    """Hours in a row with a share over a limit that only warns.

    Attributes
    ----------
    worst : Hour
        The hour with the largest share.
    share, limit : float
        That share, and the limit; from 0 to 1.
    count, of : int
        The records that it is the share of.
    """

    worst: Hour
    share: float
    limit: float
    count: int
    of: int


@dataclass(frozen=True)
class QuarantinedOverLimit(OverLimit):
    """More is in quarantine than ``limits.warn_quarantined``; ``reasons`` of the worst hour."""

    kind = "quarantined"

    reasons: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class LateEventsOverLimit(OverLimit):
    """More events were late than ``limits.warn_late``."""

    kind = "late_events"


@dataclass(frozen=True)
class EmptyHours(Finding):
    """Hours in a row that were published without a record; ``objects`` have landed in them."""

    kind = "empty"

    objects: int


@dataclass(frozen=True)
class FailedTask(Finding):
    """A task that has failed for good; its hour holds the later ones.

    All failures of an hour are one finding: mapped tasks fail in numbers.
    """

    kind = "failed"
    spreads = False

    task: str
    error: str
