"""The chain of state: which hour stands upon which, and what has to be run again where it breaks.

One rule, for all who speak of it (`status`, `verify`, a publication, a replay): where an hour has
to be run, so have all behind it, in order, up to the last that has been run. Hours between that
have never been run belong to them, for none is run without the one before. It may end sooner: what
stands behind an hour that is run again and leaves the state that it left before stays in order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

from sessionize.lake.ledger import NO_STATE
from sessionize.model.hours import Hour, hours_between


class Linked(Protocol):
    """A run as a link of the chain, such as a ledger; what is None is not known."""

    @property
    def previous_state(self) -> str | None:
        """The state that the run stands upon."""

    @property
    def state_fingerprint(self) -> str | None:
        """The state that it has left."""


def stands_on(run: Linked, before: Linked | None) -> bool:
    """Tell whether a run stands on the state that the hour before has left, as it is now.

    Where it is not known it is taken to.

    Parameters
    ----------
    run : Linked
        The run.
    before : Linked or None
        That of the hour before; None before the pipeline's first hour, whose state is empty.
    """
    expected = before.state_fingerprint if before else NO_STATE
    return None in (run.previous_state, expected) or run.previous_state == expected


def onwards(done: Collection[Hour], hour: Hour) -> tuple[Hour, ...]:
    """Return what has to be run where ``hour`` has: it and all behind it, in order.

    Parameters
    ----------
    done : collection of Hour
        The hours that have been run; nothing behind the last of them is named.
    hour : Hour
        The first that has to be run.
    """
    return tuple(hours_between(hour, max(done).next)) if done else ()


def ranges(hours: Iterable[Hour]) -> list[tuple[Hour, Hour]]:
    """Put hours together into half-open ranges, in order."""
    found: list[tuple[Hour, Hour]] = []
    for hour in sorted(set(hours)):
        if found and found[-1][1] == hour:
            found[-1] = (found[-1][0], hour.next)
        else:
            found.append((hour, hour.next))
    return found
