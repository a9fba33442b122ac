"""Columns of few values and of many, with and without what must be decoded."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionize.landing import read_records
from sessionize.model.frames import TEXT
from sessionize.model.frames import text as arrow_text
from tests.landing.reading import landing

FIELDS = {"few": "few", "many": "many"}


def columns_of(values: list[str | None], *, ensure_ascii: bool = False) -> pd.DataFrame:
    """Read each value as both fields of a record."""
    events = [{} if value is None else {"few": value, "many": value} for value in values]
    text = "\n".join(json.dumps(event, ensure_ascii=ensure_ascii) for event in events).encode()
    objects = [("key", [text])]
    (records,) = read_records(objects, FIELDS, landing(), few_values={"few"})
    return records.frame


@given(
    st.lists(
        st.none()
        | st.sampled_from(["", "a", "pro", 'say "hi"', "żółw 🐢"])
        | st.text("ab\n\\é", max_size=12),
        min_size=1,
        max_size=40,
    ),
    st.booleans(),
)
def test_both_kinds_of_columns_hold_the_same(values, ensure_ascii):
    frame = columns_of(values, ensure_ascii=ensure_ascii)
    assert frame["many"].dtype == TEXT
    assert arrow_text(frame["few"]).to_pylist() == values
    assert arrow_text(frame["many"]).to_pylist() == values
    distinct = list(dict.fromkeys(value for value in values if value is not None))
    assert frame["few"].cat.categories.tolist() == distinct


@pytest.mark.parametrize("size", [3, 8, 12, 16, 17, 40])
def test_a_column_of_few_values_may_have_many(size):
    values = [f"{number % 3000:0{size}x}"[-size:] for number in range(6000)]
    few = columns_of(values)["few"]
    assert few.tolist() == values
    assert len(few.cat.categories) == len(set(values))
