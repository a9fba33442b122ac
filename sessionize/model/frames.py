"""DataFrames of the core, and the Arrow tables in which they are kept and published.

In a frame texts are Arrow strings, or categoricals where few values come again and again; times
are ``datetime64[us, UTC]``. Both ways back and forth leave texts where they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pandas.api.extensions import ExtensionArray
from pandas.arrays import ArrowExtensionArray

from sessionize.model.tables import ENCODED, in_one_piece

TEXT = pd.ArrowDtype(pa.string())
TIME = pd.DatetimeTZDtype("us", "UTC")


def to_frame(table: pa.Table) -> pd.DataFrame:
    """Return a table as a frame, each column in one piece."""
    columns = {name: _from_arrow(in_one_piece(table.column(name))) for name in table.schema.names}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(table)), copy=False)


def to_table(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    """Return the columns of a frame that a schema names, cast to it."""
    columns = [_to_arrow(frame[field.name].array, field.type) for field in schema]
    return pa.table(columns, schema=schema)


def concat(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Lay frames of the same columns end to end, each column in one piece.

    Unlike ``pd.concat`` this keeps categoricals whose categories differ, and copies texts once.
    """
    frames = list(frames)
    if len(frames) == 1 and all(_is_in_one_piece(frames[0][name]) for name in frames[0].columns):
        return frames[0]
    columns: dict[str, object] = {}
    for name in frames[0].columns:
        chunks = [chunk for frame in frames for chunk in _chunks(_to_arrow(frame[name].array))]
        if {chunk.type for chunk in chunks} == {ENCODED, pa.string()}:
            chunks = [chunk.cast(ENCODED) for chunk in chunks]
        columns[name] = _from_arrow(in_one_piece(pa.chunked_array(chunks)))
    return pd.DataFrame(columns, index=pd.RangeIndex(sum(map(len, frames))), copy=False)


def only(frame: pd.DataFrame, mask: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Return the rows for which a mask holds, in runs: faster than row by row where most do."""
    if mask.all():
        return frame
    columns = {name: column.array[mask] for name, column in frame.items()}
    return pd.DataFrame(columns, index=pd.RangeIndex(int(np.count_nonzero(mask))), copy=False)


def take(frame: pd.DataFrame, rows: npt.NDArray[np.integer]) -> pd.DataFrame:
    """Return rows, in the order given, numbered anew."""
    columns = {name: column.array.take(rows) for name, column in frame.items()}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(rows)), copy=False)


def categorical(codes: npt.NDArray[np.integer], texts: ExtensionArray) -> pd.Categorical:
    """Return distinct texts by their places."""
    return pd.Categorical.from_codes(codes, pd.Index(texts), validate=False)


def _is_in_one_piece(column: pd.Series) -> bool:
    values = column.array
    return not isinstance(values, ArrowExtensionArray) or len(_chunks(pa.array(values))) <= 1


def text(series: pd.Series) -> pa.ChunkedArray:
    """Return a column of texts as Arrow strings, whichever of the two it is in the frame."""
    column = _to_arrow(series.array)
    column = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
    return column.cast(pa.string())


def in_one_array(series: pd.Series) -> pa.StringArray:
    """Return a column of texts as one Arrow array."""
    return text(series).combine_chunks()


def text_buffers(texts: pa.StringArray) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Return where each text begins, and behind the last where it ends, and the bytes of all."""
    _, offsets, data = texts.buffers()
    every = np.frombuffer(offsets or bytes(4 * (texts.offset + len(texts) + 1)), np.int32)
    arrays = (
        every[texts.offset : texts.offset + len(texts) + 1],
        np.frombuffer(data or b"", np.uint8),
    )
    for array in arrays:  # some buffers can be written: for those a kernel is compiled anew
        array.flags.writeable = False
    return arrays


def map_values(texts: pd.Series, function: Callable[[str], str | None]) -> pd.Series:
    """Apply a function to texts, once for each distinct one; null stays null.

    Returns
    -------
    Series
        A categorical.
    """
    given = as_categorical(texts).cat
    codes, distinct = pd.factorize(np.array([function(t) for t in given.categories], object))
    of_row = np.append(codes, -1)[given.codes]
    mapped = pd.Categorical.from_codes(of_row, pd.Index(distinct, dtype="str"))
    return pd.Series(mapped, texts.index)


def match_values(texts: pd.Series, predicate: Callable[[str], object]) -> npt.NDArray[np.bool_]:
    """Tell which texts a predicate holds for, asking once for each distinct one; for no null."""
    given = as_categorical(texts).cat
    hits = np.array([*(bool(predicate(t)) for t in given.categories), False])
    return hits[given.codes]


def text_array(texts: Iterable[str | None]) -> ArrowExtensionArray:
    """Return texts as what a column of a frame is made of."""
    return ArrowExtensionArray(pa.array(list(texts), pa.string()))


def as_categorical(texts: pd.Series) -> pd.Series:
    """Return texts as a categorical."""
    if isinstance(texts.dtype, pd.CategoricalDtype):
        return texts
    encoded = text(texts).dictionary_encode()
    return pd.Series(_from_arrow(encoded), texts.index)


def contains(texts: pd.Series, pattern: re.Pattern[str]) -> npt.NDArray[np.bool_]:
    """Tell which texts have the pattern in them."""
    return match_values(texts, pattern.search)


def repeated(value: str, rows: int) -> pd.Categorical:
    """Return a categorical that is the same text in every row."""
    return pd.Categorical.from_codes(np.zeros(rows, np.int8), pd.Index([value], dtype="str"))


def _chunks(column: pa.Array | pa.ChunkedArray) -> list[pa.Array]:
    return column.chunks if isinstance(column, pa.ChunkedArray) else [column]


def _from_arrow(column: pa.ChunkedArray) -> ExtensionArray | npt.NDArray[np.generic]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.unify_dictionaries() if column.num_chunks > 1 else column
        if not column.num_chunks:
            return pd.Categorical.from_codes([], pd.Index([], dtype="str"))
        codes = [
            chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False) for chunk in column.chunks
        ]
        categories = pd.Index(column.chunk(0).dictionary.to_pandas(), dtype="str")
        return pd.Categorical.from_codes(np.concatenate(codes), categories, validate=False)
    if pa.types.is_timestamp(kind):
        numbers = column.cast(pa.int64()).fill_null(np.iinfo(np.int64).min).to_numpy()
        return pd.array(numbers.view("M8[us]"), dtype=TIME)
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    if is_number and not column.null_count:
        return column.to_numpy()
    return pd.array(column, dtype=pd.ArrowDtype(kind))


def _categories(values: pd.Categorical) -> pa.StringArray:
    texts = pa.array(values.categories.array)
    return (texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts).cast(
        pa.string()
    )


def _to_arrow(
    values: ExtensionArray | npt.NDArray[np.generic], kind: pa.DataType | None = None
) -> pa.Array | pa.ChunkedArray:
    if isinstance(values, pd.Categorical):
        codes = np.asarray(values.codes)
        mask = codes < 0
        array = pa.DictionaryArray.from_arrays(
            pa.array(codes.astype(np.int32), mask=mask if mask.any() else None),
            _categories(values),
            safe=False,
        )
    else:
        array = pa.array(values, from_pandas=True)
    return array if kind is None or array.type == kind else array.cast(kind)
