"""Valid records and quarantine: every record goes to exactly one of the two (contract §2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sessionize.config import PipelineConfig, ValidRules
from sessionize.events.event_ids import derived_event_id
from sessionize.events.timestamps import parse_timestamps
from sessionize.events.values import read_values
from sessionize.landing.extended import extended_with
from sessionize.landing.json.tree import FieldTree
from sessionize.landing.records import Kind, raw_bytes, raw_text
from sessionize.model.columns import EventColumn
from sessionize.model.field_paths import parse_path
from sessionize.model.frames import (
    TEXT,
    in_one_array,
    match_values,
    only,
    text,
    text_array,
    text_buffers,
)
from sessionize.model.hours import Hour
from sessionize.model.reasons import Reason

_SHOWN = 120
#: The default pattern: nearly every record has another id, so it is not asked once a value.
_HEX = ValidRules().inst_id
_FEWEST_DIGITS = 2
_ZERO, _A, _LOWER_CASE = (np.uint8(byte) for byte in b"0a ")

#: What only the division needs of a record.
_NOT_KEPT = ("timestamp", "raw", "reason", "detail")

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Validated:
    """Records, divided.

    Attributes
    ----------
    valid : DataFrame
        The fields of the valid records as they came, the columns of the pipeline file in their
        types, ``event_time``, ``extended``, ``object_key`` and ``position``; ``event_id`` is filled
        in where it is missing.
    quarantine : DataFrame
        ``raw``, ``reason``, ``detail``, ``object_key``, ``position`` of the others.
    """

    valid: pd.DataFrame
    quarantine: pd.DataFrame


def validate(
    records: pd.DataFrame, hour: Hour, config: PipelineConfig, kinds: pd.DataFrame | None = None
) -> Validated:
    """Divide records into valid ones and quarantine.

    Parameters
    ----------
    records : DataFrame
        As `landing.Records.frame` describes it: the fields that `[fields]` names, ``extended``,
        ``object_key``, ``position``, ``raw``, ``reason``, ``detail``.
    hour : Hour
        The run's hour: an event must not be much older, or newer.
    config : PipelineConfig
        ``fields``, ``valid``, ``product`` and ``session`` are used.
    kinds : DataFrame, optional
        What each field holds in JSON, a `landing.Kind`; texts are strings unless given.
    """
    time = parse_timestamps(records["timestamp"], None if kinds is None else kinds["timestamp"])
    faults = _Faults(records, kinds)
    read = {
        column.name: read_column(records, column, kinds)
        for column in config.event_columns
        if column.is_read
    }
    _check(faults, time, read, hour, config)
    is_valid = ~faults.is_unreadable & (faults.number == 0)
    return Validated(
        valid=_valid(records, time, read, is_valid, config),
        quarantine=_quarantine(records, faults, np.flatnonzero(~is_valid), config),
    )


def read_column(
    records: pd.DataFrame, column: EventColumn, kinds: pd.DataFrame | None = None
) -> pd.Series:
    """Return the values of a column as of its type; null where there is none that fits."""
    given = None if kinds is None else kinds[column.key].to_numpy()
    values = read_values(records[column.key], column.type, given)
    if column.pattern is None:
        return values
    fits = match_values(values, column.pattern.fullmatch)
    return pd.Series(pd.array(pc.if_else(pa.array(fits), text(values), None), dtype=TEXT))


def _check(
    faults: _Faults,
    time: pd.Series,
    read: Mapping[str, pd.Series],
    hour: Hour,
    config: PipelineConfig,
) -> None:
    """Hold the records against every rule; the first that a record breaks is its reason."""
    check_profile = _check_plain if config.profile == "none" else _check_desktop
    check_profile(faults, time, config)
    for column in config.event_columns:
        if column.required:
            faults.add(faults.is_missing(column.key), Reason.MISSING_FIELD, column.key)
            faults.add(read[column.name].isna().to_numpy(), Reason.BAD_VALUE, column.key)
    session = config.session
    oldest = _microseconds(hour.start) - session.max_event_age.microseconds_total
    newest = _microseconds(hour.end) + session.max_clock_skew.microseconds_total
    instant = time.to_numpy("M8[us]").view(np.int64)
    faults.add(instant < oldest, Reason.TOO_OLD, "timestamp")
    faults.add(instant > newest, Reason.IN_THE_FUTURE, "timestamp")


def _check_desktop(faults: _Faults, time: pd.Series, config: PipelineConfig) -> None:
    valid = config.valid
    for name in ("timestamp", "action", "inst_id", *valid.required):
        faults.add(faults.is_missing(name), Reason.MISSING_FIELD, name)
    faults.add(time.isna().to_numpy(), Reason.BAD_TIMESTAMP, "timestamp")
    faults.add(~faults.fits("action", _is_of_a_product(config)), Reason.BAD_ACTION, "action")
    faults.add(~_fits_inst_id(faults, valid.inst_id), Reason.BAD_INST_ID, "inst_id")
    is_build_id = faults.is_missing("build_id") | faults.fits("build_id", valid.build_id.fullmatch)
    faults.add(~is_build_id, Reason.BAD_BUILD_ID, "build_id")
    faults.add(~_trialstate_fits(faults, config), Reason.BAD_TRIALSTATE, "trialstate")


def _check_plain(faults: _Faults, time: pd.Series, config: PipelineConfig) -> None:
    for name in ("timestamp", "action", "machine_id"):
        faults.add(faults.is_missing(name), Reason.MISSING_FIELD, name)
    faults.add(time.isna().to_numpy(), Reason.BAD_TIMESTAMP, "timestamp")
    faults.add(~faults.is_nonempty_text("action"), Reason.BAD_ACTION, "action")
    faults.add(~faults.is_nonempty_text("machine_id"), Reason.BAD_VALUE, "machine_id")


def _microseconds(time: datetime) -> int:
    """Return a whole second as microseconds since the epoch: no age is too long to subtract."""
    return int(time.timestamp()) * 1_000_000


class _Faults:
    """The first fault of each record: ``number`` is its place in ``found``, counted from 1."""

    def __init__(self, records: pd.DataFrame, kinds: pd.DataFrame | None) -> None:
        self.records = records
        self.kinds = kinds
        self.is_unreadable: Mask = records["reason"].notna().to_numpy()
        self.number: npt.NDArray[np.int64] = np.zeros(len(records), np.int64)
        self.found: list[tuple[Reason, str]] = []

    def add(self, mask: Mask, reason: Reason, column: str) -> None:
        """Note a fault of the records for which the mask holds, if it is their first."""
        self.found.append((reason, column))
        if mask.any():
            self.number[mask & (self.number == 0)] = len(self.found)

    def is_missing(self, column: str) -> Mask:
        """Tell which records have nothing, or null, in a field; an empty text is there."""
        return self.records[column].isna().to_numpy()

    def is_string(self, column: str) -> Mask:
        """Tell which records have a JSON string in a field."""
        if self.kinds is None:
            return ~self.is_missing(column)
        return (self.kinds[column] == Kind.STRING).to_numpy()

    def is_nonempty_text(self, column: str) -> Mask:
        """Tell which records have a text that is not empty in a field; a number counts as one."""
        is_text = ~_is_empty(self.records[column])
        return is_text if self.kinds is None else is_text & (self.kinds[column] != Kind.OTHER)

    def fits(self, column: str, predicate: Callable[[str], object]) -> Mask:
        """Tell which records have a string that a predicate accepts; it is asked once a value."""
        return match_values(self.records[column], predicate) & self.is_string(column)

    def described(self, config: PipelineConfig) -> Iterator[tuple[int, str, str]]:
        """Yield the row, the reason and what is wrong, of each record that has a fault."""
        unreadable = np.flatnonzero(self.is_unreadable)
        why = self.records[["reason", "detail"]].iloc[unreadable]
        yield from zip(unreadable.tolist(), why["reason"], why["detail"], strict=True)
        fields = config.raw_fields
        for number, (reason, column) in enumerate(self.found, start=1):
            rows = np.flatnonzero((self.number == number) & ~self.is_unreadable)
            if not len(rows):
                continue
            values = text(self.records[column].take(rows)).to_pylist()
            kinds = [Kind.STRING] * len(rows)
            if self.kinds is not None:
                kinds = self.kinds[column].take(rows).to_list()
            for row, value, kind in zip(rows.tolist(), values, kinds, strict=True):
                yield row, reason.value, f"`{fields[column]}` is {_shown(value, kind)}"


def _is_of_a_product(config: PipelineConfig) -> Callable[[str], bool]:
    return lambda action: any(product.action.match(action) for product in config.product)


def _fits_inst_id(faults: _Faults, pattern: re.Pattern[str]) -> Mask:
    if pattern != _HEX:
        return faults.fits("inst_id", pattern.fullmatch)
    return _are_hex(in_one_array(faults.records["inst_id"])) & faults.is_string("inst_id")


def _are_hex(texts: pa.StringArray) -> Mask:
    """Tell which texts are two hexadecimal digits or more, by the bytes of all at once."""
    offsets, data = text_buffers(texts)
    fits: Mask = np.diff(offsets) >= _FEWEST_DIGITS
    bytes_ = data[offsets[0] : offsets[-1]]
    is_digit = bytes_ - _ZERO < 10  # what is below is large: unsigned numbers wrap around
    is_letter = (bytes_ | _LOWER_CASE) - _A < 6
    others = np.flatnonzero(~(is_digit | is_letter)) + offsets[0]
    fits[np.searchsorted(offsets, others, side="right") - 1] = False
    return fits


def _trialstate_fits(faults: _Faults, config: PipelineConfig) -> Mask:
    """Tell which records have the trial state that their product asks for."""
    fits: Mask = np.ones(len(faults.records), bool)
    undecided = fits.copy()
    for product in config.product:
        of_product = undecided & faults.fits("action", product.action.match)
        undecided &= ~of_product
        if product.trialstate:
            fits &= ~of_product | faults.fits("trialstate", product.trialstate.__contains__)
    return fits


def _valid(
    records: pd.DataFrame,
    time: pd.Series,
    read: Mapping[str, pd.Series],
    is_valid: Mask,
    config: PipelineConfig,
) -> pd.DataFrame:
    raw_names = [*_NOT_KEPT, *(column.key for column in config.event_columns if column.is_own)]
    valid = records[records.columns.difference(raw_names, sort=False)]
    valid = valid.assign(event_time=time, **read)
    misfits = _misfits(records, read, is_valid, config)
    if misfits:
        valid["extended"] = _with_misfits(records, misfits, config)
    is_nameless = is_valid & _is_empty(records["event_id"])
    if is_nameless.any():
        valid["event_id"] = _with_derived_ids(records, np.flatnonzero(is_nameless))
    return only(valid, is_valid)


def _misfits(
    records: pd.DataFrame, read: Mapping[str, pd.Series], is_valid: Mask, config: PipelineConfig
) -> dict[int, set[str]]:
    """Return, by record, the top-level fields whose value fits none of the columns they fill."""
    paths = {key: parse_path(path) for key, path in config.raw_fields.items()}
    keys = {column.name: column.key for column in config.event_columns}
    columns_of: dict[str, list[str]] = {}
    for key, path in paths.items():
        if len(path) == 1:
            columns_of.setdefault(path[0], []).append(key)
    of_key = {keys[name]: values for name, values in read.items()}
    misfits: dict[int, set[str]] = {}
    for name, columns in columns_of.items():
        if all(key in of_key for key in columns):
            is_misfit = is_valid & records[columns[0]].notna().to_numpy()
            for key in columns:
                is_misfit &= of_key[key].isna().to_numpy()
            for row in np.flatnonzero(is_misfit).tolist():
                misfits.setdefault(row, set()).add(name)
    return misfits


def _with_misfits(
    records: pd.DataFrame, misfits: Mapping[int, set[str]], config: PipelineConfig
) -> pd.Series:
    """Put fields that fill no column back into ``extended``, where they stood."""
    rows = sorted(misfits)
    fields = FieldTree(list(dict.fromkeys(map(parse_path, config.raw_fields.values()))))
    kept = [
        extended_with(raw, fields, misfits[row])
        for row, raw in zip(rows, raw_bytes(records["raw"].iloc[rows]), strict=True)
    ]
    mask = np.zeros(len(records), bool)
    mask[rows] = True
    extended = pc.replace_with_mask(text(records["extended"]), mask, pa.array(kept, pa.string()))
    return pd.Series(pd.array(extended, dtype=TEXT), records.index)


def _is_empty(texts: pd.Series) -> Mask:
    length = pc.binary_length(text(texts)).fill_null(0)
    return length.to_numpy() == 0


def _with_derived_ids(records: pd.DataFrame, rows: npt.NDArray[np.int64]) -> pd.Series:
    """Fill in the ids of some records, from place and content."""
    nameless = records.iloc[rows]
    derived = [
        derived_event_id(key, position, raw)
        for key, position, raw in zip(
            nameless["object_key"], nameless["position"], raw_bytes(nameless["raw"]), strict=True
        )
    ]
    mask = np.zeros(len(records), bool)
    mask[rows] = True
    ids = pc.replace_with_mask(text(records["event_id"]), mask, pa.array(derived, pa.string()))
    return pd.Series(pd.array(ids, dtype=TEXT), records.index)


def _quarantine(
    records: pd.DataFrame, faults: _Faults, rows: npt.NDArray[np.int64], config: PipelineConfig
) -> pd.DataFrame:
    """Return the records of these rows, each with its reason."""
    bad = records[["raw", "object_key", "position"]].iloc[rows]
    found = {row: (reason, detail) for row, reason, detail in faults.described(config)}
    faulty = [found[row] for row in rows.tolist()]
    texts = [raw_text(raw) for raw in raw_bytes(bad["raw"])]
    details = [
        f"{detail} (raw is base64)" if is_encoded else detail
        for (_, detail), (_, is_encoded) in zip(faulty, texts, strict=True)
    ]
    return pd.DataFrame(
        {
            "raw": text_array(shown for shown, _ in texts),
            "reason": text_array(reason for reason, _ in faulty),
            "detail": text_array(details),
            "object_key": bad["object_key"].array,
            "position": bad["position"].array,
        }
    )


def _shown(value: str | None, kind: int) -> str:
    if value is None:
        return "missing"
    value = value if len(value) <= _SHOWN else value[:_SHOWN] + "…"
    return repr(value) if kind == Kind.STRING else value
