"""A split by time into train and test: the train part is what was known at the cut.

Whatever happens at or after the cut, the train part is the same: it is decided by events before the
cut alone. So it is not enough to look for sessions with events on both sides: one whose last event
is a minute before the cut may go on, and whether it did is not known there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from sessionize.config import SessionRules
from sessionize.model.columns import SESSION_COLUMNS, SessionColumn
from sessionize.model.frames import contains, take, text
from sessionize.model.schemas import carried_type
from sessionize.sessions.aggregates import aggregate, published
from sessionize.sessions.candidates import Mask, microseconds
from sessionize.sessions.columns import seconds_between, values_of
from sessionize.sessions.machines import Numbers, machine_hash

#: What Hive-style readers add: the run's hour, which tells when a session was closed.
_PARTITION = ("dt", "hour")
_NEEDED = ("session_id", "machine_id", "started_at", "end_reason")
_NEEDED_OF_EVENTS = ("session_id", "machine_id", "event_time", "action")


@dataclass(frozen=True)
class Part:
    """One side of a split.

    Attributes
    ----------
    sessions : DataFrame
        The declared columns of ``sessions`` that were given, and ``censored``: whether the session
        was still open, at the cut in ``train``, at the end of the data elsewhere. Of such a session
        ``duration_s`` and ``event_count`` are lower bounds, and ``end_reason`` is null.
    events : DataFrame
        The columns of ``events`` as they were given, by event time.
    """

    sessions: pd.DataFrame
    events: pd.DataFrame


@dataclass(frozen=True)
class TimeSplit:
    """Sessions and events divided at a time; every event is in one part.

    Attributes
    ----------
    train : Part
        What was known at the cut.
    test : Part
        Sessions that began at the cut or after it.
    left_out : Part
        All else. The events after the cut of a trimmed session are here, the session is in
        ``train``.
    """

    train: Part
    test: Part
    left_out: Part


def split_by_time(
    sessions: pd.DataFrame,
    events: pd.DataFrame,
    cut: datetime,
    *,
    open_sessions: pd.DataFrame | None = None,
    over_cut: Literal["leave_out", "trim"] = "leave_out",
    held_out: float = 0.0,
    rules: SessionRules | None = None,
    columns: tuple[SessionColumn, ...] = SESSION_COLUMNS,
) -> TimeSplit:
    """Divide sessions into those known at a time and those that began later.

    At the cut a session is *over* if its machine has begun another one, if the timeout has passed
    since its last event, or if that was a closing event; all others are *open*, whether anything
    came of it later or not.

    Parameters
    ----------
    sessions : DataFrame
        Rows of ``sessions``.
    events : DataFrame
        Rows of ``sessionized_events`` of the same runs, simultaneous ones in the order of the lake
        (partition after partition).
    cut : datetime
        With a time zone.
    open_sessions : DataFrame, optional
        Rows of ``open_sessions`` of the last run that was read, and of no other.
    over_cut : {"leave_out", "trim"}
        What becomes of the sessions that are open at the cut. ``trim`` keeps them as of the cut:
        censored, every column computed anew from the events before it.
    held_out : float
        The share of machines, from 0 to less than 1, that are only tested: their sessions before
        the cut are left out, and so are those of all other machines after it. Chosen by a hash of
        ``machine_id``, so the same for any data. At 0 machines are on both sides.
    rules : SessionRules, optional
        Those of the pipeline, `config.session`; the contract's defaults unless given.
    columns : tuple of SessionColumn
        What a session has, `config.session_columns`. Only those that ``sessions`` has are used.

    Raises
    ------
    ValueError
        If the frames do not belong together, or lack a column.
    """
    rules = rules or SessionRules()
    at = _microseconds_of(cut)
    if over_cut not in ("leave_out", "trim"):
        raise ValueError(f'over_cut is {over_cut!r}: give "leave_out" or "trim"')
    if not 0 <= held_out < 1:
        raise ValueError(f"held_out is {held_out}: give a share of machines, from 0 to less than 1")
    _check_columns("events", events, _NEEDED_OF_EVENTS)
    table = _one_table(sessions, open_sessions, columns)
    events = events.iloc[np.argsort(microseconds(events["event_time"]), kind="stable")]
    events = events.reset_index(drop=True)
    session = _places(table, events)

    time = microseconds(events["event_time"])
    known = int(np.searchsorted(time, at))  # events are in order: the first ones are known
    before = _Before.of(events.iloc[:known], session[:known], len(table))
    started_at = microseconds(table["started_at"])
    is_whole = before.first == started_at  # unless it began before the first run that was read
    is_over = before.is_over(at, rules)
    _check_counts(table, before, is_whole & is_over)

    is_held = _is_held_out(table["machine_id"], held_out)
    in_train = is_whole & ~is_held & (is_over | (over_cut == "trim"))
    in_test = (started_at >= at) & ~before.is_there & (is_held | (held_out == 0))
    part_of_event = np.select(
        [in_train[session] & (time < at), in_test[session]], ["train", "test"], "left_out"
    )

    train = _as_of_the_cut(table, events.iloc[:known], session[:known], in_train, is_over, columns)
    later = table.assign(censored=table["end_reason"].isna().to_numpy(bool))
    return TimeSplit(
        train=Part(train, take(events, np.flatnonzero(part_of_event == "train"))),
        test=Part(
            take(later, np.flatnonzero(in_test)),
            take(events, np.flatnonzero(part_of_event == "test")),
        ),
        left_out=Part(
            take(later, np.flatnonzero(~in_train & ~in_test)),
            take(events, np.flatnonzero(part_of_event == "left_out")),
        ),
    )


@dataclass(frozen=True)
class _Before:
    """What the events before the cut say of each session.

    Attributes
    ----------
    first, last : int64 arrays, one item a session
        When its first and last event before the cut was, in microseconds; -1 without one.
    count : int64 array, one item a session
    is_last : bool array, one item a session
        Whether its machine's last event before the cut is its own.
    last_action : Series, one item a session
        Of its last event; null without one.
    """

    first: Numbers
    last: Numbers
    count: Numbers
    is_last: Mask
    last_action: pd.Series

    @classmethod
    def of(cls, events: pd.DataFrame, session: Numbers, sessions: int) -> _Before:
        time = microseconds(events["event_time"])
        first, last_place = np.full(sessions, -1), np.full(sessions, -1)
        first[session[::-1]] = time[::-1]
        # Of several assignments to one place the last one stays.
        last_place[session] = np.arange(len(session))
        machine, _ = pd.factorize(text(events["machine_id"]).to_pandas())
        last_of_machine = np.zeros(int(machine.max(initial=-1)) + 1, np.int64)
        last_of_machine[machine] = np.arange(len(machine))
        is_last = np.zeros(sessions, bool)
        is_last[session[last_of_machine]] = True
        return cls(
            first=first,
            last=np.where(last_place < 0, -1, np.append(time, -1)[last_place]),
            count=np.bincount(session, minlength=sessions),
            is_last=is_last,
            last_action=pd.Series(events["action"].array.take(last_place, allow_fill=True)),
        )

    @property
    def is_there(self) -> Mask:
        """Which sessions have an event before the cut."""
        return self.count > 0

    def is_over(self, cut: int, rules: SessionRules) -> Mask:
        """Tell which sessions no event at or after the cut can be in (contract §3)."""
        is_over = ~self.is_last | (cut - self.last > rules.timeout.microseconds_total)
        if rules.closing is not None:
            is_over |= contains(self.last_action, rules.closing)
        return is_over & self.is_there


def _as_of_the_cut(
    table: pd.DataFrame,
    events: pd.DataFrame,
    session: Numbers,
    in_train: Mask,
    is_over: Mask,
    columns: tuple[SessionColumn, ...],
) -> pd.DataFrame:
    """Return the sessions of the train part; those that are not over are trimmed."""
    over, trimmed = np.flatnonzero(in_train & is_over), np.flatnonzero(in_train & ~is_over)
    kept = take(table, over)
    # It has been silent for longer than the timeout, even if no run has closed it yet.
    kept["end_reason"] = kept["end_reason"].astype("str").fillna("timeout")
    kept["censored"] = False
    if not len(trimmed):
        return kept
    anew = _aggregated(take(table, trimmed), events, session, trimmed, columns)
    whole = {name: _laid_end_to_end(kept[name], anew[name]) for name in kept.columns}
    in_order = np.argsort(np.concatenate([over, trimmed]), kind="stable")
    return take(pd.DataFrame(whole), in_order)


def _aggregated(
    rows: pd.DataFrame,
    events: pd.DataFrame,
    session: Numbers,
    places: Numbers,
    columns: tuple[SessionColumn, ...],
) -> pd.DataFrame:
    """Compute every column of some sessions, by their places, from events in session order."""
    mine = np.flatnonzero(np.isin(session, places))
    of = np.searchsorted(places, session[mine])
    in_order = np.argsort(of, kind="stable")
    mine, of = mine[in_order], of[in_order]
    aggregated = [c for c in columns if c.name in rows and c.aggregate is not None]
    needed = {c.of for c in aggregated if c.of is not None}
    _check_columns("events", events, needed, ', or give over_cut="leave_out"')
    made: dict[str, Any] = {"session_id": rows["session_id"]}
    for column in aggregated:
        nothing = pd.Series([], dtype=pd.ArrowDtype(carried_type(column)))
        added = values_of(column, events, mine, of)
        value = aggregate(column, nothing, added, len(rows))
        made[column.name] = published(column, value)
    if "duration_s" in rows:
        time = microseconds(events["event_time"].take(mine))
        ends = np.searchsorted(of, np.arange(len(rows) + 1))
        first, last = (pd.Series(time[i].view("M8[us]")) for i in (ends[:-1], ends[1:] - 1))
        made["duration_s"] = seconds_between(first, last)
    made["end_reason"] = pd.Series([None] * len(rows), dtype="str")
    made["censored"] = True
    return pd.DataFrame(made)


def _laid_end_to_end(column: pd.Series, more: pd.Series) -> pd.Series:
    """Lay a column that was computed behind one that was read, in the latter's type."""
    kind = column.dtype
    if isinstance(kind, pd.CategoricalDtype):
        kind = kind.categories.dtype
        column = column.astype(kind)
    if pd.api.types.is_object_dtype(kind):  # lists, as pandas reads them
        lists = pa.array(more.array, from_pandas=True).to_pandas()
        return pd.concat([column, lists.astype(object)], ignore_index=True)
    if isinstance(kind, np.dtype) and kind.kind in "biu" and more.hasnans:
        # There is none in what was read: as Arrow's, a null does not make doubles of numbers.
        kind = pd.ArrowDtype(pa.from_numpy_dtype(kind))
        column = column.astype(kind)
    return pd.concat([column, more.astype(kind)], ignore_index=True)


