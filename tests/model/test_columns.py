"""The declarations of columns hold together: what is made of them relies on it."""

from __future__ import annotations

import re

from sessionize.model.columns import (
    DEFAULT_FIELDS,
    EVENT_COLUMNS,
    FEW_VALUES,
    FIXABLE,
    INPUT_FIELDS,
    SESSION_COLUMNS,
)

EVENTS = {column.name: column for column in EVENT_COLUMNS}


def test_names_are_unique_and_in_snake_case():
    for columns in ((*EVENT_COLUMNS, *INPUT_FIELDS), SESSION_COLUMNS):
        names = [column.name for column in columns]
        assert len(set(names)) == len(names)
        assert all(re.fullmatch("[a-z][a-z0-9_]*", name) for name in names)


def test_every_column_says_what_it_holds():
    assert all(column.about for column in (*EVENT_COLUMNS, *SESSION_COLUMNS))


def test_columns_of_few_values_are_texts():
    assert {EVENTS[name].type for name in FEW_VALUES & EVENTS.keys()} == {"string"}


def test_what_a_rule_may_clean_is_a_text_of_a_raw_field():
    assert all(EVENTS[name].type == "string" and EVENTS[name].field for name in FIXABLE)


def test_no_raw_field_fills_two_columns():
    assert len(set(DEFAULT_FIELDS.values())) == len(DEFAULT_FIELDS)


def test_a_session_column_aggregates_an_event_column_of_its_type():
    for column in SESSION_COLUMNS:
        if column.of is not None:
            assert EVENTS[column.of].type == column.type, column.name


def test_the_first_event_gives_its_null_too():
    """A session's `user_id` is that of its first event, even where a later one has one."""
    first = {column.name for column in SESSION_COLUMNS if not column.skip_nulls}
    assert first == {"user_id", "product", "build_id"}
