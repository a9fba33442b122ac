"""The heart: one hour's events and the state before in, sessions and the state after out.

A pure function of its arguments (contract §3): no clock, no storage, no randomness.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from sessionize.config import SessionRules
from sessionize.model.columns import SESSION_COLUMNS, SessionColumn
from sessionize.model.frames import TIME, categorical, take
from sessionize.model.hours import Hour
from sessionize.sessions.candidates import Candidates
from sessionize.sessions.columns import Sessions, make_sessions, published_sessions
from sessionize.sessions.duplicates import find_duplicates
from sessionize.sessions.lateness import Late, Settled, find_late, settle
from sessionize.sessions.state import State
from sessionize.sessions.watermark import close_by_watermark, forget


@dataclass(frozen=True)
class SessionizedHour:
    """What a run makes of its events; rows stand in the order of machines.

    Attributes
    ----------
    settled : DataFrame
        ``sessionized_events``, by machine, event time and landed order.
    closed : DataFrame
        ``sessions``: those closed in this run, by machine and start.
    open : DataFrame
        ``open_sessions``, by machine.
    late : DataFrame
        ``late_events``, by machine, event time and landed order.
    duplicates : int
        Events left out because an earlier one in landed order has their identity.
    state : State
        What the run leaves to the next.
    """

    settled: pd.DataFrame
    closed: pd.DataFrame
    open: pd.DataFrame
    late: pd.DataFrame
    duplicates: int
    state: State


def sessionize(
    state: State,
    events: pd.DataFrame,
    hour: Hour,
    rules: SessionRules | None = None,
    columns: tuple[SessionColumn, ...] = SESSION_COLUMNS,
) -> SessionizedHour:
    """Settle the events of one run (contract §3).

    Parameters
    ----------
    state : State
        What the run of the hour before has left.
    events : DataFrame
        The columns of ``events``: the valid events that landed in this run, in landed order.
        ``machine_id``, ``event_id``, ``event_time`` and ``action`` are enough; other columns that
        the state's pending events have are null then.
    hour : Hour
        The run's hour; the watermark is its end minus ``max_out_of_orderness``.
    rules : SessionRules, optional
        When sessions end, and how long events are waited for; the contract's defaults unless given.
    columns : tuple of SessionColumn
        What a session has.

    Raises
    ------
    ValueError
        If the events lack one of those four columns, or have nulls there; if the state was made
        for other session columns.
    """
    rules = rules or SessionRules()
    lacking = {column.carried_as for column in columns} - {*state.open_sessions.columns}
    if lacking:
        raise ValueError(f"the state has no session columns {sorted(lacking)}: see `State.empty`")
    watermark = _watermark(hour, rules)
    candidates = Candidates.of(state, events)

    duplicates = find_duplicates(candidates)
    late = find_late(candidates, state, duplicates)
    settled = settle(candidates, watermark, duplicates, late)
    sessions = make_sessions(candidates, settled, state.open_sessions, rules, columns)
    sessions = close_by_watermark(sessions, watermark, rules)
    after = forget(candidates, duplicates, late, settled, sessions, watermark, rules)

    return SessionizedHour(
        settled=_settled_events(candidates, settled, sessions),
        closed=published_sessions(sessions.where(~sessions.is_open), columns),
        open=published_sessions(after.open_sessions, columns),
        late=_late_events(candidates, late),
        duplicates=int(duplicates.is_duplicate.sum()),
        state=after,
    )


def _watermark(hour: Hour, rules: SessionRules) -> int:
    """Return the watermark of an hour's run, in microseconds since the epoch."""
    end = int(hour.end.timestamp()) * 1_000_000
    return end - rules.max_out_of_orderness.microseconds_total


def _settled_events(candidates: Candidates, settled: Settled, sessions: Sessions) -> pd.DataFrame:
    """Return the settled events. Machines and sessions come in runs: as categoricals."""
    events = take(candidates.events.drop(columns="machine_id"), settled.places)
    machine = candidates.event_machine[settled.places]
    events["machine_id"] = categorical(machine, candidates.machine_ids)
    events["session_id"] = categorical(sessions.of_event, sessions.frame["session_id"].array)
    return events[[*candidates.events.columns, "session_id"]]


def _late_events(candidates: Candidates, late: Late) -> pd.DataFrame:
    events = take(candidates.events, late.places)
    frontier = late.frontier[candidates.event_machine[late.places]]
    return events.assign(frontier=pd.array(frontier.view("M8[us]"), dtype=TIME))
