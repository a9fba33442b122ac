"""What the watermark closes, and what may be forgotten behind it (contract §3)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from sessionize.config import SessionRules
from sessionize.model.frames import TIME, categorical, take
from sessionize.sessions.boundaries import CLOSING_EVENT
from sessionize.sessions.candidates import Candidates, microseconds
from sessionize.sessions.columns import Sessions
from sessionize.sessions.duplicates import Duplicates
from sessionize.sessions.lateness import NO_FRONTIER, Late, Settled
from sessionize.sessions.state import State


def close_by_watermark(sessions: Sessions, watermark: int, rules: SessionRules) -> Sessions:
    """Close, by timeout, the open sessions that no event can extend any more."""
    patience = rules.timeout.microseconds_total + rules.allowed_lateness.microseconds_total
    is_expired = microseconds(sessions.frame["ended_at"]) + patience < watermark
    is_expired &= sessions.is_open
    reason = sessions.frame["end_reason"].mask(is_expired, "timeout")
    return replace(sessions, frame=sessions.frame.assign(end_reason=reason), is_expired=is_expired)


def forget(
    candidates: Candidates,
    duplicates: Duplicates,
    late: Late,
    settled: Settled,
    sessions: Sessions,
    watermark: int,
    rules: SessionRules,
) -> State:
    """Return what the next run needs to know, and leave out the rest."""
    return State(
        open_sessions=sessions.where(sessions.is_open),
        closed_frontiers=_closed_frontiers(candidates, late, settled, sessions, watermark, rules),
        pending=take(candidates.events, settled.waiting),
        identities=_identities(candidates, duplicates, sessions, watermark, rules),
    )


def _closed_frontiers(
    candidates: Candidates,
    late: Late,
    settled: Settled,
    sessions: Sessions,
    watermark: int,
    rules: SessionRules,
) -> pd.DataFrame:
    """Return the frontiers of machines without an open session, but for the oldest."""
    frontier = np.full(len(candidates.machine_ids), NO_FRONTIER)
    frontier[candidates.with_closed_frontier] = late.frontier[candidates.with_closed_frontier]
    frontier[candidates.event_machine[settled.places]] = NO_FRONTIER  # they have a session again
    ended_at = microseconds(sessions.frame["ended_at"])
    # A machine's last session is open, or was closed by its last event or by the watermark.
    closed = np.flatnonzero((sessions.frame["end_reason"] == CLOSING_EVENT).fillna(False))
    frontier[sessions.machine[closed]] = ended_at[closed]  # of several, the last counts
    frontier[sessions.machine[sessions.is_open]] = NO_FRONTIER
    expired = np.flatnonzero(sessions.is_expired)
    frontier[sessions.machine[expired]] = ended_at[expired] + rules.timeout.microseconds_total
    oldest = watermark - rules.max_event_age.microseconds_total
    kept = np.flatnonzero((frontier != NO_FRONTIER) & (frontier >= oldest))
    times = pd.array(frontier[kept].view("M8[us]"), dtype=TIME)
    return pd.DataFrame({"machine_id": candidates.machine_ids.take(kept), "frontier": times})


def _identities(
    candidates: Candidates,
    duplicates: Duplicates,
    sessions: Sessions,
    watermark: int,
    rules: SessionRules,
) -> pd.DataFrame:
    """Return the identities of the `dedup_window`, and those at the frontier of an open session.

    A copy of an older event is late, wherever else it lies.
    """
    last_event = np.full(len(candidates.machine_ids), NO_FRONTIER)
    is_open = sessions.is_open
    last_event[sessions.machine[is_open]] = microseconds(sessions.frame["ended_at"])[is_open]
    is_needed = candidates.time >= watermark - rules.dedup_window.microseconds_total
    is_needed |= candidates.time == last_event[candidates.machine]
    is_needed &= ~duplicates.is_copy
    rows = candidates.order[is_needed[candidates.order]]
    machine_id = categorical(candidates.machine[rows], candidates.machine_ids)
    others = take(candidates.identities[["event_id", "event_time"]], rows)
    return pd.DataFrame({"machine_id": machine_id, **others})