def _one_table(
    sessions: pd.DataFrame, open_sessions: pd.DataFrame | None, columns: tuple[SessionColumn, ...]
) -> pd.DataFrame:
    """Lay closed and open sessions end to end, each once, with declared columns only."""
    _check_columns("sessions", sessions, _NEEDED)
    declared = {column.name for column in columns}
    foreign = [name for name in sessions.columns if name not in declared.union(_PARTITION)]
    if foreign:
        raise ValueError(
            f"sessions has columns that are not declared: {', '.join(foreign)}. Give the "
            "pipeline's columns=config.session_columns; add what you have computed after the split"
        )
    table = sessions[[name for name in sessions.columns if name in declared]]
    if open_sessions is not None and len(open_sessions):
        _check_columns("open_sessions", open_sessions, table.columns)
        still_open = open_sessions[table.columns]
        table = pd.concat([table, still_open], ignore_index=True) if len(table) else still_open
    table = table.reset_index(drop=True)
    is_twice = table["session_id"].duplicated().to_numpy()
    if is_twice.any():
        raise ValueError(
            f"the session {table['session_id'][int(is_twice.argmax())]} is there twice. Give each "
            "partition of sessions once, and open_sessions of the last run only"
        )
    return table


def _places(table: pd.DataFrame, events: pd.DataFrame) -> Numbers:
    """Return the place of each event's session."""
    ids = pd.Index(text(table["session_id"]).to_pandas())
    places = ids.get_indexer(pd.Index(text(events["session_id"]).to_pandas()))
    is_unknown = places < 0
    if is_unknown.any():
        raise ValueError(
            f"{np.count_nonzero(is_unknown)} events are of sessions that are not there, as "
            f"{events['session_id'][int(is_unknown.argmax())]}. Give sessions and events of the "
            "same runs, and open_sessions of the last of them"
        )
    return places.astype(np.int64)


