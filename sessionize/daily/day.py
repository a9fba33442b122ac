"""The pure core of a day: its sessions numbered on, and its machines carried on.

A machine's sessions are numbered in the order of their starts, those of an earlier day first. They
are closed in that order (contract §3), so cutting the same sessions into other days gives the same
numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.arrays import ArrowExtensionArray

from sessionize.daily.summary import Tally
from sessionize.model.columns import MACHINE_COLUMNS
from sessionize.model.frames import TIME, take, text

Numbers = npt.NDArray[np.int64]

_SECOND = 1_000_000


@dataclass(frozen=True)
class Day:
    """What a day publishes.

    Attributes
    ----------
    sessions : DataFrame
        The columns of ``daily_sessions``, by machine and start.
    machines : DataFrame
        Those of ``machines``, by machine: what the next day goes on from.
    summary : DataFrame
        Those of ``daily_summary``.
    """

    sessions: pd.DataFrame
    machines: pd.DataFrame
    summary: pd.DataFrame


def make_day(before: pd.DataFrame, sessions: pd.DataFrame, *, by_version: bool = True) -> Day:
    """Make a day's datasets of its sessions and the machines of the day before.

    Parameters
    ----------
    before : DataFrame
        The columns of ``machines``, one row a machine; without rows before the first day.
    sessions : DataFrame
        The columns of ``sessions``: those closed in the day, in the order in which they were.
    by_version : bool
        Whether the summary has rows of products and versions: False with `profile = "none"`.

    Returns
    -------
    Day
    """
    numbered, machines = number_on(before, sessions)
    tally = Tally(by_version=by_version)
    tally.add(numbered)
    return Day(numbered, machines, tally.summary())


def number_on(before: pd.DataFrame, sessions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give sessions their numbers, and carry their machines on: `make_day` without the summary.

    Machines hang on no other machine: any part of them may be done by itself.
    """
    joined = _Joined.of(before, sessions)
    return _numbered(joined), _carried(joined)


@dataclass(frozen=True)
class _Joined:
    """The machines of the day before and of the day, and its sessions in their order.

    Attributes
    ----------
    machine_ids : Array
        All machines, by the bytes of their ids.
    before, sessions : DataFrame
        Sessions by machine and start; of one start, in the order in which they were closed.
    place : int64 array
        Where each machine stands in ``before``; -1: it is new.
    machine : int64 array
        Each session's machine, as a place in ``machine_ids``.
    first : int64 array
        Where the sessions of each machine that has some begin.
    """

    machine_ids: pa.Array
    before: pd.DataFrame
    sessions: pd.DataFrame
    place: Numbers
    machine: Numbers
    first: Numbers

    @classmethod
    def of(cls, before: pd.DataFrame, sessions: pd.DataFrame) -> _Joined:
        columns = [text(before["machine_id"]), text(sessions["machine_id"])]
        chunks = [chunk for column in columns for chunk in column.chunks]
        distinct = pc.unique(pa.chunked_array(chunks, pa.string()))
        ids = distinct.take(pc.sort_indices(distinct))
        of_before, of_session = (pc.index_in(column, ids).to_numpy() for column in columns)
        place = np.full(len(ids), -1)
        place[of_before] = np.arange(len(before))
        order = np.lexsort((_microseconds(sessions["started_at"]), of_session))
        machine = of_session[order].astype(np.int64)
        begins = np.append(True, machine[1:] != machine[:-1])[: len(machine)]
        return cls(ids, before, take(sessions, order), place, machine, np.flatnonzero(begins))

    @property
    def with_sessions(self) -> Numbers:
        """The machines that have sessions in the day."""
        return self.machine[self.first]

    @property
    def lengths(self) -> Numbers:
        """How many sessions each of those has."""
        return np.diff(np.append(self.first, len(self.machine)))

    def counts_before(self, column: str) -> Numbers:
        """Return what each machine has in a column of ``before``; a new one has 0."""
        return np.append(self.before[column].to_numpy(np.int64), 0)[self.place]

    # Two columns laid end to end, ``before`` first: a row of either is one place in them.

    @property
    def ended(self) -> Numbers:
        """When a machine was last seen, or a session ended, in microseconds."""
        seen, ended = self.before["last_seen"], self.sessions["ended_at"]
        return np.append(_microseconds(seen), _microseconds(ended))

    def texts(self, of_before: str, of_session: str, places: Numbers) -> ArrowExtensionArray:
        """Return texts at places; at a negative one, null."""
        columns = (self.before[of_before], self.sessions[of_session])
        chunks = [chunk for column in columns for chunk in text(column).chunks]
        rows = pa.array(places, mask=places < 0)
        return ArrowExtensionArray(pa.chunked_array(chunks, pa.string()).take(rows))


