"""From records to columns, without a Python object for each value."""

from __future__ import annotations

import codecs

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sessionize.config import FieldNames
from sessionize.kernels.arrow import text_array
from sessionize.kernels.json_scan import ESCAPED, RecordScan
from sessionize.landing.json.parsing import MAX_DEPTH, Fields
from sessionize.landing.records import Kind, RawColumn
from sessionize.model.schemas import FEW_VALUES

#: The columns that are kept as dictionary-encoded texts: the length is one here only.
_FEW_VALUES = FEW_VALUES | {"machine_length"}

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
        self._raw_names = dict(zip(fields.__struct_fields__, fields.raw_names(), strict=True))
        self._room = room
        self._checked: tuple[bytes, bool] = b"", True
        self._begin()

    def _begin(self) -> None:
        names = [name.encode() for name in self._raw_names.values()]
        self._found = RecordScan(names, self._room, MAX_DEPTH - 1)
        self._decoded: dict[int, Fields] = {}

    def __len__(self) -> int:
        return self._found.rows

    @property
    def full(self) -> bool:
        """Whether no record more can be added."""
        return self._found.rows == self._found.room

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
        return self._found.take(np.frombuffer(text, np.uint8), at, limit, self._is_utf8(text))

    def add(self, start: int, end: int, fields: Fields) -> None:
        """Add one record with these fields; without any, it is null in every column."""
        if fields:
            self._decoded[self._found.rows] = fields
        self._found.add_blank(start, end)

    def finish(
        self, text: bytes
    ) -> tuple[dict[str, RawColumn], pa.StringArray, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the columns, ``extended``, and the starts and ends of the records; begin anew."""
        found, rows = self._found, self._found.rows
        decoded = _Decoded(self._decoded, self._raw_names, rows) if self._decoded else None
        columns = {
            name: _column(found, text, field, name, decoded)
            for field, name in enumerate(self._raw_names)
        }
        offsets = np.zeros(rows + 1, np.int32)
        offsets[1:] = found.extended_ends[:rows]
        extended = text_array(offsets, found.extended, offsets[1:] == offsets[:-1])
        if decoded:
            extended = _replaced(extended, decoded.mask, decoded.unknown)
        self._begin()
        return columns, extended, found.starts[:rows], found.ends[:rows]

    def _is_utf8(self, text: bytes) -> bool:
        """Tell whether all of it is UTF-8, but for a character that is cut off at its end."""
        if self._checked[0] is not text:
            try:
                is_utf8 = text.isascii() or codecs.utf_8_decode(text, "strict", False)[1] > 0
            except UnicodeDecodeError:
                is_utf8 = False
            self._checked = text, is_utf8
        return self._checked[1]


class _Decoded:
    """Records that have been decoded one by one, to be put in among the others."""

    def __init__(self, records: dict[int, Fields], raw_names: dict[str, str], rows: int) -> None:
        self.mask = np.zeros(rows, np.bool_)
        self.mask[list(records)] = True
        # In the order of their rows, which is that in which they were added.
        fields = list(records.values())
        self.values = {
            name: [bytes(record.pop(raw_name, _NULL)) for record in fields]
            for name, raw_name in raw_names.items()
        }
        self.unknown = pa.array([_object_of(record) for record in fields], pa.string())


def _column(
    found: RecordScan, text: bytes, field: int, name: str, decoded: _Decoded | None
) -> RawColumn:
    data = np.frombuffer(text, np.uint8)
    of_field = found.kinds[: found.rows, field]
    kind = of_field & ~np.uint8(ESCAPED)
    is_escaped = of_field != kind
    has_few = name in _FEW_VALUES

    def read(rows: npt.NDArray[np.int64]) -> pa.Array:
        absent = kind[rows] == _ABSENT
        escaped = np.flatnonzero(is_escaped[rows])
        if has_few and not len(escaped):
            codes, firsts = found.encode_field(data, field, rows)
            values = text_array(*found.texts_of_field(data, field, firsts))
            mask = absent if absent.any() else None
            return pa.DictionaryArray.from_arrays(pa.array(codes, mask=mask), values, safe=False)
        column = text_array(*found.texts_of_field(data, field, rows), absent)
        if len(escaped):
            places = found.spans[rows[escaped], field].tolist()
            values = [_decode_string(text[start - 1 : end + 1]) for start, end in places]
            column = _replaced(column, is_escaped[rows], pa.array(values, pa.string()))
        return column.dictionary_encode() if has_few else column

    if decoded is None:
        return RawColumn(kind, read)
    values, mask = decoded.values[name], decoded.mask
    texts = pa.array(map(_text_of, values), pa.string())
    whole = _replaced(read(np.arange(found.rows)).cast(pa.string()), mask, texts)
    whole = whole.dictionary_encode() if has_few else whole
    kind[mask] = [_KIND_OF_FIRST_BYTE.get(value[0], Kind.OTHER) for value in values]
    return RawColumn(kind, lambda rows: whole.take(pa.array(rows)))


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
