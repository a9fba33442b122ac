from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionize.model.schemas import TIME
from sessionize.sessions import tables
from sessionize.sessions.tables import Rows, place_of

FEW = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        *(("text", pa.string()), ("few", FEW)),
        *(("time", TIME), ("short", pa.int32()), ("long", pa.int64())),
    ]
)

texts = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.none() | st.integers(-9, 9)
rows = st.tuples(texts, st.none() | st.sampled_from("ab"), numbers, numbers, numbers)
#: Rows, and how many of them a slice leaves out, so that chunks begin inside their buffers.
parts = st.lists(st.tuples(st.lists(rows, max_size=9), st.integers(0, 4)), max_size=4)


def table_of(parts) -> pa.Table:
    """Each part has chunks, and dictionaries, of its own."""
    table = SCHEMA.empty_table()
    for some, cut in parts:
        columns = list(zip(*some, strict=True)) or [[]] * len(SCHEMA)
        table = pa.concat_tables([table, pa.table(columns, schema=SCHEMA).slice(cut)])
    return table


@pytest.mark.parametrize("few", [0, 9])
@given(first=parts, second=parts, data=st.data())
def test_rows_are_taken_from_chunks_and_slices_of_them(few, first, second, data):
    one, other = table_of(first), table_of(second)
    with patch.object(tables, "_FEW", few):
        rows = Rows(one, other)
    every = [*one.to_pylist(), *other.to_pylist()]
    assert len(rows) == len(every)
    wanted = data.draw(st.lists(st.integers(0, len(every) - 1), max_size=12)) if every else []
    places = rows.places()[np.array(wanted, dtype=np.int64)]
    taken = rows.take(places, SCHEMA)
    taken.validate(full=True)
    assert taken.to_pylist() == [every[place] for place in wanted]
    assert rows.take_pieces("text", places).to_pylist() == [every[row]["text"] for row in wanted]
    assert rows.select("text", "few").to_pylist() == [
        {name: row[name] for name in ("text", "few")} for row in every
    ]


def test_the_values_of_a_column_may_be_longer_than_one_array_can_hold():
    long = pa.array(["x" * (64 << 20)]).dictionary_encode()
    rows = Rows(pa.table({"few": pa.chunked_array([long] * 40)}))
    assert len(rows.take_column("few", rows.places()).dictionary) == 1


@given(parts, parts)
def test_places_rise_from_table_to_table(first, second):
    one, other = table_of(first), table_of(second)
    rows = Rows(one, other)
    places = rows.places()
    assert list(places) == sorted(set(places))
    assert np.searchsorted(places, place_of(rows.firsts[1])) == len(one)


@pytest.mark.parametrize("count", [tables._MANY - 1, tables._MANY])
def test_many_rows_are_taken_as_few_are(count):
    long = pa.array(range(count))
    columns = [long.cast(pa.string()), long.cast(pa.string()).cast(FEW), long.cast(TIME)]
    table = pa.table([*columns, long.cast(pa.int32()), long], schema=SCHEMA)
    rows = Rows(table.slice(0, 100), table.slice(100))
    assert rows.take(rows.places()[::-1].copy(), SCHEMA).to_pylist() == table.to_pylist()[::-1]


def test_numbers_without_nulls_are_taken_as_they_are():
    rows = Rows(pa.table({"long": pa.array([3, 1, 2])}).slice(1))
    assert rows.take_numbers("long", rows.places()).tolist() == [1, 2]


def test_texts_too_long_for_one_array_are_taken_in_pieces(monkeypatch):
    gather = tables.gather_texts

    def gather_two_at_most(places, *column):
        if len(places) > 2:
            raise OverflowError
        return gather(places, *column)

    monkeypatch.setattr(tables, "gather_texts", gather_two_at_most)
    table = pa.table({"text": ["a", "b", None, "d", "e"]})
    rows = Rows(table)
    assert rows.take(rows.places(), table.schema).equals(table)
    with pytest.raises(OverflowError):
        rows.take_column("text", rows.places())


def test_two_gibibytes_of_text_are_too_many_for_one_array():
    rows = Rows(pa.table({"text": ["x" * (1 << 20)]}))
    places = np.zeros(2048, np.int64)
    with pytest.raises(OverflowError, match="more text than one array"):
        rows.take_column("text", places)
