"""Settled events, in order, cut into sessions; open sessions are gone on with."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sessionize.config import SessionRules
from sessionize.model.schemas import SESSIONS
from sessionize.sessions.boundaries import END_REASONS, find_boundaries
from sessionize.sessions.ids import session_ids
from sessionize.sessions.tables import Numbers, Rows, microseconds, times


@dataclass(frozen=True)
class Cut:
    """The sessions that settled events make, together with the open ones that they continue.

    Attributes
    ----------
    closed, open : Table
        ``schemas.SESSIONS``: those that have ended, and those that have not, by machine and start.
    closed_rank, open_rank : int64 arrays
        The machine of each.
    session_id : DictionaryArray
        The session of each settled event; codes rise.
    """

    closed: pa.Table
    closed_rank: Numbers
    open: pa.Table
    open_rank: Numbers
    session_id: pa.DictionaryArray


def cut_sessions(
    open_sessions: pa.Table,
    opened: Numbers,
    events: Rows,
    places: Numbers,
    rank: Numbers,
    time: Numbers,
    rules: SessionRules,
) -> Cut:
    """Cut settled events into sessions.

    An open session stands in for its events: one row at its last event's time, before the machine's
    settled events.

    Parameters
    ----------
    open_sessions, opened : Table, int64 array
        The sessions open before, and their machines.
    events : Rows
        The events, of which some settle.
    places, rank, time : int64 arrays
        The places of those that settle, by machine, time and landed order; their machines and
        their times.
    rules : SessionRules
        When a session ends.
    """
    at = np.searchsorted(rank, opened)
    touched = np.flatnonzero(np.append(rank, -1)[at] == opened)
    touched = touched[np.argsort(opened[touched])]
    at = at[touched]
    carried = open_sessions.take(pa.array(touched))

    row_rank, row_time, row_begin, source = rank, time, time, places
    is_opening = _matches(events.take_column("action", places), rules.opening)
    if len(carried):
        row_rank = np.insert(rank, at, opened[touched])
        row_time = np.insert(time, at, microseconds(carried["ended_at"]))
        row_begin = np.insert(time, at, microseconds(carried["started_at"]))
        is_opening = np.insert(is_opening, at, False)
        # Below zero: the carried sessions, the first being the lowest.
        source = np.insert(places, at, np.arange(-len(touched), 0))
    cut = find_boundaries(row_rank, row_time, row_begin, is_opening, rules)
    is_open = cut.end_reason == 0
    # Those that have ended stand first: what is gathered in that order need not be divided.
    order = np.argsort(is_open, kind="stable")
    first_row, last_row = cut.first[order], cut.last[order]
    first, last = source[first_row], source[last_row]

    def column(of_open: str, of_event: str, at: Numbers) -> pa.Array:
        is_event = at >= 0
        taken = events.take_column(of_event, at[is_event])
        if len(taken) == len(at):
            return taken.cast(pa.string())
        both = pa.concat_arrays([*carried.column(of_open).chunks, taken.cast(pa.string())])
        index = at + len(carried)
        index[is_event] = len(carried) + np.arange(np.count_nonzero(is_event))
        return both.take(pa.array(index))

    begins = first >= 0  # sessions whose first event is among the settled
    started, ended = row_begin[first_row], row_time[last_row]
    count = last_row - first_row + 1
    count[~begins] += carried["event_count"].to_numpy()[first[~begins] + len(carried)] - 1
    machine_id = column("machine_id", "machine_id", first)

    begun = machine_id if begins.all() else machine_id.filter(pa.array(begins))
    ids = session_ids(begun, events.take_column("event_id", first[begins]), started[begins])
    session_id = ids
    if len(carried):
        every_id = pa.concat_arrays([*carried.column("session_id").chunks, ids])
        index = first + len(carried)
        index[begins] = len(carried) + np.arange(len(ids))
        session_id = every_id.take(pa.array(index))
    sessions = pa.table(
        {
            "session_id": session_id,
            "machine_id": machine_id,
            "user_id": column("user_id", "user_id", first),
            "started_at": times(started),
            "ended_at": times(ended),
            "duration_s": (ended - started) / 1e6,
            "event_count": count,
            "start_action": column("start_action", "action", first),
            "end_action": column("end_action", "action", last),
            "end_reason": pa.array(END_REASONS).take(pa.array(cut.end_reason[order])),
            "product": column("product", "product", first),
            "build_id": column("build_id", "build_id", first),
        },
        schema=SESSIONS,
    )
    by_start = np.empty(len(order), np.int64)
    by_start[order] = np.arange(len(order))
    session_of_row = np.repeat(np.arange(len(order), dtype=np.int32), cut.last - cut.first + 1)
    rank_of_session = row_rank[first_row]
    closed = len(order) - int(np.count_nonzero(is_open))
    return Cut(
        closed=sessions.slice(0, closed),
        closed_rank=rank_of_session[:closed],
        open=sessions.slice(closed),
        open_rank=rank_of_session[closed:],
        session_id=pa.DictionaryArray.from_arrays(
            session_of_row[source >= 0], session_id.take(pa.array(by_start)), safe=False
        ),
    )


def _matches(actions: pa.DictionaryArray, pattern: re.Pattern[str]) -> npt.NDArray[np.bool_]:
    """Tell which actions have the pattern in them, asking once for each distinct one."""
    hits = [pattern.search(action) is not None for action in actions.dictionary.to_pylist()]
    return np.array(hits, dtype=bool)[actions.indices.to_numpy()]
