"""The heart: events and the state of the hour before in, sessions and the state after out.

A pure function of its arguments (contract §3): no clock, no storage, no randomness.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sessionize.boundaries import find_boundaries
from sessionize.config import SessionRules
from sessionize.duplicates import duplicated
from sessionize.hours import Hour
from sessionize.kernels.order import order_by_machine_and_time
from sessionize.schemas import (
    CLOSED_FRONTIERS,
    ENCODED_EVENTS,
    SESSIONS,
    SETTLED_EVENTS,
    STAGED_DATASETS,
    STAGED_STATE,
    STATE,
)
from sessionize.session_ids import SESSION_NAMESPACE, session_ids
from sessionize.shards import rank_machines
from sessionize.tables import Rows, microseconds, pieces, times

__all__ = ["SESSION_NAMESPACE", "SessionState", "SessionizedHour", "sessionize_hour"]

_NEVER = np.iinfo(np.int64).min
_MICROSECOND = 1

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SessionState:
    """What a run leaves to the next; every table stands in the order of machines.

    Texts may be dictionary-encoded (``schemas.encoded``).

    Attributes
    ----------
    open_sessions : Table
        ``schemas.SESSIONS``, one row a machine at most, ``end_reason`` null. The machine's frontier
        is ``ended_at``: an event *before* it is late.
    closed_frontiers : Table
        ``machine_id``, ``frontier`` of machines whose session the watermark has closed: an event
        *at or before* it is late.
    pending : Table
        ``schemas.EVENTS``: events at or after the watermark; a machine's stand in landed order.
    identities : Table
        ``machine_id``, ``event_id``, ``event_time`` of the events that a copy is known by.
    """

    open_sessions: pa.Table
    closed_frontiers: pa.Table
    pending: pa.Table
    identities: pa.Table

    @classmethod
    def empty(cls) -> SessionState:
        """Return the state before the pipeline's first hour."""
        return cls(**{name: schema.empty_table() for name, schema in STATE.items()})


@dataclass(frozen=True)
class SettledEvents:
    """Settled events, by machine, event time and landed order: gathered as they are asked for."""

    events: Rows
    rows: Numbers
    machine_id: pa.DictionaryArray
    session_id: pa.DictionaryArray

    def __len__(self) -> int:
        return len(self.rows)

    def table(self, part: slice = slice(None)) -> pa.Table:
        """Return them, or a part of them, as ``schemas.SETTLED_EVENTS``."""
        own = {"machine_id", "session_id"}
        names = [name for name in SETTLED_EVENTS.names if name not in own]
        gathered = self.events.take(
            self.rows[part], pa.schema([SETTLED_EVENTS.field(name) for name in names])
        )
        columns = dict(zip(names, gathered.columns, strict=True))
        columns["machine_id"], columns["session_id"] = (
            pa.DictionaryArray.from_arrays(ids.indices[part], ids.dictionary)
            for ids in (self.machine_id, self.session_id)
        )
        return pa.table([columns[name] for name in SETTLED_EVENTS.names], schema=SETTLED_EVENTS)

    def tables(self, rows: int) -> Iterator[pa.Table]:
        """Yield them in pieces of so many rows."""
        for part in pieces(len(self), rows):
            yield self.table(part)


@dataclass(frozen=True)
class SessionizedHour:
    """What a run makes of its events.

    Attributes
    ----------
    settled : SettledEvents
    closed : Table
        ``schemas.SESSIONS``: the sessions closed in this run, by machine and start.
    late : Table
        ``schemas.LATE_EVENTS``, by machine, event time and landed order.
    duplicates : int
        Events left out because an earlier one in landed order has their identity.
    state : SessionState
        The state after the run.
    """

    settled: SettledEvents
    closed: pa.Table
    late: pa.Table
    duplicates: int
    state: SessionState


