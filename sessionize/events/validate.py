"""Valid records and quarantine: every record goes to exactly one of the two (contract §2)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sessionize.config import PipelineConfig, ValidRules
from sessionize.events.timestamps import parse_timestamps
from sessionize.kernels.arrow import text_buffers
from sessionize.kernels.texts import are_hex
from sessionize.landing import Kind, RawBatch, RawColumn, raw_text
from sessionize.model.hours import Hour
from sessionize.model.reasons import Reason
from sessionize.model.schemas import ENCODED, FEW_VALUES, QUARANTINE, TIME, VALIDATED
from sessionize.sessions.ids import derived_event_id

_SHOWN = 120
#: The default pattern: every record has another id, so this one is not asked once a value.
_HEX = ValidRules().inst_id
_CARRIED = ("trialstate", "apptoken", "installsource", "language", "nid", "ip_address", "p2")

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Validated:
    """A batch of records, divided.

    Attributes
    ----------
    valid : Table
        ``schemas.VALIDATED``.
    quarantine : Table
        ``schemas.QUARANTINE``.
    """

    valid: pa.Table
    quarantine: pa.Table


def validate(batch: RawBatch, object_key: str, hour: Hour, config: PipelineConfig) -> Validated:
    """Divide the records of one object's batch into valid ones and quarantine."""
    columns = batch.columns
    microseconds, is_time = parse_timestamps(columns["timestamp"])
    faults = _Faults(len(batch), config)
    unreadable = np.zeros(len(batch), dtype=bool)
    unreadable[list(batch.problems)] = True
    faults.leave_out(unreadable)

    required = ("timestamp", "action", "inst_id", *config.valid.required)
    for name in required:
        faults.add(columns[name].kind == Kind.ABSENT, Reason.MISSING_FIELD, name)
    faults.add(~is_time, Reason.BAD_TIMESTAMP, "timestamp")
    faults.add(~_fits(columns["action"], _is_of_a_product(config)), Reason.BAD_ACTION, "action")
    faults.add(
        ~_fits_inst_id(columns["inst_id"], config.valid.inst_id), Reason.BAD_INST_ID, "inst_id"
    )
    faults.add(
        ~_fits(columns["build_id"], _whole(config.valid.build_id))
        & (columns["build_id"].kind != Kind.ABSENT),
        Reason.BAD_BUILD_ID,
        "build_id",
    )
    faults.add(~_trialstate_fits(columns, config), Reason.BAD_TRIALSTATE, "trialstate")
    begin = int(hour.start.timestamp()) * 1_000_000
    end = int(hour.end.timestamp()) * 1_000_000
    oldest = begin - config.session.max_event_age.microseconds_total
    newest = end + config.session.max_clock_skew.microseconds_total
    faults.add(microseconds < oldest, Reason.TOO_OLD, "timestamp")
    faults.add(microseconds > newest, Reason.IN_THE_FUTURE, "timestamp")

    valid_rows = np.flatnonzero(~unreadable & (faults.reason == 0))
    return Validated(
        valid=_valid_table(batch, valid_rows, microseconds, object_key),
        quarantine=_quarantine_table(batch, faults, object_key),
    )


class _Faults:
    """The first fault of each record."""

    def __init__(self, rows: int, config: PipelineConfig) -> None:
        self.reason: npt.NDArray[np.int64] = np.zeros(rows, dtype=np.int64)  # 0: none
        self.kinds: list[tuple[Reason, str]] = []
        self._skip: Mask = np.zeros(rows, dtype=bool)
        self._names = config.fields

    def leave_out(self, mask: Mask) -> None:
        self._skip |= mask

    def add(self, mask: Mask, reason: Reason, column: str) -> None:
        self.kinds.append((reason, column))
        self.reason[mask & (self.reason == 0) & ~self._skip] = len(self.kinds)

    def problems(self, columns: dict[str, RawColumn]) -> dict[int, tuple[str, str]]:
        """Return the reason and the detail of each record that has a fault, by row."""
        found: dict[int, tuple[str, str]] = {}
        for number, (reason, name) in enumerate(self.kinds, start=1):
            rows = np.flatnonzero(self.reason == number)
            if not len(rows):
                continue
            field = getattr(self._names, name)
            values = columns[name].take(rows).to_pylist()
            kinds = columns[name].kind[rows].tolist()
            for row, value, kind in zip(rows.tolist(), values, kinds, strict=True):
                found[row] = reason.value, f"`{field}` is {_shown(value, kind)}"
        return found


def _shown(value: str | None, kind: int) -> str:
    if value is None:
        return "missing"
    value = value if len(value) <= _SHOWN else value[:_SHOWN] + "…"
    return repr(value) if kind == Kind.STRING else value


def _fits(column: RawColumn, predicate: Callable[[str], bool]) -> Mask:
    """Tell which rows hold a JSON string that the predicate accepts; it is asked once a value."""
    text = column.text
    encoded = text if pa.types.is_dictionary(text.type) else text.dictionary_encode()
    verdicts = np.array([predicate(value) for value in encoded.dictionary.to_pylist()], dtype=bool)
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    return (column.kind == Kind.STRING) & np.append(verdicts, False)[codes]


