from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from sessionize.schemas import TIME
from sessionize.tables import Rows

SCHEMA = pa.schema(
    [("text", pa.string()), ("few", pa.dictionary(pa.int32(), pa.string())), ("time", TIME)]
)

texts = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
chunks = st.lists(
    st.tuples(texts, st.none() | st.sampled_from("ab"), st.integers(0, 9)), max_size=9
)


@given(st.lists(st.tuples(chunks, st.integers(0, 4)), max_size=4), st.data())
def test_rows_are_taken_from_chunks_and_slices_of_them(parts, data):
    table = SCHEMA.empty_table()
    for rows, cut in parts:
        columns = list(zip(*rows, strict=True)) or [[]] * 3
        table = pa.concat_tables([table, pa.table(columns, schema=SCHEMA).slice(cut)])
    places = st.integers(0, max(len(table) - 1, 0))
    wanted = data.draw(st.lists(places, max_size=12)) if len(table) else []
    rows = Rows(table)
    taken = rows.take(rows.places()[np.array(wanted, dtype=np.int64)], SCHEMA)
    taken.validate(full=True)
    every = table.to_pylist()
    assert taken.to_pylist() == [every[place] for place in wanted]
