"""Session columns as aggregates that are carried from run to run (contract §3).

An open session carries, for each column, what its events have come to so far: the value itself, or
for ``distinct`` the values. The events of a run go on from there, in session order; so it makes no
difference in which runs they settle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sessionize.model.columns import SessionColumn
from sessionize.model.frames import TEXT, text
from sessionize.sessions.machines import Numbers

_NONE = -1


@dataclass(frozen=True)
class Values:
    """What a column aggregates: values of events, in session order.

    Attributes
    ----------
    session : int64 array
        The session of each value; those of one session stand together.
    rows : int64 array
        Where each value stands in ``column``.
    column : Series or None
        ``count`` needs none.
    """

    session: Numbers
    rows: Numbers
    column: pd.Series | None = None

    def only(self, mask: npt.NDArray[np.bool_]) -> Values:
        """Return the values for which the mask holds."""
        return Values(self.session[mask], self.rows[mask], self.column)

    def without_nulls(self) -> Values:
        """Return the values that are not null."""
        if self.column is None or not self.column.hasnans:
            return self
        return self.only(self.column.notna().to_numpy()[self.rows])

    def take(self, places: Numbers | None = None) -> pd.Series:
        """Return the values at some places, or all of them; texts as texts."""
        assert self.column is not None
        taken = self.column.take(self.rows if places is None else self.rows[places])
        if isinstance(taken.dtype, pd.CategoricalDtype):
            return pd.Series(pd.array(text(taken), dtype=TEXT))
        return _nullable(taken.reset_index(drop=True))

    @property
    def first_of_each(self) -> Numbers:
        """The place of each session's first value."""
        return np.flatnonzero(np.diff(self.session, prepend=_NONE))

    @property
    def last_of_each(self) -> Numbers:
        """The place of each session's last value."""
        return np.flatnonzero(np.diff(self.session, append=_NONE))


def aggregate(
    column: SessionColumn, carried: pd.Series, added: Values, session_count: int
) -> pd.Series:
    """Go on with a session column.

    Parameters
    ----------
    column : SessionColumn
        One that has an aggregate.
    carried : Series
        What the sessions that were open before carry; they are the first sessions.
    added : Values
        The values of this run's events.
    session_count : int
        How many sessions there are.

    Returns
    -------
    Series
        What each session carries now.
    """
    if column.skip_nulls or column.aggregate not in ("first", "last"):
        added = added.without_nulls()
    match column.aggregate:
        case "count":
            return _count(carried, added, session_count)
        case "first" | "last":
            return _pick(column, carried, added, session_count)
        case "sum":
            return _sum(column, carried, added, session_count)
        case "min" | "max":
            return _extreme(column, carried, added, session_count)
        case "list" | "distinct":
            return _collect(column, carried, added, session_count)
    raise ValueError(f"the column {column.name!r} has no aggregate")


def published(column: SessionColumn, carried: pd.Series) -> pd.Series:
    """Return what is published of what sessions carry: of ``distinct``, how many values."""
    return count_values(carried) if column.aggregate == "distinct" else carried


def count_values(lists: pd.Series) -> pd.Series:
    """Return how many values each list has."""
    lengths = pc.list_value_length(_in_one_array(lists)).cast(pa.int64())
    return pd.Series(pd.array(lengths, dtype=pd.ArrowDtype(pa.int64())), lists.index)


def nulled_where(values: pd.Series, mask: npt.NDArray[np.bool_]) -> pd.Series:
    """Return values with null where the mask holds; unlike ``Series.mask``, of the same type."""
    if not mask.any():
        return values
    return _chosen(_nullable(values), np.where(mask, _NONE, np.arange(len(values))))


def _count(carried: pd.Series, added: Values, session_count: int) -> pd.Series:
    count = np.bincount(added.session, minlength=session_count)
    count[: len(carried)] += carried.fillna(0).to_numpy(np.int64)
    return pd.Series(count)


def _pick(
    column: SessionColumn, carried: pd.Series, added: Values, session_count: int
) -> pd.Series:
    """Choose the first or the last value, by its place, from the carried and the new ones."""
    is_first = column.aggregate == "first"
    places = added.first_of_each if is_first else added.last_of_each
    session = added.session[places]
    choice = np.full(session_count, _NONE)
    choice[: len(carried)] = np.arange(len(carried))
    if is_first:
        if column.skip_nulls:
            choice[: len(carried)][carried.isna().to_numpy()] = _NONE
        is_open = choice[session] == _NONE
        places, session = places[is_open], session[is_open]
    choice[session] = len(carried) + np.arange(len(session))
    return _chosen(_joined(carried, added.take(places)), choice)


