"""Frames and Arrow tables: what goes one way comes back the other."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionize.model.frames import (
    ENCODED,
    TEXT,
    as_categorical,
    concat,
    contains,
    in_one_piece,
    map_values,
    match_values,
    only,
    repeated,
    text,
    to_frame,
    to_table,
)
from sessionize.model.schemas import TIME

NOW = datetime(2017, 2, 4, 23, 59, 59, 1, tzinfo=UTC)
COLUMNS = {
    "text": (pa.string(), st.text(max_size=3)),
    "few": (ENCODED, st.sampled_from(["a", "b", "é"])),
    "int32": (pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    "int64": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "double": (pa.float64(), st.floats(allow_nan=False)),
    "date": (pa.date32(), st.dates()),
    "bool": (pa.bool_(), st.booleans()),
    "time": (TIME, st.datetimes(timezones=st.just(UTC))),
    "list": (pa.list_(pa.field("element", pa.string())), st.lists(st.text(max_size=2), max_size=3)),
}
SCHEMA = pa.schema([pa.field(name, kind) for name, (kind, _) in COLUMNS.items()])
rows = st.lists(
    st.fixed_dictionaries({name: st.none() | values for name, (_, values) in COLUMNS.items()}),
    max_size=5,
)


def table_of(rows: list[dict[str, object]]) -> pa.Table:
    plain = pa.schema([f.with_type(pa.string()) if f.name == "few" else f for f in SCHEMA])
    return pa.Table.from_pylist(rows, plain).cast(SCHEMA)


def texts(*values: str | None) -> pd.Series:
    return pd.Series(pd.array(values, dtype=TEXT))


@given(rows, rows)
def test_a_table_comes_back_from_its_frame_whatever_its_chunks(one, other):
    table = pa.concat_tables([table_of(one), table_of(other)])
    frame = to_frame(table)
    assert to_table(frame, SCHEMA).to_pylist() == one + other
    assert len(frame) == len(table)


@given(st.lists(rows, min_size=1, max_size=3))
def test_frames_laid_end_to_end_are_the_frame_of_their_rows(parts):
    frame = concat([to_frame(table_of(part)) for part in parts])
    assert to_table(frame, SCHEMA).to_pylist() == [row for part in parts for row in part]


def test_columns_are_what_the_core_works_with():
    row = dict.fromkeys(COLUMNS) | {"int64": 2**53 + 1, "few": "a", "time": NOW, "double": 0.5}
    kinds = to_frame(table_of([row])).dtypes.astype(str).to_dict()
    assert kinds["few"] == "category"
    assert kinds["time"] == "datetime64[us, UTC]"
    assert kinds["text"] == "string[pyarrow]"
    assert kinds["double"] == "float64"
    frame = to_frame(table_of([row, dict.fromkeys(COLUMNS)]))
    assert frame["int64"].to_list() == [2**53 + 1, pd.NA]  # no double beside a null


class TestToTable:
    def test_columns_are_picked_ordered_and_cast(self):
        frame = pd.DataFrame({"more": [0], "b": [1], "a": pd.Categorical(["x"])})
        schema = pa.schema([("a", pa.string()), ("b", pa.int32())])
        assert to_table(frame, schema).equals(pa.table({"a": ["x"], "b": [1]}, schema))

    def test_frames_that_pandas_makes_by_itself_fit(self):
        frame = pd.DataFrame({"a": ["x", None], "t": pd.to_datetime([NOW, None]), "n": [1.0, None]})
        schema = pa.schema([("a", pa.string()), ("t", TIME), ("n", pa.int64())])
        assert to_table(frame, schema).to_pylist() == [
            {"a": "x", "t": NOW, "n": 1},
            {"a": None, "t": None, "n": None},
        ]

    def test_what_does_not_fit_the_schema_is_refused(self):
        with pytest.raises(pa.ArrowInvalid):
            to_table(pd.DataFrame({"a": [1.5]}), pa.schema([("a", pa.int64())]))

    def test_the_rows_of_a_frame_with_an_index_of_its_own_stay_together(self):
        frame = pd.DataFrame({"a": [1, 2, 3], "b": pd.Categorical(["x", "y", "z"])})[::-2]
        schema = pa.schema([("a", pa.int64()), ("b", pa.string())])
        assert to_table(frame, schema).to_pydict() == {"a": [3, 1], "b": ["z", "x"]}


class TestConcat:
    def test_categories_may_differ(self):
        frames = [
            pd.DataFrame({"a": pd.Categorical(["x", "y"])}),
            pd.DataFrame({"a": pd.Categorical([None, "z"])}),
        ]
        joined = concat(frames)["a"]
        assert isinstance(joined.dtype, pd.CategoricalDtype)
        assert text(joined).to_pylist() == ["x", "y", None, "z"]

    @pytest.mark.parametrize("turn", [1, -1])
    def test_a_categorical_here_and_texts_there_go_together(self, turn: int):
        frames = [pd.DataFrame({"a": pd.Categorical(["x"])}), pd.DataFrame({"a": texts("y")})]
        assert sorted(text(concat(frames[::turn])["a"]).to_pylist()) == ["x", "y"]

    def test_a_column_comes_in_one_piece(self):
        chunked = pa.chunked_array([["a"], ["b"]])
        frame = pd.DataFrame({"a": pd.array(chunked, dtype=TEXT)})
        assert pa.array(concat([frame])["a"].array).to_pylist() == ["a", "b"]
        assert text(concat([frame])["a"]).num_chunks == 1


class TestInOnePiece:
    def test_chunks_with_other_dictionaries_get_one(self):
        parts = [pa.array(part).dictionary_encode() for part in (["a", "b"], ["c", "b"])]
        joined = in_one_piece(pa.chunked_array(parts))
        assert joined.num_chunks == 1
        assert joined.to_pylist() == ["a", "b", "c", "b"]

    def test_text_that_one_array_cannot_hold_stays_in_several(self, monkeypatch):
        monkeypatch.setattr(np, "iinfo", lambda kind: type("Limits", (), {"max": 10}))
        column = pa.chunked_array([["long text"], ["long text"]])
        assert in_one_piece(column).num_chunks == 2


class TestOnly:
    def test_rows_for_which_the_mask_holds_are_kept_and_counted_anew(self):
        frame = pd.DataFrame({"a": texts("x", "y", "z"), "b": [1, 2, 3]})
        kept = only(frame, np.array([True, False, True]))
        assert kept["a"].to_list() == ["x", "z"]
        assert kept.index.to_list() == [0, 1]
        assert len(only(frame, np.zeros(3, bool))) == 0


class TestValues:
    def test_a_function_is_asked_once_for_each_text_and_never_for_null(self):
        asked: list[str] = []

        def upper(value: str) -> str | None:
            asked.append(value)
            return value.upper() if value else None

        mapped = map_values(texts("a", None, "b", "a", ""), upper)
        assert sorted(asked) == ["", "a", "b"]
        assert text(mapped).to_pylist() == ["A", None, "B", "A", None]

    def test_two_texts_that_become_one_are_one_category(self):
        mapped = map_values(pd.Series(pd.Categorical(["a", "A"])), str.upper)
        assert mapped.cat.categories.to_list() == ["A"]

    def test_a_predicate_holds_for_no_null(self):
        assert match_values(texts("a", None, "b"), lambda value: True).tolist() == [
            True,
            False,
            True,
        ]

    def test_a_pattern_is_searched_anywhere(self):
        found = contains(pd.Series(pd.Categorical(["restart", "stop", None])), re.compile("start"))
        assert found.tolist() == [True, False, False]

    @pytest.mark.parametrize("function", [as_categorical, lambda t: map_values(t, str)])
    def test_the_rows_keep_their_index(self, function):
        given = texts("a", "b")
        given.index = pd.Index([7, 5])
        assert function(given).index.to_list() == [7, 5]

    def test_no_texts_are_no_values(self):
        assert map_values(texts(), str).to_list() == []
        assert contains(texts(None), re.compile("")).tolist() == [False]

    def test_one_text_in_every_row(self):
        assert list(repeated("x", 3)) == ["x"] * 3
        assert list(repeated("x", 0)) == []
