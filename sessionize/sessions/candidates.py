"""What a run has to decide about: its events, and the identities known before, in session order."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sessionize.model.frames import TIME, concat
from sessionize.sessions.machines import Numbers, number_machines
from sessionize.sessions.state import State

Mask = npt.NDArray[np.bool_]

IDENTITY = ["machine_id", "event_id", "event_time"]
#: What an event must have.
NEEDED = (*IDENTITY, "action")


@dataclass(frozen=True)
class Candidates:
    """Pending and landed events, and known identities, by machine and time.

    *Rows* are the known identities, then the pending events, then the landed ones: that is landed
    order. One sort of all rows serves copies and sessions.

    Attributes
    ----------
    events : DataFrame
        The pending events, then the landed ones.
    known_count, pending_count : int
        How many identities, and how many pending events, there are.
    identities : DataFrame
        ``machine_id``, ``event_id``, ``event_time`` of all rows.
    machine_ids : array of texts
        The machines, in the order of all machines; a *machine* below is a place in it.
    machine, time : int64 arrays, one item a row
        The time in microseconds since the epoch.
    order : int64 array
        The rows by machine, time and landed order.
    ties : bool array
        Which places of ``order`` share machine and time with a neighbour.
    with_open_session, with_closed_frontier : int64 arrays
        The machine of each row of the state's ``open_sessions`` and ``closed_frontiers``.
    """

    events: pd.DataFrame
    known_count: int
    pending_count: int
    identities: pd.DataFrame
    machine_ids: pd.api.extensions.ExtensionArray
    machine: Numbers
    time: Numbers
    order: Numbers
    ties: Mask
    with_open_session: Numbers
    with_closed_frontier: Numbers

    @property
    def event_machine(self) -> Numbers:
        """The machine of each event."""
        return self.machine[self.known_count :]

    @property
    def event_time(self) -> Numbers:
        """The time of each event, in microseconds."""
        return self.time[self.known_count :]

    @functools.cached_property
    def event_order(self) -> Numbers:
        """The events by machine, time and landed order."""
        return self.order[self.order >= self.known_count] - self.known_count

    @property
    def is_landed(self) -> Mask:
        """Which events have landed in this run."""
        return np.arange(len(self.events)) >= self.pending_count

    @classmethod
    def of(cls, state: State, landed: pd.DataFrame) -> Candidates:
        """Put what a run has to decide about in order.

        Raises
        ------
        ValueError
            If the events lack what identifies them, or an action.
        """
        landed = complete(landed, state.pending)
        events = concat([state.pending, landed]) if len(state.pending) else concat([landed])
        identities = events[IDENTITY]
        if len(state.identities):
            identities = concat([state.identities[IDENTITY], identities])
        machines = number_machines(
            state.open_sessions["machine_id"],
            state.closed_frontiers["machine_id"],
            identities["machine_id"],
        )
        opened, closed, machine = machines.numbers
        time = microseconds(identities["event_time"])
        order, ties = order_by_machine_and_time(machine, time)
        return cls(
            events=events,
            known_count=len(state.identities),
            pending_count=len(state.pending),
            identities=identities,
            machine_ids=machines.ids,
            machine=machine,
            time=time,
            order=order,
            ties=ties,
            with_open_session=opened,
            with_closed_frontier=closed,
        )


def complete(events: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    """Return events with exactly the columns of a frame; those that they lack are null.

    The pipeline's own events have them all; those of a notebook need only what `NEEDED` names.
    """
    for name in NEEDED:
        if name not in events:
            raise ValueError(f"the events have no column {name!r}")
        if events[name].hasnans:
            raise ValueError(f"the column {name!r} has nulls")
    if [*events.columns] == [*like.columns] and events.dtypes["event_time"] == TIME:
        return events
    columns = {
        name: events[name].array if name in events else like[name].reindex(events.index).array
        for name in like.columns
    }
    columns["event_time"] = events["event_time"].astype(TIME).array
    return pd.DataFrame(columns, index=pd.RangeIndex(len(events)))


def order_by_machine_and_time(machine: Numbers, time: Numbers) -> tuple[Numbers, Mask]:
    """Return the rows by machine and time, those that tie as they stand; and which places tie.

    Both go into one number: sorting it, unstably, and mending the ties takes a fifth of the time of
    a stable sort by two columns.
    """
    since = time - time.min(initial=np.iinfo(np.int64).max)
    if _bits(machine) + _bits(since) > 63:
        since = np.unique(time, return_inverse=True)[1]
    key = machine << _bits(since) | since
    order = np.argsort(key)
    key = key[order]
    same = key[1:] == key[:-1]
    ties = np.zeros(len(key), bool)
    ties[1:] = same
    ties[:-1] |= same
    order[ties] = order[ties][np.lexsort((order[ties], key[ties]))]
    return order, ties


def microseconds(times: pd.Series) -> Numbers:
    """Return times without nulls as microseconds since the epoch."""
    return times.to_numpy("M8[us]").view(np.int64)


def _bits(numbers: Numbers) -> int:
    return int(numbers.max(initial=0)).bit_length()
