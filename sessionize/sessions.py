"""The heart: events and the state of the hour before in, sessions and the state after out.

A pure function of its arguments (contract §3): no clock, no storage, no randomness.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sessionize.boundaries import Boundaries, find_boundaries
from sessionize.config import SessionRules
from sessionize.duplicates import duplicated
from sessionize.frames import empty_frame, microseconds, times
from sessionize.hours import Hour
from sessionize.schemas import EVENTS, LATE_EVENTS, SESSIONIZED_EVENTS, SESSIONS, STATE
from sessionize.session_ids import SESSION_NAMESPACE, session_ids
from sessionize.shards import machine_ranks

__all__ = ["SESSION_NAMESPACE", "SessionState", "SessionizedHour", "sessionize_hour"]

_NEVER = np.iinfo(np.int64).min
_MICROSECOND = 1


@dataclass(frozen=True)
class SessionState:
    """What a run leaves to the next; every frame stands in the order of machines.

    Attributes
    ----------
    open_sessions : DataFrame
        ``schemas.SESSIONS``, one row a machine at most, ``end_reason`` null. The machine's frontier
        is ``ended_at``: an event *before* it is late.
    closed_frontiers : DataFrame
        ``machine_id``, ``frontier`` of machines whose session the watermark has closed: an event
        *at or before* it is late.
    pending : DataFrame
        ``schemas.EVENTS``: events at or after the watermark; a machine's stand in landed order.
    identities : DataFrame
        ``machine_id``, ``event_id``, ``event_time`` of the events that a copy is known by.
    """

    open_sessions: pd.DataFrame
    closed_frontiers: pd.DataFrame
    pending: pd.DataFrame
    identities: pd.DataFrame

    @classmethod
    def empty(cls) -> SessionState:
        """Return the state before the pipeline's first hour."""
        return cls(**{name: empty_frame(schema) for name, schema in STATE.items()})


@dataclass(frozen=True)
class SessionizedHour:
    """What a run makes of its events.

    Attributes
    ----------
    settled : DataFrame
        ``schemas.SESSIONIZED_EVENTS``, by machine, event time and landed order.
    closed : DataFrame
        ``schemas.SESSIONS``: the sessions closed in this run, by machine and start.
    late : DataFrame
        ``schemas.LATE_EVENTS``, by machine, event time and landed order.
    duplicates : int
        Events left out because an earlier one in landed order has their identity.
    state : SessionState
        The state after the run.
    """

    settled: pd.DataFrame
    closed: pd.DataFrame
    late: pd.DataFrame
    duplicates: int
    state: SessionState


