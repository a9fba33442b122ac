"""The chain of state: which hour stands upon which, and what has to be run again where it breaks.

One rule, for all who speak of it (`status`, `verify`, a publication, a replay): where an hour has
to be run, so have all behind it, in order, up to the last that has been run. Hours between that
have never been run belong to them, for none is run without the one before. It may end sooner: what
stands behind an hour that is run again and leaves the state that it left before stays in order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sessionize.lake.ledger import NO_STATE, Ledger
from sessionize.model.hours import Hour, hours_between


def stands_on(ledger: Ledger, before: Ledger | None) -> bool:
    """Tell whether a run stands on the state that the hour before has left, as it is now.

    Parameters
    ----------
    ledger : Ledger
        That of the run.
    before : Ledger or None
        That of the hour before; None before the pipeline's first hour, whose state is empty.
    """
    expected = before.state_fingerprint if before else NO_STATE
    return ledger.previous_state == expected


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
