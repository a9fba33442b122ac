"""Arrow tables as they pass between stages: what knows nothing of pandas."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

#: How a column of few texts is kept between stages: what a categorical is in Arrow.
ENCODED = pa.dictionary(pa.int32(), pa.string())


def in_one_piece(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Copy a column's chunks into one, with one dictionary: rows are then quick to take.

    A column with more text than one Arrow array holds (2 GiB) stays in several.
    """
    if column.num_chunks <= 1:
        return column
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    elif pa.types.is_string(column.type) and column.nbytes >= np.iinfo(np.int32).max:
        return column
    return pa.chunked_array([column.combine_chunks()], column.type)
