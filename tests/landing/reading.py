"""Reads an object to plain Python values, to compare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from sessionize.config import FieldNames, Landing
from sessionize.config.units import Size
from sessionize.landing import Kind, RawBatch, read_batches
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
    fields: FieldNames | None = None,
) -> list[Record]:
    """Read an object and check what holds for every batch."""
    chunks = [content] if isinstance(content, bytes) else content
    limits, fields = limits or Landing(), fields or FieldNames()
    records: list[Record] = []
    for batch in read_batches(chunks, fields, limits, batch_bytes):
        assert batch.first_position == len(records)
        assert len(batch) > 0
        records += _rows(batch, fields)
    return records


def _rows(batch: RawBatch, fields: FieldNames) -> Iterator[Record]:
    assert tuple(batch.columns) == fields.__struct_fields__
    batch.extended.validate(full=True)
    columns = {}
    for name, column in batch.columns.items():
        column.text.validate(full=True)
        assert column.kind.dtype == np.uint8
        assert len(column.text) == len(column.kind) == len(batch)
        columns[name] = list(zip(map(Kind, column.kind), column.text.to_pylist(), strict=True))
    raws = batch.raw_bytes(np.arange(len(batch)))
    for row, (raw, extended) in enumerate(zip(raws, batch.extended.to_pylist(), strict=True)):
        held = {}
        for name, values in columns.items():
            kind, text = values[row]
            assert (text is None) == (kind is Kind.ABSENT)
            if text is not None:
                held[name] = (kind, text)
        problem = batch.problems.get(row)
        if problem:
            assert problem.detail
            assert not held
            assert extended is None
            yield Record(raw, problem.reason, problem.detail, held, extended)
        else:
            yield Record(raw, None, "", held, extended)


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
        if record.reason is Reason.RECORD_TOO_LARGE:
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
