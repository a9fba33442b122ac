"""From the fields of many records to columns, without a Python object per value that is kept."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sessionize.config import FieldNames
from sessionize.landing.parsing import Fields
from sessionize.landing.records import Kind, RawColumn

# The JSON texts of a column are joined by a byte that no JSON text holds.
_SEPARATOR = b"\0"
_NULL = b"null"
_BACKSLASH = ord("\\")

_ABSENT, _STRING = int(Kind.ABSENT), int(Kind.STRING)
_KIND_OF_FIRST_BYTE = np.full(256, Kind.OTHER, dtype=np.uint8)
_KIND_OF_FIRST_BYTE[ord('"')] = _STRING
_KIND_OF_FIRST_BYTE[list(b"-0123456789")] = Kind.NUMBER
_KIND_OF_FIRST_BYTE[ord("n")] = _ABSENT

#: Distinct sets of unknown fields for which the form of ``extended`` is kept.
_MOST_FORMS = 1024

_decode_string = msgspec.json.Decoder(str).decode


class Columns:
    """Columns under construction.

    Parameters
    ----------
    fields : FieldNames
        Which raw field fills which column.
    """

    def __init__(self, fields: FieldNames) -> None:
        self._raw_names = dict(zip(fields.__struct_fields__, fields.raw_names(), strict=True))
        self._forms: dict[tuple[str, ...], bytes] = {}
        self._start()

    def _start(self) -> None:
        self._texts: dict[str, list[bytes]] = {column: [] for column in self._raw_names}
        self._extended: list[bytes | None] = []

    def add(self, rows: Sequence[Fields]) -> None:
        """Add records, at least one; an empty dict is a record that is null in every column.

        The known fields are taken out of them.
        """
        for column, name in self._raw_names.items():
            values = [row.pop(name, _NULL) for row in rows]
            self._texts[column].append(_SEPARATOR.join(values))
        self._extended += [self._write_object(row) if row else None for row in rows]

    def finish(self) -> tuple[dict[str, RawColumn], pa.StringArray]:
        """Return the columns and ``extended`` of the records added since the last call."""
        columns = {column: _column(_SEPARATOR.join(t)) for column, t in self._texts.items()}
        extended = pa.array(self._extended, pa.string())
        self._start()
        return columns, extended

    def _write_object(self, fields: Fields) -> bytes:
        names = tuple(fields)
        form = self._forms.get(names)
        if form is None:
            if len(self._forms) == _MOST_FORMS:
                self._forms.clear()
            keys = (msgspec.json.encode(name).replace(b"%", b"%%") for name in names)
            form = b"{" + b",".join(key + b":%b" for key in keys) + b"}"
            self._forms[names] = form
        return form % tuple(fields.values())


def _column(joined: bytes) -> RawColumn:
    data = np.frombuffer(joined, dtype=np.uint8)
    ends = np.append(np.flatnonzero(data == 0), len(data))
    starts = np.concatenate(([0], ends[:-1] + 1))
    kind = _KIND_OF_FIRST_BYTE[data[starts]]
    is_string = kind == _STRING
    text = _cut(joined, starts + is_string, ends - is_string, absent=kind == _ABSENT)

    escapes = np.flatnonzero(data == _BACKSLASH)
    if len(escapes):
        rows = np.unique(np.searchsorted(ends, escapes))
        rows = rows[is_string[rows]]
        spans = zip(starts[rows].tolist(), ends[rows].tolist(), strict=True)
        decoded = [_decode_string(joined[start:end]) for start, end in spans]
        has_escape = np.zeros(len(kind), dtype=bool)
        has_escape[rows] = True
        text = pc.replace_with_mask(text, pa.array(has_escape), pa.array(decoded, pa.string()))
    return RawColumn(text, kind)


def _cut(
    joined: bytes,
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    absent: npt.NDArray[np.bool_],
) -> pa.StringArray:
    """Gather the spans of a text; ``absent`` ones are null.

    The bounds make an array of which every second text is wanted, so that Arrow does the copying.
    """
    bounds = np.column_stack((starts, ends)).astype(np.int32).ravel()
    pieces = pa.StringArray.from_buffers(
        len(bounds) - 1, pa.py_buffer(bounds.data), pa.py_buffer(joined)
    )
    wanted = np.arange(0, len(bounds), 2)
    return pieces.take(pa.array(wanted, pa.int64(), mask=absent))
