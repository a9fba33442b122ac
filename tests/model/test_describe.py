from __future__ import annotations

from sessionize.model.columns import EVENT_COLUMNS, SESSION_COLUMNS, EventColumn, SessionColumn
from sessionize.model.describe import (
    athena_ddl,
    blocks,
    events_table,
    quarantine_table,
    rewritten,
    sessions_table,
)
from sessionize.model.reasons import Reason
from sessionize.model.schemas import DESKTOP, Schemas


def test_a_table_has_a_row_for_each_column_in_order():
    rows = [line.split("|")[1].strip() for line in events_table().splitlines()[2:]]
    assert rows == [f"`{column.name}`" for column in EVENT_COLUMNS]
    rows = [line.split("|")[1].strip() for line in sessions_table().splitlines()[2:]]
    assert rows == [f"`{column.name}`" for column in SESSION_COLUMNS]


def test_a_row_says_type_raw_field_and_what_it_holds():
    schemas = Schemas((EventColumn("page", "which page", "int64", field="p"),), ())
    assert events_table(schemas).splitlines()[-1] == "| `page` | int64 | `p` | which page |"
    schemas = Schemas(session_columns=(SessionColumn("pages", "how many", "int64", "count"),))
    assert sessions_table(schemas).splitlines()[-1] == "| `pages` | int64 | how many |"


def test_every_reason_is_named():
    assert all(f"`{reason}`" in quarantine_table() for reason in Reason)


def test_the_ddl_of_every_dataset_names_its_columns_with_types_of_athena():
    for dataset, schema in DESKTOP.datasets.items():
        ddl = athena_ddl(dataset, lake="s3://a/b", first_day="2020-01-02")
        head, tail = ddl.split(")\n", 1)
        columns = head.split("(\n")[1].replace("\n", " ").split(",")
        assert [column.split()[0] for column in columns] == schema.names
        assert f"LOCATION 's3://a/b/{dataset}/'" in tail
        assert "'2020-01-02,NOW'" in tail
    assert "date_id int," in athena_ddl("events")
    assert "position bigint" in athena_ddl("events")


def test_blocks_stand_between_their_marks_and_nothing_else_changes():
    text = "a\n<!-- x -->\nold\n<!-- /x -->\nb <!-- y --> c\n"
    new = rewritten(text, {"x": r"1 \1", "y": "2", "z": "3"})
    assert new == "a\n<!-- x -->\n1 \\1\n<!-- /x -->\nb <!-- y --> c\n"
    assert rewritten(new, {"x": r"1 \1"}) == new


def test_no_line_of_a_block_is_broken_in_an_item():
    assert all(len(line) <= 100 for line in blocks()["fields"].splitlines())
    assert "CREATE EXTERNAL TABLE sessions" in blocks()["athena"]
