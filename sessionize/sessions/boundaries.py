"""Where one session ends and the next begins (contract §3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sessionize.config import SessionRules
from sessionize.kernels.boundaries import NO_LIMIT, find_sessions
from sessionize.model.frames import contains, text_array
from sessionize.sessions.candidates import Candidates, microseconds
from sessionize.sessions.machines import Numbers

CLOSING_EVENT = "closing_event"
#: Why a session ends, in the numbers of `kernels.boundaries`.
END_REASONS = text_array(["timeout", "opening_event", "max_duration", CLOSING_EVENT])


@dataclass(frozen=True)
class Boundaries:
    """The sessions of settled events. Sessions open before come first, then those that begin.

    Attributes
    ----------
    session : int64 array, one item a settled event
        Its session.
    begins : int64 array, one item a session that begins
        The settled event that it begins with, by its place among them.
    machine : int64 array, one item a session
    end_reason : Series of texts, one item a session
        Null where no settled event ends it.
    """

    session: Numbers
    begins: Numbers
    machine: Numbers
    end_reason: pd.Series


def find_boundaries(
    candidates: Candidates, settled: Numbers, open_sessions: pd.DataFrame, rules: SessionRules
) -> Boundaries:
    """Cut settled events (their places, in session order) into sessions; go on with open ones."""
    machine = candidates.event_machine[settled]
    open_session = np.full(len(candidates.machine_ids), -1)
    open_session[candidates.with_open_session] = np.arange(len(open_sessions))
    limit = rules.max_duration
    action = candidates.events["action"].take(settled)
    session, end_reason, begins = find_sessions(
        machine,
        candidates.event_time[settled],
        contains(action, rules.opening),
        np.zeros(len(settled), bool) if rules.closing is None else contains(action, rules.closing),
        open_session,
        microseconds(open_sessions["started_at"]),
        microseconds(open_sessions["ended_at"]),
        rules.timeout.microseconds_total,
        NO_LIMIT if limit is None else limit.microseconds_total,
    )
    return Boundaries(
        session=session,
        begins=begins,
        machine=np.concatenate([candidates.with_open_session, machine[begins]]),
        end_reason=pd.Series(END_REASONS.take(end_reason, allow_fill=True)),
    )
