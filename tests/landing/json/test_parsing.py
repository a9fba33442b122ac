"""One record to its fields, or to the reason why it has none; `test_records` has the grammar."""

from __future__ import annotations

import pytest

from sessionize.landing.json.parsing import is_nested_deeper, is_object, parse
from sessionize.landing.records import Problem
from sessionize.model.reasons import Reason


def test_fields_come_in_the_order_of_the_record_and_as_they_came():
    fields = parse(b'{"b": 1.50, "a" : [1,  2]}')
    assert not isinstance(fields, Problem)
    assert {name: bytes(value) for name, value in fields.items()} == {"b": b"1.50", "a": b"[1,  2]"}
    assert list(fields) == ["b", "a"]


@pytest.mark.parametrize(
    ("record", "reason", "detail"),
    [
        (b'{"a":', Reason.NOT_JSON, "the record breaks off"),
        (b"[1]", Reason.NOT_AN_OBJECT, "array"),
        (b'{"a":"\xff"}', Reason.NOT_TEXT, "at byte 6"),
        (rb'{"a":"\ud800"}', Reason.NOT_JSON, "half of a surrogate pair at byte 6"),
    ],
)
def test_what_cannot_be_read_says_why(record, reason, detail):
    problem = parse(record)
    assert isinstance(problem, Problem)
    assert problem.reason is reason
    assert detail in problem.detail
    assert not is_object(record)


def test_brackets_count_only_outside_of_strings():
    assert not is_nested_deeper(b'["[[[["]', 1)
    assert is_nested_deeper(b"[[]]", 1)
    assert not is_nested_deeper(b"[[]]", 2)