def _joined(carried: pd.Series, new: pd.Series) -> pd.Series:
    """Lay new values behind carried ones."""
    if not len(carried):
        return new
    carried = _nullable(carried)
    return pd.concat([carried, new.astype(carried.dtype)], ignore_index=True)


def _chosen(values: pd.Series, choice: Numbers) -> pd.Series:
    """Return the values at some places; null where there is `_NONE`."""
    return pd.Series(values.array.take(choice, allow_fill=True))


def _nullable(values: pd.Series) -> pd.Series:
    """Return numpy's numbers as Arrow's: a null among them does not make them doubles."""
    if not isinstance(values.dtype, np.dtype) or values.dtype == object:
        return values
    array = pa.array(values.to_numpy(), from_pandas=True)
    return pd.Series(pd.array(array, dtype=pd.ArrowDtype(array.type)), values.index)


def _sum(column: SessionColumn, carried: pd.Series, added: Values, session_count: int) -> pd.Series:
    is_double = column.type == "double"
    # From left to right: `np.add.at` adds one by one. -0.0 + x is x, whatever x is.
    total = np.full(session_count, -0.0 if is_double else 0, "f8" if is_double else "i8")
    has_any = np.zeros(session_count, bool)
    has_any[: len(carried)] = carried.notna()
    total[: len(carried)][has_any[: len(carried)]] = carried.dropna().to_numpy(total.dtype)
    with np.errstate(over="ignore"):  # doubles that grow too large are infinite
        np.add.at(total, added.session, added.take().to_numpy(total.dtype))
    has_any[added.session] = True
    return _with_nulls(total, ~has_any)


def _extreme(
    column: SessionColumn, carried: pd.Series, added: Values, session_count: int
) -> pd.Series:
    """Find the least or the greatest: of all values in order, each session's first."""
    is_there = carried.notna().to_numpy()
    session = np.concatenate([np.flatnonzero(is_there), added.session])
    values = _joined(carried[is_there], added.take())
    ranked = values.array.argsort(ascending=column.aggregate == "min", kind="stable")
    choice = np.full(session_count, _NONE)
    of, place = np.unique(session[ranked], return_index=True)
    choice[of] = ranked[place]
    return _chosen(values, choice)


def _collect(
    column: SessionColumn, carried: pd.Series, added: Values, session_count: int
) -> pd.Series:
    """List the values, in session order; those of ``distinct`` once."""
    lists = _in_one_array(carried)
    kind = lists.type.value_type
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    session = np.concatenate([np.repeat(np.arange(len(carried)), lengths), added.session])
    flat = pd.Series(pd.array(lists.flatten(), dtype=pd.ArrowDtype(kind)))
    values = _joined(flat, added.take())
    order = np.argsort(session, kind="stable")
    session, values = session[order], values.take(order)
    if column.aggregate == "distinct":
        # -0.0 and 0.0 are equal, but Arrow tells them apart.
        key = values + 0.0 if pa.types.is_floating(kind) else values
        is_new = ~pd.DataFrame({"session": session, "value": key.array}).duplicated().to_numpy()
        session, values = session[is_new], values[is_new]
    if column.limit is not None:
        is_kept = np.arange(len(session)) - np.searchsorted(session, session) < column.limit
        session, values = session[is_kept], values[is_kept]
    offsets = np.searchsorted(session, np.arange(session_count + 1)).astype(np.int32)
    array = pa.ListArray.from_arrays(pa.array(offsets), _in_one_array(values).cast(kind))
    return pd.Series(pd.array(array.cast(lists.type), dtype=pd.ArrowDtype(lists.type)))


def _in_one_array(values: pd.Series) -> pa.Array:
    array = pa.array(values.array, from_pandas=True)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _with_nulls(numbers: npt.NDArray[np.generic], is_null: npt.NDArray[np.bool_]) -> pd.Series:
    kind = pa.from_numpy_dtype(numbers.dtype)
    return pd.Series(pd.array(pa.array(numbers, mask=is_null), dtype=pd.ArrowDtype(kind)))