def sessionize_hour(
    state: SessionState, events: pa.Table, hour: Hour, rules: SessionRules
) -> SessionizedHour:
    """Settle the events of one run (contract §3).

    Parameters
    ----------
    state : SessionState
        The state that the run of the hour before has left.
    events : Table
        ``schemas.EVENTS``, perhaps encoded: the valid events that landed in this run, in landed
        order.
    hour : Hour
        The run's hour; the watermark is its end minus ``max_out_of_orderness``.
    rules : SessionRules
        When sessions end, and how long events are waited for.
    """
    watermark = _microseconds_of(hour) - rules.max_out_of_orderness.microseconds_total
    # Pending events landed in earlier runs: they stand first.
    candidates = Rows(
        pa.concat_tables([state.pending.cast(ENCODED_EVENTS), events.cast(ENCODED_EVENTS)])
    )
    machines = rank_machines(
        *(
            table.column("machine_id").cast(pa.string())
            for table in (state.open_sessions, state.closed_frontiers, state.identities)
        ),
        candidates.column("machine_id"),
    )
    opened, closed, known, rank = machines.ranks
    time = microseconds(candidates.column("event_time"))
    waiting = len(state.pending)
    landed, landed_time = rank[waiting:], time[waiting:]

    known_event_id = state.identities.column("event_id")
    landed_event_id = candidates.column("event_id").slice(waiting)
    identity_id = pa.chunked_array(known_event_id.chunks + landed_event_id.chunks, pa.string())
    identity_rank, identity_time = landed, landed_time
    if len(known):
        identity_rank = np.concatenate([known, landed])
        identity_time = np.concatenate([microseconds(state.identities["event_time"]), landed_time])
    identity_order = order_by_machine_and_time(identity_rank, identity_time, len(machines.ids))
    copies = duplicated(identity_rank, identity_time, identity_id, identity_order)
    is_duplicate = copies[len(known) :]

    # A time strictly before `too_early` is late; one microsecond makes a closed frontier inclusive.
    frontier = np.full(len(machines.ids), _NEVER)
    frontier[opened] = microseconds(state.open_sessions["ended_at"])
    frontier[closed] = microseconds(state.closed_frontiers["frontier"])
    too_early = frontier.copy()
    too_early[closed] += _MICROSECOND
    is_late = ~is_duplicate & (landed_time < too_early[landed])

    accepted = np.ones(len(rank), dtype=bool)
    accepted[waiting:] = ~is_duplicate & ~is_late
    settles = accepted & (time < watermark)
    order = identity_order[identity_order >= len(known)] - len(known)
    if waiting:
        order = order_by_machine_and_time(rank, time, len(machines.ids))
    order = order[settles[order]]
    settled_rank, settled_time = rank[order], time[order]
    waits = np.flatnonzero(accepted & ~settles)
    late = np.flatnonzero(is_late)
    late = late[np.lexsort((landed_time[late], landed[late]))]

    cut = _cut(state.open_sessions, opened, candidates, order, settled_rank, settled_time, rules)
    # What no settled event has touched stays open as it was.
    is_touched = np.zeros(len(machines.ids), dtype=bool)
    is_touched[settled_rank] = True
    untouched = ~is_touched[opened]
    still_open = pa.concat_tables(
        [state.open_sessions.filter(pa.array(untouched)), cut.sessions.filter(pa.array(cut.open))]
    ).combine_chunks()
    open_rank = np.concatenate([opened[untouched], cut.rank[cut.open]])
    ended = microseconds(still_open["ended_at"])
    expired = (
        ended + rules.timeout.microseconds_total + rules.allowed_lateness.microseconds_total
        < watermark
    )
    by_watermark = still_open.filter(pa.array(expired))
    by_watermark = by_watermark.set_column(
        SESSIONS.get_field_index("end_reason"),
        SESSIONS.field("end_reason"),
        pa.repeat(pa.scalar("timeout"), len(by_watermark)),
    )
    closed_now = pa.concat_tables([cut.sessions.filter(pa.array(~cut.open)), by_watermark])
    closed_rank = np.concatenate([cut.rank[~cut.open], open_rank[expired]])

    kept = ~is_touched[closed]
    frontier_rank = np.concatenate([closed[kept], open_rank[expired]])
    frontier_time = np.concatenate(
        [frontier[closed[kept]], ended[expired] + rules.timeout.microseconds_total]
    )
    remembered = frontier_time >= watermark - rules.max_event_age.microseconds_total
    frontiers = pa.table(
        [machines.ids.take(pa.array(frontier_rank)), times(frontier_time)], schema=CLOSED_FRONTIERS
    )

    last_event = np.full(len(machines.ids), _NEVER)
    last_event[open_rank[~expired]] = ended[~expired]
    needed = ~copies & (
        (identity_time >= watermark - rules.dedup_window.microseconds_total)
        | (identity_time == last_event[identity_rank])
    )
    identities = identity_order[needed[identity_order]]

    return SessionizedHour(
        settled=SettledEvents(
            candidates, order, _of_machines(machines.ids, settled_rank), cut.session_id
        ),
        closed=_by(closed_now, closed_rank),
        late=_with_frontier(
            candidates.take(waiting + late, ENCODED_EVENTS), frontier[landed[late]]
        ),
        duplicates=int(is_duplicate.sum()),
        state=SessionState(
            open_sessions=_by(still_open.filter(pa.array(~expired)), open_rank[~expired]),
            closed_frontiers=_by(frontiers.filter(pa.array(remembered)), frontier_rank[remembered]),
            pending=candidates.take(waits[np.argsort(rank[waits], kind="stable")], ENCODED_EVENTS),
            identities=pa.table(
                [
                    _of_machines(machines.ids, identity_rank[identities]),
                    identity_id.take(pa.array(identities)),
                    times(identity_time[identities]),
                ],
                schema=STAGED_STATE["identities"],
            ),
        ),
    )