def _numbered(joined: _Joined) -> pd.DataFrame:
    """Return the sessions with their numbers, and with those that stand before them."""
    rows, first = np.arange(len(joined.machine)), joined.first
    previous = rows - 1 + len(joined.before)
    previous[first] = joined.place[joined.with_sessions]
    has_previous = previous >= 0
    since = np.full(len(rows), np.nan)
    waited = _microseconds(joined.sessions["started_at"]) - np.append(joined.ended, 0)[previous]
    since[has_previous] = waited[has_previous] / _SECOND
    within = rows - np.repeat(first, joined.lengths)
    return joined.sessions.assign(
        session_number=joined.counts_before("sessions")[joined.machine] + within + 1,
        previous_session_id=joined.texts("last_session_id", "session_id", previous),
        since_previous_s=since,
    )


def _carried(joined: _Joined) -> pd.DataFrame:
    """Return the machines as they are after the day."""
    sessions, first, with_sessions = joined.sessions, joined.first, joined.with_sessions
    last, user, is_new = joined.place.copy(), joined.place.copy(), joined.place < 0
    last[with_sessions] = first + joined.lengths - 1 + len(joined.before)
    last_with_user = _last_with_user(sessions["user_id"], first)
    has_user = last_with_user >= 0
    user[with_sessions[has_user]] = last_with_user[has_user] + len(joined.before)

    first_seen = np.append(_microseconds(joined.before["first_seen"]), 0)[joined.place]
    # A machine that is new has a first session.
    started = np.zeros(len(is_new), np.int64)
    started[with_sessions] = _microseconds(sessions["started_at"])[first]
    first_seen[is_new] = started[is_new]

    counted, events = joined.counts_before("sessions"), joined.counts_before("events")
    counted[with_sessions] += joined.lengths
    if len(first):  # `reduceat` wants one
        events[with_sessions] += np.add.reduceat(sessions["event_count"].to_numpy(np.int64), first)
    machines = {
        "machine_id": ArrowExtensionArray(joined.machine_ids),
        "first_seen": _times(first_seen),
        "last_seen": _times(joined.ended[last]),
        "sessions": counted,
        "events": events,
        "user_id": joined.texts("user_id", "user_id", user),
        "last_session_id": joined.texts("last_session_id", "session_id", last),
    }
    return pd.DataFrame(machines)[[column.name for column in MACHINE_COLUMNS]]


def _last_with_user(users: pd.Series, first: Numbers) -> Numbers:
    """Return, for each run of rows, the last that has a user; -1 if none has."""
    if not len(first):
        return first
    has_user = text(users).is_valid().to_numpy()
    return np.maximum.reduceat(np.where(has_user, np.arange(len(users)), -1), first)


def _microseconds(times: pd.Series) -> Numbers:
    return times.to_numpy("M8[us]").view(np.int64)


def _times(microseconds: Numbers) -> pd.api.extensions.ExtensionArray:
    return pd.array(microseconds.view("M8[us]"), dtype=TIME)
