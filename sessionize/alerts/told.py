"""What has been told already: a finding is told once, again when it has grown, and its end too.

The memory is one small record in the lake, ``_alerts.json``, replaced by conditional writes. It is
written *before* anything is told, with whom there is to tell, and again after it: of two who look
at the same time one tells; what a message could not reach, or a process that died has left, is told
by a later look. So every recipient is told of everything at least once, and seldom twice.

Nothing here reads a clock or a lake: the record in, the record out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sessionize.alerts.check import Look
from sessionize.alerts.findings import FailedTask, Finding, LateHours
from sessionize.alerts.messages import Line, line_of
from sessionize.model.errors import ForeignFileError
from sessionize.model.hours import Hour

#: How long one who tells is waited for, before another takes over.
LEASE = timedelta(minutes=5)
_FORMAT = 1


@dataclass(frozen=True)
class Told:
    """A finding that has been told, or is being told.

    Attributes
    ----------
    kind : str
    first, last : Hour
        The hours, as they were when it was last found.
    hours : int
        How many they were when it was last told.
    text, remedy : str
        What was told.
    resolved : bool
        Whether it is its end that is being told.
    left : tuple of str
        The recipients that are still to be told.
    teller : str
        Who tells them; empty if nobody is left.
    at : datetime
        Since when.
    """

    kind: str
    first: Hour
    last: Hour
    hours: int
    text: str
    remedy: str
    resolved: bool
    left: tuple[str, ...]
    teller: str
    at: datetime

    @property
    def line(self) -> Line:
        """The finding in a message."""
        return Line(self.text, "" if self.resolved else self.remedy, self.resolved)


@dataclass(frozen=True)
class Telling:
    """Who tells whom, and when.

    Attributes
    ----------
    pipeline : str
        The pipeline's name.
    recipients : tuple of str
        Whom there is to tell.
    teller : str
        A name that no other has.
    now : datetime
        Aware.
    """

    pipeline: str
    recipients: tuple[str, ...]
    teller: str
    now: datetime


def updated(told: Sequence[Told], look: Look, telling: Telling) -> tuple[Told, ...]:
    """Return the record after a look; what is to be told now carries the teller's name.

    A finding that has hours in common with one of its kind that was told, or follows right on it,
    is the same trouble. It is told again when it has twice as many hours as when it was last told.
    """
    after: list[Told] = []
    met: set[Told] = set()
    for finding in look.findings:
        same = [entry for entry in told if not entry.resolved and _is_same(entry, finding)]
        met.update(same)
        after.append(_met(finding, same, telling))
    for entry in told:
        if entry in met:
            continue
        if entry.resolved or _is_unseen(entry, look):
            after.append(_taken_over(entry, telling))
        elif _is_judged(entry, look):
            # Who has not been told of the trouble need not be told of its end.
            left = tuple(name for name in telling.recipients if name not in entry.left)
            end = replace(entry, resolved=True, left=left)
            after.append(replace(end, teller=telling.teller, at=telling.now))
    return tuple(entry for entry in after if entry.left or not entry.resolved)


def with_failure(told: Sequence[Told], failure: FailedTask, telling: Telling) -> tuple[Told, ...]:
    """Return the record with a failure; as it was if its hour's failure has been told."""
    if any(not entry.resolved and _is_same(entry, failure) for entry in told):
        return tuple(told)
    return (*told, _new(failure, telling))


def told_by(told: Iterable[Told], teller: str) -> list[Told]:
    """Return what a teller is to tell."""
    return [entry for entry in told if entry.teller == teller and entry.left]


def confirmed(told: Iterable[Told], teller: str, reached: Collection[str]) -> tuple[Told, ...]:
    """Return the record once a teller has told those whom it could reach."""
    after = []
    for entry in told:
        if entry.teller == teller:
            left = tuple(name for name in entry.left if name not in reached)
            entry = replace(entry, left=left, teller=teller if left else "")
            if entry.resolved and not left:
                continue
        after.append(entry)
    return tuple(after)


def _is_same(entry: Told, finding: Finding) -> bool:
    if entry.kind != finding.kind:
        return False
    if not finding.spreads:
        return entry.first == finding.first
    return entry.first <= finding.last.next and finding.first <= entry.last.next


def _met(finding: Finding, same: list[Told], telling: Telling) -> Told:
    if not same or finding.hours >= 2 * max(entry.hours for entry in same):
        return _new(finding, telling)
    known = replace(max(same, key=lambda entry: entry.hours), first=finding.first)
    return _taken_over(replace(known, last=finding.last), telling)


def _new(finding: Finding, telling: Telling) -> Told:
    line = line_of(finding, telling.pipeline)
    return Told(
        kind=finding.kind,
        first=finding.first,
        last=finding.last,
        hours=finding.hours,
        text=line.text,
        remedy=line.remedy,
        resolved=False,
        left=telling.recipients,
        teller=telling.teller,
        at=telling.now,
    )


def _taken_over(entry: Told, telling: Telling) -> Told:
    """Take over what another teller has left, once it has had its time."""
    left = tuple(name for name in entry.left if name in telling.recipients)
    if not left:
        return replace(entry, left=(), teller="")
    if telling.now - entry.at < LEASE:
        return entry
    return replace(entry, left=left, teller=telling.teller, at=telling.now)


def _is_unseen(entry: Told, look: Look) -> bool:
    """Tell whether the trouble of a failed task may go on: its hour is not published."""
    return entry.kind == FailedTask.kind and entry.first not in look.done


def _is_judged(entry: Told, look: Look) -> bool:
    """Tell whether the look would have found the trouble again.

    What has left the hours that are looked at is forgotten without a word.
    """
    return entry.kind in (FailedTask.kind, LateHours.kind) or entry.last >= look.first


# The record.


def encoded(told: Iterable[Told]) -> dict[str, Any]:
    """Return the JSON document."""
    return {
        "format": _FORMAT,
        "told": [
            asdict(entry)
            | {"first": str(entry.first), "last": str(entry.last), "at": entry.at.isoformat()}
            for entry in told
        ],
    }


def decoded(document: Any, place: str) -> tuple[Told, ...]:
    """Read the JSON document that `encoded` made; None stands for an empty one.

    Raises
    ------
    ForeignFileError
        If it is something else.
    """
    if document is None:
        return ()
    try:
        if document["format"] != _FORMAT:
            raise ValueError(f"format {document['format']}")
        return tuple(
            Told(
                **{
                    **entry,
                    "first": Hour.parse(entry["first"]),
                    "last": Hour.parse(entry["last"]),
                    "left": tuple(entry["left"]),
                    "at": datetime.fromisoformat(entry["at"]),
                }
            )
            for entry in document["told"]
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ForeignFileError(
            f"{place} is not a record of what has been told ({error!r})",
            "Move it away: what is wrong is then told once more.",
        ) from error
