"""The rows of ``sessions``: each declared column, carried and gone on with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from sessionize.config import SessionRules
from sessionize.model.columns import SessionColumn
from sessionize.model.frames import contains, take
from sessionize.sessions.aggregates import Values, aggregate, nulled_where, published
from sessionize.sessions.boundaries import find_boundaries
from sessionize.sessions.candidates import IDENTITY, Candidates, Mask, microseconds
from sessionize.sessions.ids import session_ids
from sessionize.sessions.lateness import Settled
from sessionize.sessions.machines import Numbers


@dataclass(frozen=True)
class Sessions:
    """The sessions of a run: those open before, then those that begin.

    Attributes
    ----------
    frame : DataFrame
        The columns of the state's ``open_sessions``: as they are carried.
    machine : int64 array, one item a session
    of_event : int64 array, one item a settled event
        Its session.
    is_expired : bool array, one item a session
        Whether the watermark has closed it.
    """

    frame: pd.DataFrame
    machine: Numbers
    of_event: Numbers
    is_expired: Mask

    @property
    def is_open(self) -> Mask:
        """Which sessions have not ended."""
        return self.frame["end_reason"].isna().to_numpy()

    def where(self, mask: Mask) -> pd.DataFrame:
        """Return the sessions for which the mask holds, by machine and start."""
        by_machine = np.argsort(self.machine, kind="stable")
        return take(self.frame, by_machine[mask[by_machine]])


def make_sessions(
    candidates: Candidates,
    settled: Settled,
    open_sessions: pd.DataFrame,
    rules: SessionRules,
    columns: tuple[SessionColumn, ...],
) -> Sessions:
    """Let each settled event extend its machine's open session, or begin a new one."""
    events = candidates.events
    boundaries = find_boundaries(candidates, settled.places, open_sessions, rules)
    count = len(boundaries.machine)
    first = events[IDENTITY].take(settled.places[boundaries.begins])
    ids = pd.concat([open_sessions["session_id"], session_ids(first)], ignore_index=True)
    sessions: dict[str, Any] = {"session_id": ids}
    incomplete = open_sessions["incomplete"]
    for column in columns:
        if column.aggregate is not None:
            added = values_of(column, events, settled.places, boundaries.session)
            value = aggregate(column, open_sessions[column.carried_as], added, count)
            sessions[column.carried_as] = nulled_where(
                value, _is_incomplete(column, incomplete, count)
            )
    sessions["end_reason"] = boundaries.end_reason
    sessions["duration_s"] = seconds_between(sessions["started_at"], sessions["ended_at"])
    sessions["incomplete"] = incomplete.reindex(range(count))
    return Sessions(
        frame=pd.DataFrame(sessions)[[*open_sessions.columns]],
        machine=boundaries.machine,
        of_event=boundaries.session,
        is_expired=np.zeros(count, bool),
    )


def published_sessions(sessions: pd.DataFrame, columns: tuple[SessionColumn, ...]) -> pd.DataFrame:
    """Return carried sessions as the rows of ``sessions`` and ``open_sessions``."""
    return pd.DataFrame({c.name: published(c, sessions[c.carried_as]) for c in columns})


def values_of(
    column: SessionColumn, events: pd.DataFrame, settled: Numbers, session: Numbers
) -> Values:
    """Return what a column aggregates of the settled events."""
    values = Values(session, settled, None if column.of is None else events[column.of])
    if column.where is None:
        return values
    return values.only(contains(events["action"].take(settled), re.compile(column.where, re.ASCII)))


def _is_incomplete(column: SessionColumn, incomplete: pd.Series, sessions: int) -> Mask:
    """Tell which sessions miss events in a column that was declared while they were open."""
    mask = np.zeros(sessions, bool)
    if incomplete.notna().any():
        names_of = pa.array(incomplete).to_pylist()
        mask[: len(incomplete)] = [column.carried_as in (names or ()) for names in names_of]
    return mask


def seconds_between(started_at: pd.Series, ended_at: pd.Series) -> npt.NDArray[np.float64]:
    """Return ``duration_s``."""
    return (microseconds(ended_at) - microseconds(started_at)) / 1e6
