"""Cleaning and enriching: from a valid record to an event with all its columns (contract §2)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sessionize.config import PipelineConfig
from sessionize.kernels.arrow import text_array, text_buffers
from sessionize.kernels.texts import split_texts
from sessionize.model.schemas import ENCODED_EVENTS

_CARRIED = ("event_id", "event_time", "apptoken", "nid", "ip_address", "p2", "extended")
_FIXABLE = ("action", "inst_id", "build_id", "trialstate", "installsource", "language")
_LAST_ASCII = 127
#: Times farther apart than this are sorted; nearer ones are counted.
_MOST_MINUTES = 1 << 17


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
        ``schemas.ENCODED_EVENTS``, row for row.
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
    return pa.table([columns[name] for name in ENCODED_EVENTS.names], schema=ENCODED_EVENTS)


def _array(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def _map(values: pa.Array, function: Callable[[str], str | None]) -> pa.Array:
    """Apply a function to texts, once for each distinct one; null stays null.

    Encoded texts stay encoded, with each distinct result once.
    """
    is_encoded = pa.types.is_dictionary(values.type)
    encoded = values if is_encoded else values.dictionary_encode()
    mapped = pa.array([function(value) for value in encoded.dictionary.to_pylist()], pa.string())
    if not is_encoded:
        return mapped.take(encoded.indices)
    distinct = mapped.dictionary_encode()
    codes = distinct.indices.take(encoded.indices)
    return pa.DictionaryArray.from_arrays(codes, distinct.dictionary)


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
    lengths = pc.fill_null(machine_length, 0).to_numpy(zero_copy_only=False)
    offsets, data = text_buffers(inst_id)
    if data[offsets[0] : offsets[-1]].max(initial=0) > _LAST_ASCII:
        lengths = _bytes_of_characters(inst_id, lengths)
    head_offsets, heads, tail_offsets, tails = split_texts(offsets, data, lengths)
    no_user = tail_offsets[1:] == tail_offsets[:-1]
    return text_array(head_offsets, heads), text_array(tail_offsets, tails, no_user)


def _bytes_of_characters(
    texts: pa.StringArray, lengths: npt.NDArray[np.int32]
) -> npt.NDArray[np.int32]:
    """Return how many bytes the first characters of each text have."""
    pairs = zip(texts.to_pylist(), lengths.tolist(), strict=True)
    return np.array([len(text[: max(cut, 0)].encode()) for text, cut in pairs], dtype=np.int32)


def _date_columns(event_time: pa.Array) -> dict[str, pa.Array]:
    """Derive ``date_id`` 20170204, ``hour_id`` 2017020423 and ``minute_id`` 201702042323."""
    minutes = event_time.cast(pa.int64()).to_numpy() // 60_000_000
    calendar, of_row = _distinct(minutes)
    days, day_of = np.unique(calendar // 1440, return_inverse=True)
    calendar_days = pa.array(days.astype("datetime64[D]"))
    date = (
        pc.year(calendar_days).to_numpy() * 10_000
        + pc.month(calendar_days).to_numpy() * 100
        + pc.day(calendar_days).to_numpy()
    )[day_of]
    hour = date * 100 + calendar // 60 % 24
    minute = hour * 100 + calendar % 60
    return {
        "date_id": pa.array(date.astype(np.int32)[of_row]),
        "hour_id": pa.array(hour.astype(np.int32)[of_row]),
        "minute_id": pa.array(minute[of_row]),
    }


def _distinct(
    numbers: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the distinct numbers in order, and the place of each number among them."""
    if not len(numbers) or numbers.max() - numbers.min() > _MOST_MINUTES:
        return np.unique(numbers, return_inverse=True)
    offset = numbers - numbers.min()
    there = np.zeros(int(offset.max()) + 1, dtype=bool)
    there[offset] = True
    return np.flatnonzero(there) + numbers.min(), (np.cumsum(there) - 1)[offset]
