"""Between Arrow tables, which are stored, and pandas frames, which the core works on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa


def empty_frame(schema: pa.Schema) -> pd.DataFrame:
    """Return a frame without rows, with the columns and types of ``schema``."""
    return schema.empty_table().to_pandas()


def to_frame(table: pa.Table) -> pd.DataFrame:
    """Return the table as a frame: texts as ``str``, times as ``datetime64[us, UTC]``."""
    return table.to_pandas()


def to_table(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    """Return the frame's columns that ``schema`` names, in its order and types.

    Raises
    ------
    pyarrow.ArrowInvalid, KeyError
        If a column is missing or does not fit its type.
    """
    return pa.Table.from_pandas(
        frame[schema.names], schema=schema, preserve_index=False
    ).replace_schema_metadata(None)


def microseconds(times: pd.Series) -> npt.NDArray[np.int64]:
    """Return aware times without nulls as microseconds since the epoch."""
    return np.asarray(times.astype("datetime64[us, UTC]").astype("int64"), dtype=np.int64)


def times(microseconds: npt.NDArray[np.int64]) -> pd.DatetimeIndex:
    """Return microseconds since the epoch as ``datetime64[us, UTC]``."""
    return pd.DatetimeIndex(microseconds.view("datetime64[us]")).tz_localize("UTC")
