"""Which events are late, and which settle (contract §3, *Order and lateness*)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sessionize.sessions.candidates import Candidates, Mask, microseconds
from sessionize.sessions.duplicates import Duplicates
from sessionize.sessions.machines import Numbers
from sessionize.sessions.state import State

#: The frontier of a machine of which nothing is known: no event is before it.
NO_FRONTIER = np.iinfo(np.int64).min
_MICROSECOND = 1


@dataclass(frozen=True)
class Late:
    """The late events.

    Attributes
    ----------
    is_late : bool array, one item an event
    places : int64 array
        The late ones' places among the events, by machine, time and landed order.
    frontier : int64 array, one item a machine
        Its frontier before the run, in microseconds; `NO_FRONTIER` if it has none.
    """

    is_late: Mask
    places: Numbers
    frontier: Numbers


@dataclass(frozen=True)
class Settled:
    """The events that are neither copies nor late, by their places among the events.

    Attributes
    ----------
    places : int64 array
        Those before the watermark, by machine, time and landed order: they settle.
    waiting : int64 array
        The others, by machine and landed order: they will be pending.
    """

    places: Numbers
    waiting: Numbers


def find_late(candidates: Candidates, state: State, duplicates: Duplicates) -> Late:
    """Find the landed events that lie behind what earlier runs have settled."""
    frontier = frontiers_before(candidates, state)
    # An open session's frontier is exclusive, a closed one's inclusive.
    too_early = frontier.copy()
    too_early[candidates.with_closed_frontier] += _MICROSECOND
    is_late = candidates.event_time < too_early[candidates.event_machine]
    is_late &= candidates.is_landed & ~duplicates.is_duplicate
    order = candidates.event_order
    return Late(is_late, order[is_late[order]], frontier)


def frontiers_before(candidates: Candidates, state: State) -> Numbers:
    """Return each machine's frontier before the run, in microseconds."""
    frontier = np.full(len(candidates.machine_ids), NO_FRONTIER)
    frontier[candidates.with_open_session] = microseconds(state.open_sessions["ended_at"])
    frontier[candidates.with_closed_frontier] = microseconds(state.closed_frontiers["frontier"])
    return frontier


def settle(candidates: Candidates, watermark: int, duplicates: Duplicates, late: Late) -> Settled:
    """Divide the events that are left at the watermark (in microseconds)."""
    is_taken = ~(duplicates.is_duplicate | late.is_late)
    is_settled = is_taken & (candidates.event_time < watermark)
    order = candidates.event_order
    pending = np.flatnonzero(is_taken & ~is_settled)
    by_machine = np.argsort(candidates.event_machine[pending], kind="stable")
    return Settled(order[is_settled[order]], pending[by_machine])
