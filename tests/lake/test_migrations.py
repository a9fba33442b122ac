from __future__ import annotations

import pyarrow as pa
import pytest

from sessionize.lake.migrations import (
    FORMAT,
    LEDGERS,
    MARKERS,
    TABLES,
    as_declared,
    format_of,
    migrate,
)
from sessionize.model.errors import ForeignFileError, NewerFormatError

NAMES = pa.list_(pa.string())
OPEN = pa.schema(
    [("machine_id", pa.string()), ("edits", pa.int64()), ("pages", NAMES), ("incomplete", NAMES)]
)


@pytest.mark.parametrize("steps", [MARKERS, LEDGERS, TABLES])
def test_there_is_a_step_from_every_earlier_format(steps):
    assert sorted(steps) == list(range(1, FORMAT))


class TestDocuments:
    def test_a_document_goes_through_every_step_from_its_format_on(self):
        assert migrate(LEDGERS, {"format": 1, "name": "t"}, "x") == {"format": FORMAT, "name": "t"}

    def test_a_document_of_this_format_is_left_as_it_is(self):
        document = {"format": FORMAT, "anything": [1]}
        assert migrate(LEDGERS, document, "x") == document

    def test_a_newer_document_is_refused_with_the_remedy(self):
        with pytest.raises(NewerFormatError, match=rf"lake/x .* format {FORMAT + 1}; .* Run the n"):
            migrate(LEDGERS, {"format": FORMAT + 1}, "lake/x")

    @pytest.mark.parametrize(
        "document",
        [None, [], "text", 2, {}, {"format": None}, {"format": "2"}, {"format": True}]
        + [{"format": number} for number in (0, -1, 1.0, [])],
    )
    def test_what_has_no_format_is_refused_by_its_place(self, document):
        with pytest.raises(ForeignFileError, match="lake/x is not a record of this project"):
            format_of(document, "lake/x")


class TestTables:
    def test_rows_of_the_declared_columns_are_left_as_they_are(self):
        table = pa.table([["a"], [1], [["p"]], [None]], schema=OPEN)
        assert as_declared("open_sessions", table, OPEN, FORMAT).equals(table)

    def test_columns_come_in_the_declared_order(self):
        schema = pa.schema([("b", pa.int64()), ("a", pa.int64())])
        table = as_declared("pending", pa.table({"a": [1], "b": [2]}), schema, FORMAT)
        assert table.schema == schema
        assert table.to_pylist() == [{"b": 2, "a": 1}]

    def test_a_column_that_is_declared_no_more_is_dropped(self):
        schema = pa.schema([("a", pa.int64())])
        table = as_declared("pending", pa.table({"gone": ["x"], "a": [1]}), schema, FORMAT)
        assert table.to_pylist() == [{"a": 1}]

    def test_a_column_that_is_not_there_is_null(self):
        schema = pa.schema([("a", pa.int64()), ("new", pa.timestamp("us", "UTC"))])
        table = as_declared("pending", pa.table({"a": [1, 2]}), schema, FORMAT)
        assert table.schema == schema
        assert table.column("new").null_count == 2

    @pytest.mark.parametrize(
        "array",
        [
            pa.array(["x", None, "y"], pa.large_string()),
            pa.array(["x", None, "y"]).dictionary_encode(),
            pa.array(["x", None, "y"], pa.string_view()),
        ],
    )
    def test_texts_of_every_kind_are_texts(self, array):
        schema = pa.schema([("a", pa.string())])
        table = as_declared("pending", pa.table({"a": array}), schema, FORMAT)
        assert table.schema == schema
        assert table.column("a").to_pylist() == ["x", None, "y"]

    def test_a_type_that_was_changed_is_cast(self):
        schema = pa.schema([("a", pa.float64()), ("b", pa.timestamp("us", "UTC"))])
        old = pa.table({"a": [1], "b": pa.array([5], pa.timestamp("ms", "UTC"))})
        assert as_declared("pending", old, schema, FORMAT).schema == schema

    def test_what_cannot_be_cast_counts_as_not_being_there(self):
        old = pa.table({"machine_id": ["a"], "edits": ["many"], "pages": [[]]})
        [row] = as_declared("open_sessions", old, OPEN, 1).to_pylist()
        assert row == {"machine_id": "a", "edits": None, "pages": [], "incomplete": ["edits"]}

    def test_no_rows_are_no_rows(self):
        table = as_declared("open_sessions", pa.table({"machine_id": []}), OPEN, 1)
        assert table.schema == OPEN
        assert len(table) == 0


class TestIncomplete:
    def test_the_columns_that_open_sessions_lack_are_named(self):
        old = pa.table({"machine_id": ["a", "b"], "edits": [1, 2]})
        table = as_declared("open_sessions", old, OPEN, 1)
        assert table.column("incomplete").to_pylist() == [["pages"], ["pages"]]
        assert table.column("edits").to_pylist() == [1, 2]

    def test_they_are_added_to_those_that_were_named_before(self):
        old = pa.table(
            {
                "machine_id": ["a", "b", "c"],
                "edits": [1, 2, 3],
                "incomplete": pa.array([["edits"], None, ["pages"]], NAMES),
            }
        )
        table = as_declared("open_sessions", old, OPEN, FORMAT)
        assert table.column("incomplete").to_pylist() == [["edits", "pages"], ["pages"], ["pages"]]

    def test_a_file_of_format_1_that_lacks_nothing_else_is_complete(self):
        old = pa.table({"machine_id": ["a"], "edits": [1], "pages": pa.array([["p"]], NAMES)})
        table = as_declared("open_sessions", old, OPEN, 1)
        assert table.column("incomplete").to_pylist() == [None]

    def test_tables_without_that_column_have_no_such_names(self):
        schema = pa.schema([("machine_id", pa.string()), ("new", pa.string())])
        table = as_declared("pending", pa.table({"machine_id": ["a"]}), schema, 1)
        assert table.to_pylist() == [{"machine_id": "a", "new": None}]
