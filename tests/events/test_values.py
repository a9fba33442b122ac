from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionize.events.values import read_values
from sessionize.landing import Kind
from sessionize.model.frames import to_table
from sessionize.model.schemas import ARROW_TYPES


def read(kind: Any, *texts: str | None) -> list[object]:
    values = read_values(pd.Series(pd.array(texts, dtype="str")), kind)
    schema = pa.schema([("x", ARROW_TYPES[kind])])
    return to_table(pd.DataFrame({"x": values}), schema).column("x").to_pylist()


def test_whole_numbers_fit_however_they_are_written():
    texts = ("4", "4.0", "4e2", "-7", "+7", "0400e-2", "9223372036854775807")
    assert read("int64", *texts) == [4, 4, 400, -7, 7, 4, 2**63 - 1]


@pytest.mark.parametrize(
    "text", ["4.5", "x", "", " 4", "9223372036854775808", "1e999", "\N{ARABIC-INDIC DIGIT ONE}"]
)
def test_what_is_no_whole_number_is_null(text: str):
    assert read("int64", text, "1", None) == [None, 1, None]


def test_doubles_are_finite_numbers():
    texts = ("0.1", "1e308", "-0.0", "1e309", "NaN", "Infinity", "1_0")
    assert read("double", *texts) == [0.1, 1e308, -0.0, None, None, None, None]


def test_true_and_false_are_the_only_truths():
    assert read("bool", "true", "false", "True", "1", None) == [True, False, None, None, None]


def test_a_time_stamp_is_read_as_that_of_an_event():
    time = datetime(2017, 2, 4, 23, tzinfo=UTC)
    assert read("timestamp", "2017-02-04T23:00:00Z", "1486249200", "soon") == [time, time, None]


def test_a_number_too_large_for_32_bits_is_null():
    assert read("int32", "2147483647", "2147483648") == [2**31 - 1, None]


@pytest.mark.parametrize("kind", ["int64", "double", "bool", "timestamp", "string"])
def test_no_values_are_none(kind: str):
    assert read(kind) == []


def test_of_what_is_no_string_in_json_only_numbers_are_texts():
    texts = pd.Series(pd.array(["a", "1.50", "true", "[1]", None], dtype="str"))
    kinds = np.array([Kind.STRING, Kind.NUMBER, Kind.OTHER, Kind.OTHER, Kind.ABSENT], np.uint8)
    values = read_values(texts, "string", kinds)
    assert [None if pd.isna(value) else value for value in values] == [
        "a",
        "1.50",
        None,
        None,
        None,
    ]


@given(st.lists(st.from_regex(r"-?[0-9]{1,18}(\.[0-9]{1,5})?", fullmatch=True), max_size=5))
def test_numbers_read_at_once_are_those_read_one_by_one(texts: list[str]):
    """A text that is not plain has all be read one by one."""
    for kind in ("int64", "double"):
        slow = read(kind, *texts, "x")
        assert repr(read(kind, *texts)) == repr(slow[:-1])