def sessionize_hour(
    state: SessionState, events: pd.DataFrame, hour: Hour, rules: SessionRules
) -> SessionizedHour:
    """Settle the events of one run (contract §3).

    Parameters
    ----------
    state : SessionState
        The state that the run of the hour before has left.
    events : DataFrame
        ``schemas.EVENTS``: the valid events that landed in this run, in landed order.
    hour : Hour
        The run's hour; the watermark is its end minus ``max_out_of_orderness``.
    rules : SessionRules
        When sessions end, and how long events are waited for.
    """
    watermark = _microseconds_of(hour) - rules.max_out_of_orderness.microseconds_total
    (opened, closed, known, waiting, landed), machines = machine_ranks(
        state.open_sessions["machine_id"],
        state.closed_frontiers["machine_id"],
        state.identities["machine_id"],
        state.pending["machine_id"],
        events["machine_id"],
    )
    landed_time = microseconds(events["event_time"])
    known_time = microseconds(state.identities["event_time"])

    is_duplicate = duplicated(
        np.concatenate([known, landed]),
        np.concatenate([known_time, landed_time]),
        pd.concat([state.identities["event_id"], events["event_id"]], ignore_index=True),
    )[len(known) :]

    # A time strictly before `too_early` is late; one microsecond makes a closed frontier inclusive.
    frontier = np.full(len(machines), _NEVER)
    frontier[opened] = microseconds(state.open_sessions["ended_at"])
    frontier[closed] = microseconds(state.closed_frontiers["frontier"])
    too_early = frontier.copy()
    too_early[closed] += _MICROSECOND
    is_late = ~is_duplicate & (landed_time < too_early[landed])
    accepted = ~is_duplicate & ~is_late

    # Pending events landed in earlier runs: they stand first.
    candidates = _stack(state.pending, events[accepted], EVENTS.names)
    rank = np.concatenate([waiting, landed[accepted]])
    time = np.concatenate([microseconds(state.pending["event_time"]), landed_time[accepted]])
    settles = time < watermark
    order = np.flatnonzero(settles)
    order = order[np.lexsort((time[order], rank[order]))]
    settled, tagged_rank = candidates.take(order), rank[order]

    sessions = _Sessions.of(state.open_sessions, opened, settled, tagged_rank, time[order], rules)
    settled = settled.assign(session_id=sessions.tags)

    # What no settled event has touched stays open as it was.
    untouched = ~np.isin(opened, tagged_rank)
    still_open = _stack(state.open_sessions[untouched], sessions.open, SESSIONS.names)
    open_rank = np.concatenate([opened[untouched], sessions.open_rank])
    ended = microseconds(still_open["ended_at"])
    expired = (
        ended + rules.timeout.microseconds_total + rules.allowed_lateness.microseconds_total
        < watermark
    )
    by_watermark = still_open[expired].assign(end_reason="timeout")
    closed_now = _stack(sessions.closed, by_watermark, SESSIONS.names)
    closed_rank = np.concatenate([sessions.closed_rank, open_rank[expired]])

    kept = ~np.isin(closed, tagged_rank)
    frontiers = pd.DataFrame(
        {
            "machine_id": machines[np.concatenate([closed[kept], open_rank[expired]])],
            "frontier": times(
                np.concatenate(
                    [
                        frontier[closed[kept]],
                        ended[expired] + rules.timeout.microseconds_total,
                    ]
                )
            ),
        }
    )
    frontier_rank = np.concatenate([closed[kept], open_rank[expired]])
    remembered = (
        microseconds(frontiers["frontier"]) >= watermark - rules.max_event_age.microseconds_total
    )

    last_event = np.full(len(machines), _NEVER)
    last_event[open_rank[~expired]] = ended[~expired]
    identities = _stack(state.identities, events[~is_duplicate], list(state.identities.columns))
    identity_rank = np.concatenate([known, landed[~is_duplicate]])
    identity_time = np.concatenate([known_time, landed_time[~is_duplicate]])
    needed = (identity_time >= watermark - rules.dedup_window.microseconds_total) | (
        identity_time == last_event[identity_rank]
    )

    late = events[is_late].assign(frontier=times(frontier[landed[is_late]]))
    return SessionizedHour(
        settled=settled[SESSIONIZED_EVENTS.names].reset_index(drop=True),
        closed=_by(closed_now, closed_rank),
        late=_by(late[LATE_EVENTS.names], landed[is_late], landed_time[is_late]),
        duplicates=int(is_duplicate.sum()),
        state=SessionState(
            open_sessions=_by(still_open[~expired], open_rank[~expired]),
            closed_frontiers=_by(frontiers[remembered], frontier_rank[remembered]),
            pending=_by(candidates[~settles], rank[~settles]),
            identities=_by(identities[needed], identity_rank[needed], identity_time[needed]),
        ),
    )


