"""Reads an object to plain Python values, to compare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple
from unittest import mock

import numpy as np
import pandas as pd
import pyarrow as pa

from sessionize.config import Landing
from sessionize.config.units import Size
from sessionize.landing import Kind, Records, raw_bytes, read_records
from sessionize.landing.json.strict import StrictScan, Taken
from sessionize.model.columns import DEFAULT_FIELDS, FEW_VALUES
from sessionize.model.frames import TEXT
from sessionize.model.reasons import Reason

BLANK = b" \t\r\n"
BOM = b"\xef\xbb\xbf"


class Record(NamedTuple):
    raw: bytes
    reason: Reason | None
    detail: str
    fields: dict[str, tuple[Kind, str]]
    extended: str | None


def landing(**limits: int) -> Landing:
    return Landing(**{name: Size(limit) for name, limit in limits.items()})


def chunks_of(content: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(content), size):
        yield content[at : at + size]


def read(
    content: bytes | Iterable[bytes],
    *,
    limits: Landing | None = None,
    batch_bytes: int = 8 << 20,
    fields: Mapping[str, str] = DEFAULT_FIELDS,
) -> list[Record]:
    """Read an object and check what holds for every frame."""
    found = read_all([content], limits=limits, batch_bytes=batch_bytes, fields=fields)
    return found[0]


def read_all(
    contents: Iterable[bytes | Iterable[bytes]],
    *,
    limits: Landing | None = None,
    batch_bytes: int = 8 << 20,
    fields: Mapping[str, str] = DEFAULT_FIELDS,
) -> list[list[Record]]:
    """Read objects, named by their numbers, and check what holds for every frame."""
    objects = [
        (f"{n}", [content] if isinstance(content, bytes) else content)
        for n, content in enumerate(contents)
    ]
    found: list[list[Record]] = [[] for _ in objects]
    last = 0
    for records in read_records(objects, fields, limits or Landing(), batch_bytes=batch_bytes):
        assert len(records) > 0
        for key, position, record in _rows(records, fields):
            assert int(key) >= last
            last = int(key)
            assert position == len(found[last])
            found[last].append(record)
    return found


def without_scan() -> mock._patch[object]:
    """Have the reader frame and parse every record one by one."""
    return mock.patch.object(
        StrictScan, "take", lambda self, text, at, limit, base: Taken(at, -1, False)
    )


def _rows(records: Records, fields: Mapping[str, str]) -> Iterator[tuple[str, int, Record]]:
    frame, kinds = records.frame, records.kinds
    assert frame.index.equals(pd.RangeIndex(len(records)))
    assert list(kinds.columns) == list(fields)
    assert (kinds.dtypes == np.uint8).all()
    assert list(frame.columns) == [
        *fields, "extended", "object_key", "position", "raw", "reason", "detail"
    ]  # fmt: skip
    for name in frame.columns:
        if name in FEW_VALUES:
            assert frame[name].cat.categories.dtype == "str"
        elif name == "position":
            assert frame[name].dtype == np.int64
        else:
            assert frame[name].dtype == (pd.ArrowDtype(pa.binary()) if name == "raw" else TEXT)
            pa.array(frame[name]).validate(full=True)
    columns = {
        name: list(zip(map(Kind, kinds[name]), _plain(frame[name]), strict=True)) for name in fields
    }
    others = ("extended", "object_key", "position", "reason", "detail")
    rows = zip(raw_bytes(frame["raw"]), *(_plain(frame[name]) for name in others), strict=True)
    for row, (raw, extended, key, position, reason, detail) in enumerate(rows):
        held = {}
        for name, values in columns.items():
            kind, text = values[row]
            assert (text is None) == (kind is Kind.ABSENT)
            if text is not None:
                held[name] = (kind, text)
        assert (reason is None) == (detail is None)
        if reason:
            assert detail
            assert not held
            assert extended is None
        yield (
            key,
            position,
            Record(raw, Reason(reason) if reason else None, detail or "", held, extended),
        )


def _plain(column: pd.Series) -> list[object]:
    return [None if is_null else v for v, is_null in zip(column, column.isna(), strict=True)]


def good(records: Iterable[Record]) -> list[bytes]:
    return [record.raw for record in records if record.reason is None]


def reasons(records: Iterable[Record]) -> list[Reason | None]:
    return [record.reason for record in records]


def assert_covers(text: bytes, records: Iterable[Record]) -> None:
    """Check that the records hold, in order, every byte that is neither white space nor a BOM."""
    at = 0
    for record in records:
        at = _skip_blank(text, at)
        assert text.startswith(record.raw, at)
        size = len(record.raw)
        if record.reason in (Reason.RECORD_TOO_LARGE, Reason.TOO_MANY_RECORDS):
            size = int(record.detail.split()[0])
            assert int(record.detail.split("at byte ")[1].split()[0]) == at
        else:
            assert record.raw == record.raw.strip(BLANK)
            assert record.raw or record.reason in (Reason.DAMAGED_OBJECT, Reason.OBJECT_TOO_LARGE)
        at += size
    assert _skip_blank(text, at) >= len(text)


def _skip_blank(text: bytes, at: int) -> int:
    while at < len(text):
        if text[at] in BLANK:
            at += 1
        elif text.startswith(BOM, at):
            at += 3
        else:
            break
    return at
