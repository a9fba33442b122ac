"""Cleaning and enriching: from a valid record to an event with all its columns (contract §2)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sessionize.config import PipelineConfig
from sessionize.model.columns import FEW_VALUES
from sessionize.model.frames import TEXT, as_categorical, map_values, text

#: What stands for no usable length: all of the id is the machine.
_WHOLE = np.iinfo(np.int32).max
#: Each length is tried on all ids: more of them are taken one by one.
_FEW_LENGTHS = 8


def enrich(valid: pd.DataFrame, config: PipelineConfig) -> pd.DataFrame:
    """Clean the records and derive the columns that follow from them.

    Parameters
    ----------
    valid : DataFrame
        As `events.validate` leaves them.
    config : PipelineConfig
        ``fix`` and ``product`` are used.

    Returns
    -------
    DataFrame
        The columns of ``events``, row for row.
    """
    events = clean(valid, config)
    derived = plain_columns if config.profile == "none" else desktop_columns
    columns = {**derived(events, config), **date_columns(events["event_time"])}
    return events.assign(**columns)[[column.name for column in config.event_columns]]


def desktop_columns(events: pd.DataFrame, config: PipelineConfig) -> dict[str, Any]:
    """Derive the columns of the desktop profile."""
    return {
        **machine_and_user(events["inst_id"], events["machine_length"]),
        "product": map_values(events["action"], partial(product_of, config)),
        "major_version": map_values(events["build_id"], version_of(1)),
        "minor_version": map_values(events["build_id"], version_of(2)),
        "maint_id": map_values(events["build_id"], version_of(3)),
    }


def plain_columns(events: pd.DataFrame, config: PipelineConfig) -> dict[str, Any]:
    """Fill in what events without a profile may lack: a user."""
    if "user_id" in events:
        return {}
    return {"user_id": pd.array(pa.nulls(len(events), pa.string()), dtype=TEXT)}


def clean(valid: pd.DataFrame, config: PipelineConfig) -> pd.DataFrame:
    """Apply the `[[fix]]` rules, in their order."""
    cleaned: dict[str, pd.Series] = {}
    for fix in config.fixes:
        values = cleaned.get(fix.column, valid[fix.column])
        fixed = map_values(values, partial(fix.pattern.sub, fix.replace))
        cleaned[fix.column] = fixed if fix.column in FEW_VALUES else _as_text(fixed)
    return valid.assign(**cleaned)


def product_of(config: PipelineConfig, action: str) -> str | None:
    """Return the product whose pattern the action begins with; the first counts."""
    return next((p.name for p in config.product if p.action.match(action)), None)


def version_of(parts: int) -> Callable[[str], str | None]:
    """Return what takes the first parts of a ``build_id``; of one with fewer, nothing."""

    def version(build_id: str) -> str | None:
        numbers = build_id.split(".")
        return ".".join(numbers[:parts]) if len(numbers) >= parts else None

    return version


def machine_and_user(inst_id: pd.Series, machine_length: pd.Series) -> dict[str, pd.Series]:
    """Cut the installation's id after the machine's characters.

    Without a usable length (none, 0, or no less than the whole) all of it is the machine, and there
    is no user.
    """
    given = as_categorical(machine_length).cat
    of_text = [*(length_of(length) or _WHOLE for length in given.categories), _WHOLE]
    length = np.array(of_text)[given.codes]
    machine_id, user_id = _split_each(text(inst_id), length)
    return {
        "machine_id": pd.Series(pd.array(machine_id, dtype=TEXT), inst_id.index),
        "user_id": pd.Series(pd.array(user_id, dtype=TEXT), inst_id.index),
    }


def date_columns(event_time: pd.Series) -> dict[str, npt.NDArray[np.generic]]:
    """Derive ``date_id`` 20170204, ``hour_id`` 2017020423 and ``minute_id`` 201702042323."""
    minutes = event_time.to_numpy("M8[us]").astype("M8[m]")
    of_row, distinct = pd.factorize(minutes)
    time = pd.DatetimeIndex(distinct.astype("M8[s]"))
    date = time.year * 10_000 + time.month * 100 + time.day
    hour = date.astype(np.int64) * 100 + time.hour
    minute = hour * 100 + time.minute
    return {
        "date_id": date.to_numpy(np.int32)[of_row],
        "hour_id": hour.to_numpy(np.int32)[of_row],
        "minute_id": minute.to_numpy(np.int64)[of_row],
    }


def length_of(text: str) -> int | None:
    """Read the number of the machine's characters: a whole number, ``33`` or ``33.0``."""
    whole, _, fraction = text.partition(".")
    is_whole = whole.isascii() and whole.isdigit() and len(whole) <= 9 and not fraction.strip("0")
    return int(whole) if is_whole else None


def _split_each(
    ids: pa.ChunkedArray, length: npt.NDArray[np.int64]
) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Split each id after its length: all at once for each of the few lengths that there are."""
    lengths = np.unique(length)
    if len(lengths) <= 1:
        return _split(ids, lengths[0] if len(lengths) else _WHOLE)
    if len(lengths) > _FEW_LENGTHS:
        pairs = list(zip(ids.to_pylist(), length.tolist(), strict=True))
        users = [text[cut:] or None for text, cut in pairs]
        return pa.chunked_array([[text[:cut] for text, cut in pairs]], pa.string()), (
            pa.chunked_array([users], pa.string())
        )
    machine_ids, user_ids = zip(*(_split(ids, cut) for cut in lengths), strict=True)
    index = np.searchsorted(lengths, length)
    return pc.choose(index, *machine_ids), pc.choose(index, *user_ids)


def _split(ids: pa.ChunkedArray, cut: int) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    machine_id, user_id = _slice(ids, 0, int(cut)), _slice(ids, int(cut), _WHOLE)
    return machine_id, pc.if_else(pc.equal(user_id, ""), None, user_id)


def _slice(ids: pa.ChunkedArray, start: int, stop: int) -> pa.ChunkedArray:
    if pc.all(pc.string_is_ascii(ids)).as_py():  # counting bytes takes a fifth of the time
        return pc.binary_slice(ids.cast(pa.binary()), start, stop).cast(pa.string())
    return pc.utf8_slice_codeunits(ids, start, stop)


def _as_text(texts: pd.Series) -> pd.Series:
    return pd.Series(pd.array(text(texts), dtype=TEXT), texts.index)