@dataclass(frozen=True)
class _Sessions:
    """The sessions that settled events make, together with the open ones that they continue."""

    tags: list[str] | npt.NDArray[np.object_]
    closed: pd.DataFrame
    closed_rank: npt.NDArray[np.int64]
    open: pd.DataFrame
    open_rank: npt.NDArray[np.int64]

    @classmethod
    def of(
        cls,
        open_sessions: pd.DataFrame,
        opened: npt.NDArray[np.int64],
        settled: pd.DataFrame,
        rank: npt.NDArray[np.int64],
        time: npt.NDArray[np.int64],
        rules: SessionRules,
    ) -> _Sessions:
        """Cut the settled events (by rank, time and landed order) into sessions.

        An open session stands in for its events: one row at its last event's time, before the
        machine's settled events.
        """
        touched = np.isin(opened, rank)
        carried = open_sessions[touched]
        row_rank = np.concatenate([opened[touched], rank])
        row_time = np.concatenate([microseconds(carried["ended_at"]), time])
        row_begin = np.concatenate([microseconds(carried["started_at"]), time])
        is_carried = np.arange(len(row_rank)) < len(carried)
        is_opening = np.concatenate(
            [np.zeros(len(carried), dtype=bool), _matches(settled["action"], rules.opening)]
        )
        order = np.lexsort((row_time, row_rank))
        cut: Boundaries = find_boundaries(
            row_rank[order], row_time[order], row_begin[order], is_opening[order], rules
        )
        first, last = order[cut.first], order[cut.last]

        def column(of_open: str, of_event: str) -> pd.Series:
            return pd.concat([carried[of_open], settled[of_event]], ignore_index=True)

        started = row_begin[first]
        begins = ~is_carried[first]  # sessions whose first event is among the settled
        event = first[begins] - len(carried)
        ids = np.empty(len(first), dtype=object)
        ids[~begins] = carried["session_id"].to_numpy(dtype=object)[first[~begins]]
        ids[begins] = session_ids(
            settled["machine_id"].take(event),
            settled["event_id"].take(event),
            started[begins].tolist(),
        )
        count = cut.last - cut.first + 1
        count[~begins] += carried["event_count"].to_numpy()[first[~begins]] - 1
        ended = row_time[last]
        sessions = pd.DataFrame(
            {
                "session_id": pd.array(ids, dtype="str"),
                "machine_id": column("machine_id", "machine_id").take(first).array,
                "user_id": column("user_id", "user_id").take(first).array,
                "started_at": times(started),
                "ended_at": times(ended),
                "duration_s": (ended - started) / 1e6,
                "event_count": count,
                "start_action": column("start_action", "action").take(first).array,
                "end_action": column("end_action", "action").take(last).array,
                "end_reason": pd.array(cut.end_reason, dtype="str"),
                "product": column("product", "product").take(first).array,
                "build_id": column("build_id", "build_id").take(first).array,
            }
        )
        session_rank = row_rank[first]
        is_closed = sessions["end_reason"].notna().to_numpy()
        tag_of_row = np.empty(len(order), dtype=object)
        tag_of_row[order] = np.repeat(ids, cut.last - cut.first + 1)
        return cls(
            tags=tag_of_row[len(carried) :],
            closed=sessions[is_closed],
            closed_rank=session_rank[is_closed],
            open=sessions[~is_closed],
            open_rank=session_rank[~is_closed],
        )


def _matches(actions: pd.Series, pattern: re.Pattern[str]) -> npt.NDArray[np.bool_]:
    codes, uniques = pd.factorize(actions)
    hits = np.fromiter((pattern.search(action) is not None for action in uniques), dtype=np.bool_)
    return hits[codes]


def _microseconds_of(hour: Hour) -> int:
    return int(hour.end.timestamp()) * 1_000_000


def _stack(above: pd.DataFrame, below: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Lay two frames end to end, without a copy where one is empty."""
    if above.empty or below.empty:
        return (below if above.empty else above)[columns].reset_index(drop=True)
    return pd.concat([above[columns], below[columns]], ignore_index=True)


def _by(frame: pd.DataFrame, *keys: npt.NDArray[np.int64]) -> pd.DataFrame:
    """Sort by the keys, the first being the foremost; rows that tie keep their order."""
    return frame.take(np.lexsort(keys[::-1])).reset_index(drop=True)