@dataclass(frozen=True)
class _Cut:
    """The sessions that settled events make, together with the open ones that they continue.

    Attributes
    ----------
    sessions : Table
        ``schemas.SESSIONS``, by machine and start.
    rank : int64 array
        The machine of each.
    open : bool array
        Which of them have not ended.
    session_id : DictionaryArray
        The session of each settled event.
    """

    sessions: pa.Table
    rank: Numbers
    open: npt.NDArray[np.bool_]
    session_id: pa.DictionaryArray


def _cut(
    open_sessions: pa.Table,
    opened: Numbers,
    events: Rows,
    order: Numbers,
    rank: Numbers,
    time: Numbers,
    rules: SessionRules,
) -> _Cut:
    """Cut settled events into sessions.

    An open session stands in for its events: one row at its last event's time, before the machine's
    settled events.

    Parameters
    ----------
    open_sessions, opened : Table, int64 array
        The sessions open before, and their machines.
    events : Rows
        The events, of which some settle: in the order of machine, time and landed order.
    order, rank, time : int64 arrays
        The rows of those that settle, their machines and their times.
    rules : SessionRules
        When a session ends.
    """
    place = np.searchsorted(rank, opened)
    touched = np.flatnonzero(np.append(rank, -1)[place] == opened)
    touched = touched[np.argsort(opened[touched])]
    place = place[touched]
    carried = open_sessions.take(pa.array(touched))

    row_rank, row_time, row_begin, source = rank, time, time, order
    is_opening = _matches(events.column("action"), rules.opening)[order]
    if len(carried):
        row_rank = np.insert(rank, place, opened[touched])
        row_time = np.insert(time, place, microseconds(carried["ended_at"]))
        row_begin = np.insert(time, place, microseconds(carried["started_at"]))
        is_opening = np.insert(is_opening, place, False)
        # Below zero: the carried sessions, the first being the lowest.
        source = np.insert(order, place, np.arange(-len(touched), 0))
    cut = find_boundaries(row_rank, row_time, row_begin, is_opening, rules)
    first, last = source[cut.first], source[cut.last]

    def column(of_open: str, of_event: str, at: Numbers) -> pa.Array:
        is_event = at >= 0
        taken = events.take_column(of_event, at[is_event]).cast(pa.string())
        if len(taken) == len(at):
            return taken
        both = pa.concat_arrays([*carried.column(of_open).chunks, taken])
        index = at + len(carried)
        index[is_event] = len(carried) + np.arange(np.count_nonzero(is_event))
        return both.take(pa.array(index))

    begins = first >= 0  # sessions whose first event is among the settled
    started, ended = row_begin[cut.first], row_time[cut.last]
    rows = cut.last - cut.first + 1
    count = rows.copy()
    count[~begins] += carried["event_count"].to_numpy()[first[~begins] + len(carried)] - 1
    machine_id = column("machine_id", "machine_id", first)

    ids = session_ids(
        machine_id.filter(pa.array(begins)),
        events.take_column("event_id", first[begins]),
        started[begins],
    )
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
            "end_reason": pa.array(cut.end_reason, pa.string()),
            "product": column("product", "product", first),
            "build_id": column("build_id", "build_id", first),
        },
        schema=SESSIONS,
    )
    session_of_row = np.repeat(np.arange(len(first), dtype=np.int32), rows)
    return _Cut(
        sessions=sessions,
        rank=row_rank[cut.first],
        open=sessions.column("end_reason").is_null().to_numpy(),
        session_id=pa.DictionaryArray.from_arrays(session_of_row[source >= 0], session_id),
    )


def _matches(actions: pa.ChunkedArray, pattern: re.Pattern[str]) -> npt.NDArray[np.bool_]:
    hits = []
    for chunk in actions.chunks:
        found = [pattern.search(action) is not None for action in chunk.dictionary.to_pylist()]
        hits.append(np.array(found, dtype=bool)[chunk.indices.to_numpy(zero_copy_only=False)])
    return np.concatenate([np.zeros(0, dtype=bool), *hits])


def _of_machines(ids: pa.StringArray, ranks: Numbers) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(ranks.astype(np.int32), ids)


def _with_frontier(events: pa.Table, frontier: Numbers) -> pa.Table:
    schema = STAGED_DATASETS["late_events"]
    return pa.table([*events.columns, times(frontier)], schema=schema)


def _microseconds_of(hour: Hour) -> int:
    return int(hour.end.timestamp()) * 1_000_000


def _by(table: pa.Table, rank: Numbers) -> pa.Table:
    """Sort by machine; rows of one machine keep their order."""
    return table.take(pa.array(np.argsort(rank, kind="stable"))).combine_chunks()
