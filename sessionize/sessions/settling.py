"""A range of machines: which of their events settle, wait, are late or copies; their sessions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sessionize.config import SessionRules
from sessionize.kernels.order import order_by_machine_and_time
from sessionize.model.schemas import (
    CLOSED_FRONTIERS,
    ENCODED_EVENTS,
    SESSIONS,
    STAGED_DATASETS,
    STAGED_STATE,
)
from sessionize.sessions.cutting import cut_sessions
from sessionize.sessions.duplicates import duplicated
from sessionize.sessions.shards import rank_machines
from sessionize.sessions.tables import Numbers, Rows, microseconds, place_of, times

_NEVER = np.iinfo(np.int64).min
_MICROSECOND = 1


@dataclass(frozen=True)
class Candidates:
    """What may settle in a run, and what copies of it are known by; shared by all ranges.

    Attributes
    ----------
    events : Rows
        ``schemas.ENCODED_EVENTS``: the pending events of earlier runs, then those that landed in
        this one: in landed order.
    first_landed : int
        The place of the first event that landed in this run, if there is one.
    event_ids : Rows
        ``event_id`` of the known identities, then of ``events``.
    shift : int
        What to add to an event's place in ``events`` for its place in ``event_ids``.
    """

    events: Rows
    first_landed: int
    event_ids: Rows
    shift: int

    @classmethod
    def of(cls, pending: pa.Table, landed: pa.Table, identities: pa.Table) -> Candidates:
        """Lay them end to end, without a copy."""
        events = Rows(pending, landed)
        known = identities.select(["event_id"])
        event_ids = Rows(known, events.select("event_id"))
        return cls(events, place_of(events.firsts[1]), event_ids, place_of(event_ids.firsts[1]))


@dataclass(frozen=True)
class Range:
    """The machines of a range of hashes: what is known of them before, and their events.

    Attributes
    ----------
    open_sessions, closed_frontiers, identities : Table
        Their rows of the state.
    known : int64 array
        The places of the identities' ids in ``Candidates.event_ids``.
    events : int64 array
        The places of their events in ``Candidates.events``, rising.
    """

    open_sessions: pa.Table
    closed_frontiers: pa.Table
    identities: pa.Table
    known: Numbers
    events: Numbers


@dataclass(frozen=True)
class SettledRange:
    """What becomes of a range; tables stand in the order of machines.

    Attributes
    ----------
    settled : int64 array
        The places of the settled events, by machine, event time and landed order.
    machine_id, session_id : DictionaryArray
        Of each settled event.
    closed, late, open_sessions, closed_frontiers, pending, identities : Table
        As of ``sessions.SessionizedHour`` and its state.
    duplicates : int
        Events left out as copies.
    """

    settled: Numbers
    machine_id: pa.DictionaryArray
    session_id: pa.DictionaryArray
    closed: pa.Table
    late: pa.Table
    open_sessions: pa.Table
    closed_frontiers: pa.Table
    pending: pa.Table
    identities: pa.Table
    duplicates: int


def settle(
    candidates: Candidates, these: Range, watermark: int, rules: SessionRules
) -> SettledRange:
    """Settle the events of one range of machines (contract §3).

    Parameters
    ----------
    candidates : Candidates
        The events of all ranges.
    these : Range
        The range to settle.
    watermark : int
        In microseconds since the epoch.
    rules : SessionRules
        When sessions end, and how long events are waited for.
    """
    events, places = candidates.events, these.events
    machines = rank_machines(
        *(
            table.column("machine_id").cast(pa.string())
            for table in (these.open_sessions, these.closed_frontiers, these.identities)
        ),
        events.take_pieces("machine_id", places),
    )
    opened, closed, known, rank = machines.ranks
    time = events.take_numbers("event_time", places)
    waiting = int(np.searchsorted(places, candidates.first_landed))
    landed, landed_time = rank[waiting:], time[waiting:]

    identity_rank, identity_time = landed, landed_time
    identity_places = places[waiting:] + candidates.shift
    if len(known):
        identity_rank = np.concatenate([known, landed])
        identity_time = np.concatenate([microseconds(these.identities["event_time"]), landed_time])
        identity_places = np.concatenate([these.known, identity_places])
    identity_order = order_by_machine_and_time(identity_rank, identity_time, len(machines.ids))
    copies = duplicated(
        identity_rank,
        identity_time,
        lambda rows: candidates.event_ids.take_pieces("event_id", identity_places[rows]),
        identity_order,
    )
    is_duplicate = copies[len(known) :]

    # A time strictly before `too_early` is late; one microsecond makes a closed frontier inclusive.
    frontier = np.full(len(machines.ids), _NEVER)
    frontier[opened] = microseconds(these.open_sessions["ended_at"])
    frontier[closed] = microseconds(these.closed_frontiers["frontier"])
    too_early = frontier.copy()
    too_early[closed] += _MICROSECOND
    is_late = ~is_duplicate & (landed_time < too_early[landed])

    accepted = np.ones(len(rank), dtype=bool)
    accepted[waiting:] = ~is_duplicate & ~is_late
    settles = accepted & (time < watermark)
    order = identity_order
    if waiting:
        order = order_by_machine_and_time(rank, time, len(machines.ids))
    elif len(known):
        order = identity_order[identity_order >= len(known)] - len(known)
    order = order[settles[order]]
    settled_rank, settled_time, settled = rank[order], time[order], places[order]
    waits = np.flatnonzero(accepted & ~settles)
    late = np.flatnonzero(is_late)
    late = late[np.lexsort((landed_time[late], landed[late]))]

    cut = cut_sessions(
        these.open_sessions, opened, events, settled, settled_rank, settled_time, rules
    )
    # What no settled event has touched stays open as it was.
    is_touched = np.zeros(len(machines.ids), dtype=bool)
    is_touched[settled_rank] = True
    untouched = ~is_touched[opened]
    still_open = pa.concat_tables(
        [_those(these.open_sessions, untouched), cut.open]
    ).combine_chunks()
    open_rank = np.concatenate([opened[untouched], cut.open_rank])
    ended = microseconds(still_open["ended_at"])
    expired = (
        ended + rules.timeout.microseconds_total + rules.allowed_lateness.microseconds_total
        < watermark
    )
    by_watermark = _those(still_open, expired)
    by_watermark = by_watermark.set_column(
        SESSIONS.get_field_index("end_reason"),
        SESSIONS.field("end_reason"),
        pa.repeat(pa.scalar("timeout"), len(by_watermark)),
    )
    closed_now = pa.concat_tables([cut.closed, by_watermark])
    closed_rank = np.concatenate([cut.closed_rank, open_rank[expired]])

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
    needed = identity_time >= watermark - rules.dedup_window.microseconds_total
    if not needed.all():
        needed |= identity_time == last_event[identity_rank]
    needed &= ~copies
    identities = identity_order[needed[identity_order]]

    return SettledRange(
        settled=settled,
        machine_id=_of_machines(machines.ids, settled_rank),
        session_id=cut.session_id,
        closed=_by(closed_now, closed_rank),
        late=_with_frontier(
            events.take(places[waiting + late], ENCODED_EVENTS), frontier[landed[late]]
        ),
        open_sessions=_by(_those(still_open, ~expired), open_rank[~expired]),
        closed_frontiers=_by(_those(frontiers, remembered), frontier_rank[remembered]),
        pending=events.take(places[waits[np.argsort(rank[waits], kind="stable")]], ENCODED_EVENTS),
        identities=pa.table(
            [
                _of_machines(machines.ids, identity_rank[identities]),
                *candidates.event_ids.take(
                    identity_places[identities], pa.schema([("event_id", pa.string())])
                ).columns,
                times(identity_time[identities]),
            ],
            schema=STAGED_STATE["identities"],
        ),
        duplicates=int(is_duplicate.sum()),
    )


def _of_machines(ids: pa.StringArray, ranks: Numbers) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(ranks.astype(np.int32), ids, safe=False)


def _with_frontier(events: pa.Table, frontier: Numbers) -> pa.Table:
    schema = STAGED_DATASETS["late_events"]
    return pa.table([*events.columns, times(frontier)], schema=schema)


def _those(table: pa.Table, mask: npt.NDArray[np.bool_]) -> pa.Table:
    """Return the rows for which the mask holds."""
    return table if mask.all() else table.filter(pa.array(mask))


def _by(table: pa.Table, rank: Numbers) -> pa.Table:
    """Sort by machine; rows of one machine keep their order."""
    if (rank[1:] >= rank[:-1]).all():
        return table.combine_chunks()
    return table.take(pa.array(np.argsort(rank, kind="stable"))).combine_chunks()
