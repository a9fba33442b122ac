"""From records to columns, without a Python object for each value."""

from __future__ import annotations

import codecs

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sessionize.config import FieldNames
from sessionize.kernels.arrow import as_bytes, text_array
from sessionize.kernels.json_scan import ESCAPED, scan_records
from sessionize.kernels.texts import copy_spans, encode_spans, measure_spans
from sessionize.landing.parsing import MAX_DEPTH, Fields
from sessionize.landing.records import Kind, RawColumn

#: The columns that have few values: they are kept as dictionary-encoded texts.
FEW_VALUES = frozenset(
    ["action", "machine_length", "build_id", "trialstate", "installsource", "language"]
)

_NULL = b"null"
_ABSENT = int(Kind.ABSENT)
_KIND_OF_FIRST_BYTE = {
    **dict.fromkeys(b"-0123456789", Kind.NUMBER),
    ord('"'): Kind.STRING,
    ord("n"): Kind.ABSENT,
}

_decode_string = msgspec.json.Decoder(str).decode


class Columns:
    """Columns under construction, of the records of one text.

    Parameters
    ----------
    fields : FieldNames
        Which raw field fills which column.
    room : int
        The most records that are added before `finish`.
    """

    def __init__(self, fields: FieldNames, room: int) -> None:
        self._room = room
        self._raw_names = dict(zip(fields.__struct_fields__, fields.raw_names(), strict=True))
        encoded = [name.encode() for name in self._raw_names.values()]
        self._names = as_bytes(b"".join(encoded))
        self._name_ends = np.cumsum([len(name) for name in encoded], dtype=np.int32)
        columns = len(encoded)
        self._starts = np.empty(room, np.int64)
        self._ends = np.empty(room, np.int64)
        self._spans = np.empty((room, columns, 2), np.int32)
        self._kinds = np.empty((room, columns), np.uint8)
        self._extended = np.empty(0, np.uint8)
        self._extended_ends = np.empty(room, np.int64)
        self._levels = np.empty(MAX_DEPTH - 1, np.uint8)
        self._rows = 0
        self._decoded: dict[int, Fields] = {}
        self._checked: tuple[bytes, bool] = b"", True

    def __len__(self) -> int:
        return self._rows

    @property
    def full(self) -> bool:
        """Whether no record more can be added."""
        return self._rows == self._room

    def scan(self, text: bytes, at: int, limit: int) -> tuple[int, bool]:
        """Add the records that stand strictly well formed from ``at`` on, as many as there are.

        Parameters
        ----------
        text : bytes
            The text of all records since `finish`; it may have grown since the last call.
        at : int
            Where to begin.
        limit : int
            The longest record to take.

        Returns
        -------
        at : int
            Behind the last record added.
        incomplete : bool
            Whether the next record may break off only because the text does.
        """
        if len(self._extended) < len(text) + self._room:
            grown = np.empty(len(text) + self._room, np.uint8)
            grown[: len(self._extended)] = self._extended
            self._extended = grown
        self._rows, at, incomplete = scan_records(
            as_bytes(text),
            at,
            limit,
            self._is_utf8(text),
            self._names,
            self._name_ends,
            self._rows,
            self._starts,
            self._ends,
            self._spans,
            self._kinds,
            self._extended,
            self._extended_ends,
            self._levels,
        )
        return at, incomplete

    def add(self, start: int, end: int, fields: Fields) -> None:
        """Add one record with these fields; without any, it is null in every column."""
        row = self._rows
        self._starts[row], self._ends[row] = start, end
        self._kinds[row] = _ABSENT
        self._extended_ends[row] = self._extended_ends[row - 1] if row else 0
        if fields:
            self._decoded[row] = fields
        self._rows += 1

    def finish(
        self, text: bytes
    ) -> tuple[dict[str, RawColumn], pa.StringArray, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the columns, ``extended``, and the starts and ends of the records; begin anew."""
        rows = self._rows
        columns = {name: self._column(text, f, name) for f, name in enumerate(self._raw_names)}
        ends = self._extended_ends[:rows]
        offsets = np.zeros(rows + 1, np.int32)
        offsets[1:] = ends
        written = int(ends[-1]) if rows else 0
        none = offsets[1:] == offsets[:-1]
        extended = text_array(offsets, self._extended[:written].copy(), none)
        if self._decoded:
            columns, extended = self._with_decoded(columns, extended)
        starts, ends = self._starts[:rows].copy(), self._ends[:rows].copy()
        self._rows = 0
        self._decoded = {}
        return columns, extended, starts, ends

    def _is_utf8(self, text: bytes) -> bool:
        """Tell whether all of it is UTF-8, but for a character that is cut off at its end."""
        if self._checked[0] is not text:
            try:
                is_utf8 = text.isascii() or codecs.utf_8_decode(text, "strict", False)[1] > 0
            except UnicodeDecodeError:
                is_utf8 = False
            self._checked = text, is_utf8
        return self._checked[1]

    def _column(self, text: bytes, field: int, name: str) -> RawColumn:
        rows = self._rows
        data, spans, kinds = as_bytes(text), self._spans[:rows], self._kinds[:rows]
        of_field = kinds[:, field]
        kind = of_field & ~np.uint8(ESCAPED)
        absent = kind == _ABSENT
        is_escaped = of_field != kind
        has_escapes = bool(is_escaped.any())
        encoded = name in FEW_VALUES and not has_escapes
        if encoded:
            codes = np.empty(rows, np.int32)
            firsts = np.empty(rows, np.int64)
            slots = np.full(1 << (2 * rows).bit_length(), -1, np.int32)
            wanted = firsts[: encode_spans(data, spans, kinds, field, slots, codes, firsts)]
        else:
            wanted = np.arange(rows)
        offsets = np.empty(len(wanted) + 1, np.int32)
        measure_spans(spans, kinds, field, wanted, offsets)
        texts = np.empty(offsets[-1], np.uint8)
        copy_spans(data, spans, field, wanted, offsets, texts)
        if encoded:
            values = text_array(offsets, texts)
            mask = absent if absent.any() else None
            return RawColumn(
                pa.DictionaryArray.from_arrays(pa.array(codes, mask=mask), values), kind
            )
        column = text_array(offsets, texts, absent)
        if has_escapes:
            places = spans[is_escaped, field].tolist()
            decoded = [_decode_string(text[start - 1 : end + 1]) for start, end in places]
            column = _replaced(column, is_escaped, pa.array(decoded, pa.string()))
        return RawColumn(column.dictionary_encode() if name in FEW_VALUES else column, kind)

    def _with_decoded(
        self, columns: dict[str, RawColumn], extended: pa.StringArray
    ) -> tuple[dict[str, RawColumn], pa.StringArray]:
        """Put in the records that have been decoded one by one."""
        mask = np.zeros(self._rows, np.bool_)
        mask[list(self._decoded)] = True
        records = list(self._decoded.values())
        for name, raw_name in self._raw_names.items():
            column = columns[name]
            values = [bytes(fields.pop(raw_name, _NULL)) for fields in records]
            kind = column.kind
            kind[mask] = [_KIND_OF_FIRST_BYTE.get(value[0], Kind.OTHER) for value in values]
            texts = pa.array(map(_text_of, values), pa.string())
            text = column.text.cast(pa.string()) if name in FEW_VALUES else column.text
            text = _replaced(text, mask, texts)
            columns[name] = RawColumn(
                text.dictionary_encode() if name in FEW_VALUES else text, kind
            )
        unknown = pa.array([_object_of(fields) for fields in records], pa.string())
        return columns, _replaced(extended, mask, unknown)


def _replaced(
    texts: pa.StringArray, mask: npt.NDArray[np.bool_], others: pa.StringArray
) -> pa.StringArray:
    return pc.replace_with_mask(texts, pa.array(mask), others)


def _text_of(value: bytes) -> str | None:
    if value.startswith(b'"'):
        return _decode_string(value)
    return None if value == _NULL else value.decode()


def _object_of(fields: Fields) -> str | None:
    pairs = (msgspec.json.encode(name) + b":" + bytes(raw) for name, raw in fields.items())
    return (b"{" + b",".join(pairs) + b"}").decode() if fields else None
