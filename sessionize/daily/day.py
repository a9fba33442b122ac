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
    machine_ids, of_before, of_session = _numbered(before["machine_id"], sessions["machine_id"])
    started = _microseconds(sessions["started_at"])
    order = np.lexsort((started, of_session))
    sessions, machine, started = take(sessions, order), of_session[order], started[order]
    first = np.flatnonzero(np.append(True, machine[1:] != machine[:-1])[: len(machine)])

    # Where each machine stands in `before`; it may be new.
    place = np.full(len(machine_ids), -1)
    place[of_before] = np.arange(len(before))
    is_known = place >= 0

    counted = _counts(before["sessions"], place)
    within = np.arange(len(machine)) - np.repeat(first, _lengths(first, len(machine)))
    # The session before a session, in `before` and then `sessions`, laid end to end.
    previous = np.arange(len(machine)) - 1 + len(before)
    previous[first] = place[machine[first]]
    ended = np.append(_microseconds(before["last_seen"]), _microseconds(sessions["ended_at"]))
    since = np.full(len(machine), np.nan)
    has_previous = previous >= 0
    since[has_previous] = (started - ended[previous])[has_previous] / _SECOND
    numbered = sessions.assign(
        session_number=counted[machine] + within + 1,
        previous_session_id=_taken(before["last_session_id"], sessions["session_id"], previous),
        since_previous_s=since,
    )

    # Each machine's last session, and its last that has a user, likewise.
    last, user = place.copy(), place.copy()
    last[machine[first]] = np.append(first[1:], len(machine))[: len(first)] - 1 + len(before)
    last_with_user = _last_with_user(sessions["user_id"], first)
    has_user = last_with_user >= 0
    user[machine[first][has_user]] = last_with_user[has_user] + len(before)
    # A machine that is not in `before` has a first session.
    seen = np.empty(len(machine_ids), np.int64)
    seen[machine[first]] = started[first]
    seen[is_known] = _microseconds(before["first_seen"])[place[is_known]]
    events = _counts(before["events"], place)
    if len(first):
        counted[machine[first]] += _lengths(first, len(machine))
        of_sessions = sessions["event_count"].to_numpy(np.int64)
        events[machine[first]] += np.add.reduceat(of_sessions, first)
    machines = {
        "machine_id": ArrowExtensionArray(machine_ids),
        "first_seen": _times(seen),
        "last_seen": _times(ended[last]),
        "sessions": counted,
        "events": events,
        "user_id": _taken(before["user_id"], sessions["user_id"], user),
        "last_session_id": _taken(before["last_session_id"], sessions["session_id"], last),
    }
    return numbered, pd.DataFrame(machines)[[column.name for column in MACHINE_COLUMNS]]


def _numbered(before: pd.Series, sessions: pd.Series) -> tuple[pa.Array, Numbers, Numbers]:
    """Return the distinct machines by the bytes of their ids, and the place of each row's."""
    columns = [text(before), text(sessions)]
    chunks = [chunk for column in columns for chunk in column.chunks]
    distinct = pc.unique(pa.chunked_array(chunks, pa.string()))
    ids = distinct.take(pc.sort_indices(distinct))
    of_before, of_session = (pc.index_in(column, ids).to_numpy() for column in columns)
    return ids, of_before.astype(np.int64), of_session.astype(np.int64)


def _lengths(first: Numbers, rows: int) -> Numbers:
    """Return the lengths of runs of rows from where each begins."""
    return np.diff(np.append(first, rows))


def _counts(column: pd.Series, place: Numbers) -> Numbers:
    """Return what each machine has in a column of ``before``; a new one has 0."""
    return np.append(column.to_numpy(np.int64), 0)[place]


def _last_with_user(users: pd.Series, first: Numbers) -> Numbers:
    """Return, for each run of rows, the last that has a user; -1 if none has."""
    if not len(first):
        return first
    has_user = text(users).is_valid().to_numpy()
    return np.maximum.reduceat(np.where(has_user, np.arange(len(users)), -1), first)


def _taken(before: pd.Series, sessions: pd.Series, places: Numbers) -> ArrowExtensionArray:
    """Return texts of two columns that are laid end to end; of a negative place, null."""
    chunks = [chunk for column in (before, sessions) for chunk in text(column).chunks]
    rows = pa.array(places, mask=places < 0)
    return ArrowExtensionArray(pa.chunked_array(chunks, pa.string()).take(rows))


def _microseconds(times: pd.Series) -> Numbers:
    return times.to_numpy("M8[us]").view(np.int64)


def _times(microseconds: Numbers) -> pd.api.extensions.ExtensionArray:
    return pd.array(microseconds.view("M8[us]"), dtype=TIME)
