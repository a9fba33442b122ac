"""From the places of values in a text to columns of a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sessionize.kernels.json_scan import ABSENT, ESCAPED
from sessionize.kernels.spans import REMEMBERED, copy_spans, measure_spans, number_spans
from sessionize.landing.json.strict import StrictScan

Bytes = npt.NDArray[np.uint8]
#: Texts that stand for others in a column, by row, in ascending order.
Replacements = Mapping[int, str | None]

decode_string = msgspec.json.Decoder(str).decode


def field_column(
    scan: StrictScan, field: int, text: Bytes, replacements: Replacements, *, has_few: bool
) -> pd.Categorical | pd.arrays.ArrowExtensionArray:
    """Return the values of a field.

    Parameters
    ----------
    scan : StrictScan
        The records.
    field : int
        The field's number.
    text : uint8 array
        The text that the records stand in.
    replacements : mapping of int to str
        The values that have been decoded one by one.
    has_few : bool
        Whether to return a categorical.
    """
    starts, ends = scan.spans[field, :, : scan.rows]
    kinds = scan.kinds[field, : scan.rows]
    escaped = np.flatnonzero(kinds & ESCAPED).tolist()
    if escaped:
        decoded = {
            row: decode_string(text[starts[row] - 1 : ends[row] + 1].tobytes()) for row in escaped
        }
        replacements = dict(sorted({**replacements, **decoded}.items()))
    if has_few and not replacements:
        return _numbered(text, starts, ends, kinds)
    values = _replaced(_texts(text, starts, ends, kinds), replacements)
    return _categorical(values.dictionary_encode()) if has_few else as_series_array(values)


def extended_column(scan: StrictScan, replacements: Replacements) -> pd.arrays.ArrowExtensionArray:
    """Return the unknown fields of the records."""
    offsets = scan.extended_ends[: scan.rows + 1]
    texts = _text_array(offsets, scan.extended, offsets[1:] == offsets[:-1])
    return as_series_array(_replaced(texts, replacements))


def raw_column(scan: StrictScan, text: bytes | memoryview) -> pd.arrays.ArrowExtensionArray:
    """Return the records, each up to where the next begins: the text itself, not a copy."""
    offsets = scan.starts[: scan.rows + 1]
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(text)]
    return as_series_array(pa.Array.from_buffers(pa.binary(), scan.rows, buffers))


def sparse_column(rows: int, values: Mapping[int, str]) -> pd.arrays.ArrowExtensionArray:
    """Return a column of texts that is null but in these rows."""
    if not values:
        return as_series_array(pa.nulls(rows, pa.string()))
    places = np.zeros(rows, np.int32)
    is_null = np.ones(rows, np.bool_)
    places[list(values)] = np.arange(len(values))
    is_null[list(values)] = False
    texts = pa.array(values.values(), pa.string())
    return as_series_array(texts.take(pa.array(places, mask=is_null)))


def repeated_column(values: list[str], counts: Sequence[int]) -> pd.Categorical:
    """Return a categorical in which each value comes so many times in a row."""
    distinct = list(dict.fromkeys(values))
    codes = pd.Index(distinct).get_indexer(pd.Index(values))
    return pd.Categorical.from_codes(
        np.repeat(codes, counts), pd.Index(distinct, dtype="str"), validate=False
    )


def as_series_array(array: pa.Array) -> pd.arrays.ArrowExtensionArray:
    """Return an Arrow array as what a column of a frame is made of."""
    return pd.arrays.ArrowExtensionArray(array)


def _texts(
    text: Bytes, starts: npt.NDArray[np.int32], ends: npt.NDArray[np.int32], kinds: Bytes
) -> pa.StringArray:
    offsets = np.empty(len(kinds) + 1, np.int32)
    values = np.empty(measure_spans(starts, ends, kinds, offsets), np.uint8)
    copy_spans(text, starts, offsets, values)
    return _text_array(offsets, values, kinds == ABSENT)


def _numbered(
    text: Bytes, starts: npt.NDArray[np.int32], ends: npt.NDArray[np.int32], kinds: Bytes
) -> pd.Categorical:
    codes = np.empty(len(kinds), np.int32)
    firsts = np.empty(len(kinds), np.int32)
    memory = np.full(REMEMBERED, -1, np.int32)
    given = number_spans(text, starts, ends, kinds, codes, firsts, memory)
    rows = firsts[:given]
    encoded = _texts(text, starts[rows], ends[rows], kinds[rows]).dictionary_encode()
    if len(encoded.dictionary) < given:  # some values have got several numbers
        codes = np.append(encoded.indices.to_numpy(), np.int32(-1))[codes]
    return pd.Categorical.from_codes(codes, _categories(encoded), validate=False)


def _categorical(encoded: pa.DictionaryArray) -> pd.Categorical:
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return pd.Categorical.from_codes(codes, _categories(encoded), validate=False)


def _categories(encoded: pa.DictionaryArray) -> pd.Index:
    return pd.Index(encoded.dictionary.to_numpy(zero_copy_only=False), dtype="str")


def _text_array(
    offsets: npt.NDArray[np.int32], values: Bytes, is_null: npt.NDArray[np.bool_]
) -> pa.StringArray:
    """Return the texts that lie end to end in ``values``, which must be UTF-8."""
    nulls = int(np.count_nonzero(is_null))
    validity = pa.py_buffer(np.packbits(~is_null, bitorder="little")) if nulls else None
    return pa.StringArray.from_buffers(
        len(is_null), pa.py_buffer(offsets), pa.py_buffer(values), validity, nulls
    )


def _replaced(texts: pa.StringArray, replacements: Replacements) -> pa.StringArray:
    if not replacements:
        return texts
    mask = np.zeros(len(texts), np.bool_)
    mask[list(replacements)] = True
    return pc.replace_with_mask(texts, pa.array(mask), pa.array(replacements.values(), pa.string()))
