"""Cleaning and enriching: from a valid record to an event with all its columns (contract §2)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sessionize.config import PipelineConfig
from sessionize.schemas import EVENTS

_CARRIED = ("event_id", "event_time", "apptoken", "nid", "ip_address", "p2", "extended")
_FIXABLE = ("action", "inst_id", "build_id", "trialstate", "installsource", "language")


def enrich(valid: pa.Table, config: PipelineConfig) -> pa.Table:
    """Clean the records and derive the columns that follow from them.

    Parameters
    ----------
    valid : Table
        ``schemas.VALIDATED``.
    config : PipelineConfig
        ``fix`` and ``product`` are used.

    Returns
    -------
    Table
        ``schemas.EVENTS``, row for row.
    """
    valid = valid.combine_chunks()
    columns = {name: _array(valid, name) for name in (*_CARRIED, "object_key", "position")}
    for name in _FIXABLE:
        columns[name] = _fixed(name, _array(valid, name), config)
    columns["machine_id"], columns["user_id"] = _machine_and_user(
        columns["inst_id"], _array(valid, "machine_length")
    )
    columns["product"] = _map(columns["action"], lambda action: _product(action, config))
    for parts, name in enumerate(("major_version", "minor_version", "maint_id"), start=1):
        columns[name] = _map(columns["build_id"], _version_of(parts))
    columns |= _date_columns(columns["event_time"])
    return pa.table([columns[name] for name in EVENTS.names], schema=EVENTS)


def _array(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def _map(values: pa.Array, function: Callable[[str], str | None]) -> pa.Array:
    """Apply a function to texts, once for each distinct one; null stays null."""
    encoded = values.dictionary_encode()
    results = pa.array([function(value) for value in encoded.dictionary.to_pylist()], pa.string())
    return results.take(encoded.indices)


def _fixed(name: str, values: pa.Array, config: PipelineConfig) -> pa.Array:
    for fix in config.fix:
        if fix.column == name:
            values = _map(values, partial(fix.pattern.sub, fix.replace))
    return values


def _product(action: str, config: PipelineConfig) -> str | None:
    return next((p.name for p in config.product if p.action.match(action)), None)


def _version_of(parts: int) -> Callable[[str], str | None]:
    def version(build_id: str) -> str | None:
        numbers = build_id.split(".")
        return ".".join(numbers[:parts]) if len(numbers) >= parts else None

    return version


def _machine_and_user(inst_id: pa.Array, machine_length: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Cut the installation's id after the machine's characters.

    Without a usable length (none, 0, or no less than the whole) all of it is the machine, and there
    is no user.
    """
    whole = pc.utf8_length(inst_id).to_numpy(zero_copy_only=False)
    length = pc.fill_null(machine_length, 0).to_numpy(zero_copy_only=False)
    length = np.where((length > 0) & (length < whole), length, 0)
    machines, users, rows = [], [], []
    for cut in np.unique(length).tolist():
        group = np.flatnonzero(length == cut)
        ids = inst_id.take(pa.array(group))
        rows.append(group)
        if cut:
            machines.append(pc.utf8_slice_codeunits(ids, 0, cut))
            users.append(pc.utf8_slice_codeunits(ids, cut))
        else:
            machines.append(ids)
            users.append(pa.nulls(len(ids), pa.string()))
    if not rows:
        return inst_id, inst_id
    back = np.empty(len(inst_id), dtype=np.int64)
    back[np.concatenate(rows)] = np.arange(len(inst_id))
    place = pa.array(back)
    return pa.concat_arrays(machines).take(place), pa.concat_arrays(users).take(place)


def _date_columns(event_time: pa.Array) -> dict[str, pa.Array]:
    """Derive ``date_id`` 20170204, ``hour_id`` 2017020423 and ``minute_id`` 201702042323."""
    minutes = event_time.cast(pa.int64()).to_numpy() // 60_000_000
    days, day_of = np.unique(minutes // 1440, return_inverse=True)
    calendar = pa.array(days.astype("datetime64[D]"))
    date = (
        pc.year(calendar).to_numpy() * 10_000
        + pc.month(calendar).to_numpy() * 100
        + pc.day(calendar).to_numpy()
    )[day_of]
    hour = date * 100 + minutes // 60 % 24
    return {
        "date_id": pa.array(date.astype(np.int32)),
        "hour_id": pa.array(hour.astype(np.int32)),
        "minute_id": pa.array(hour * 100 + minutes % 60),
    }
