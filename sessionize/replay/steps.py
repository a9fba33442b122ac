"""What a plan is made of: one class a step, in the order of the hours."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from sessionize.model.hours import Hour


class Reason(StrEnum):
    """Why an hour that has been run is to be run again; `explain` has the words."""

    ASKED = "asked"
    INTERRUPTED = "interrupted"
    OUTDATED = "outdated"
    SETTINGS = "settings"
    RELEASE = "release"
    NEW_OBJECTS = "new_objects"
    REPLACED = "replaced"


@dataclass(frozen=True)
class Work:
    """What the run of an hour reads.

    Attributes
    ----------
    objects, bytes : int
        How many objects, and their size as they landed.
    records : int
        Those of the objects that the hour's published run has read.
    uncounted : int
        Objects that no run has read yet: nobody knows how many records they hold.
    """

    objects: int = 0
    bytes: int = 0
    records: int = 0
    uncounted: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(
            self.objects + other.objects,
            self.bytes + other.bytes,
            self.records + other.records,
            self.uncounted + other.uncounted,
        )


@dataclass(frozen=True)
class LeaveAlone:
    """Run again, the hour would come out byte for byte as it is: same objects, state, settings."""

    hour: Hour


@dataclass(frozen=True)
class RunHour:
    """The hour has never been run."""

    hour: Hour
    work: Work


@dataclass(frozen=True)
class RunAgain:
    """The hour has been run, and is run again whatever comes of the hours before."""

    hour: Hour
    reasons: tuple[Reason, ...]
    work: Work


@dataclass(frozen=True)
class RunIfOutdated:
    """The hour is run again unless the one before leaves the state that this one stands on.

    ``work`` is None where the hour lies farther than has been looked.
    """

    hour: Hour
    work: Work | None


@dataclass(frozen=True)
class Blocked:
    """The hour is to be run again, and cannot be: objects of its published run are gone.

    ``reasons`` may be empty: it then depends on the hours before, as `RunIfOutdated`.
    """

    hour: Hour
    reasons: tuple[Reason, ...]
    gone: tuple[str, ...]


@dataclass(frozen=True)
class Gap:
    """The hours ``[hour, end)`` have never been run, though later ones have."""

    hour: Hour
    end: Hour


Run: TypeAlias = RunHour | RunAgain | RunIfOutdated
Step: TypeAlias = LeaveAlone | Run | Blocked | Gap