def _fits_inst_id(column: RawColumn, pattern: re.Pattern[str]) -> Mask:
    if pattern != _HEX:
        return _fits(column, _whole(pattern))
    offsets, data = text_buffers(column.text)
    return are_hex(offsets, data, 2) & (column.kind == Kind.STRING)


def _whole(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda value: pattern.fullmatch(value) is not None


def _begins(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda value: pattern.match(value) is not None


def _is_of_a_product(config: PipelineConfig) -> Callable[[str], bool]:
    return lambda value: any(product.action.match(value) for product in config.product)


def _trialstate_fits(columns: dict[str, RawColumn], config: PipelineConfig) -> Mask:
    """Tell which rows have the trial state that their product asks for."""
    undecided = np.ones(len(columns["action"].kind), dtype=bool)
    fits = undecided.copy()
    for product in config.product:
        of_product = undecided & _fits(columns["action"], _begins(product.action))
        undecided &= ~of_product
        if product.trialstate:
            allowed = _fits(columns["trialstate"], product.trialstate.__contains__)
            fits &= ~of_product | allowed
    return fits


def _valid_table(
    batch: RawBatch, rows: npt.NDArray[np.int64], microseconds: npt.NDArray[np.int64], key: str
) -> pa.Table:
    text = {
        name: column.take(rows) for name, column in batch.columns.items() if name in VALIDATED.names
    }
    columns = {
        **{name: _as_staged(name, column) for name, column in text.items()},
        "event_id": _event_ids(batch, rows, text["event_id"], key),
        "event_time": pa.array(microseconds[rows]).cast(TIME),
        "machine_length": _lengths(batch.columns["machine_length"].take(rows)),
        "extended": batch.extended.take(pa.array(rows)),
        "object_key": _repeated(key, len(rows)),
        "position": pa.array(batch.first_position + rows),
    }
    return pa.table([columns[name] for name in VALIDATED.names], schema=VALIDATED)


def _as_staged(name: str, text: pa.Array) -> pa.Array:
    is_encoded = pa.types.is_dictionary(text.type)
    if name in FEW_VALUES:
        return text if is_encoded else text.dictionary_encode()
    return text.dictionary_decode() if is_encoded else text


def _repeated(text: str, rows: int) -> pa.DictionaryArray:
    codes = pa.array(np.zeros(rows, dtype=np.int32))
    return pa.DictionaryArray.from_arrays(codes, pa.array([text], ENCODED.value_type))


def _event_ids(
    batch: RawBatch, rows: npt.NDArray[np.int64], ids: pa.StringArray, key: str
) -> pa.Array:
    """Fill in the ids that are missing, or an empty text, from place and content."""
    missing = np.flatnonzero(np.asarray(pc.fill_null(pc.equal(pc.binary_length(ids), 0), True)))
    if not len(missing):
        return ids
    derived = [
        derived_event_id(key, batch.first_position + row, raw)
        for row, raw in zip(rows[missing].tolist(), batch.raw_bytes(rows[missing]), strict=True)
    ]
    mask = np.zeros(len(rows), dtype=bool)
    mask[missing] = True
    return pc.replace_with_mask(ids, pa.array(mask), pa.array(derived, pa.string()))


def _lengths(text: pa.Array) -> pa.Array:
    """Read the number of the machine's characters; null where there is no whole number."""
    if pa.types.is_dictionary(text.type):
        return _whole_numbers(text.dictionary).take(text.indices)
    return _whole_numbers(text)


def _whole_numbers(texts: pa.StringArray) -> pa.Array:
    is_whole = pc.match_substring_regex(texts, r"^[0-9]{1,9}(\.0*)?$")
    digits = pc.replace_substring_regex(texts, r"\.0*$", "")
    return pc.if_else(pc.fill_null(is_whole, False), digits, None).cast(pa.int32())


def _quarantine_table(batch: RawBatch, faults: _Faults, key: str) -> pa.Table:
    problems = faults.problems(batch.columns)
    for row, problem in batch.problems.items():
        problems[row] = problem.reason.value, problem.detail
    rows = np.array(sorted(problems), dtype=np.int64)
    texts, reasons, details = [], [], []
    for row, raw in zip(rows.tolist(), batch.raw_bytes(rows), strict=True):
        reason, detail = problems[row]
        text, is_encoded = raw_text(raw)
        texts.append(text)
        reasons.append(reason)
        details.append(f"{detail} (raw is base64)" if is_encoded else detail)
    return pa.table(
        [
            pa.array(texts, pa.string()),
            pa.array(reasons, pa.string()),
            pa.array(details, pa.string()),
            pa.repeat(key, len(rows)),
            pa.array(batch.first_position + rows),
        ],
        schema=QUARANTINE,
    )