def _check_columns(
    name: str, frame: pd.DataFrame, needed: Iterable[str], otherwise: str = ""
) -> None:
    lacking = sorted(set(needed).difference(frame.columns))
    if lacking:
        raise ValueError(f"{name} lacks {', '.join(lacking)}: read these columns too{otherwise}")


def _check_counts(table: pd.DataFrame, before: _Before, is_complete: Mask) -> None:
    """Make sure that sessions that are over have all their events."""
    if "event_count" not in table:
        return
    counts = table["event_count"].fillna(-1).to_numpy(np.int64)
    is_other = is_complete & (counts != before.count) & (counts >= 0)
    if is_other.any():
        place = int(is_other.argmax())
        raise ValueError(
            f"the session {table['session_id'][place]} has {before.count[place]} events and an "
            f"event_count of {counts[place]}. Give every event of the same runs, each once"
        )


def _is_held_out(machine_ids: pd.Series, share: float) -> Mask:
    distinct = text(machine_ids).combine_chunks()
    hashes: npt.NDArray[np.uint64] = machine_hash(distinct)
    return hashes / 2.0**64 < share


def _microseconds_of(cut: datetime) -> int:
    """Return the first whole microsecond at or after a time."""
    moment = pd.Timestamp(cut)
    if moment.tzinfo is None:
        raise ValueError(f"the cut {cut} has no time zone: give one, as tzinfo=UTC")
    return -(-moment.as_unit("ns").value // 1000)
