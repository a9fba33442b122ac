"""What stands at a path is counted exactly; time stamps are told as a run reads them."""

from __future__ import annotations

import pytest

from sessionize.discovery.evidence import NAMES, find_paths, read_times
from sessionize.discovery.sample import Record
from sessionize.model.hours import Hour

HOUR = Hour.parse("2024-03-14T05")
SECOND = int(HOUR.start.timestamp()) + 100


def paths(*rows):
    records = [Record(HOUR, row) for row in rows]
    return {found.path: found for found in find_paths(records)}, records


def test_paths_are_those_of_a_pipeline_file():
    found, _ = paths({"a": {"b.c": 1, "d": [1], "": 2}, "x": None}, {"a": 5})
    assert [*found] == ["a", r"a.b\.c", "a.d"]
    assert found["a"].kinds == {"object": 1, "int": 1}
    assert not found["a"].is_scalar
    assert found[r"a.b\.c"].present == 0.5
    assert found["a.d"].values == []


def test_distinct_values_are_those_of_their_texts():
    found, _ = paths({"a": 1}, {"a": "1"}, {"a": True}, {"a": 2.5})
    assert found["a"].distinct == 3
    assert found["a"].variety == 0.75
    assert found["a"].commonest(1) == ["1"]
    assert not found["a"].is_text_or_number


def test_an_object_with_names_without_end_is_not_looked_into():
    rows = [{"by_id": {f"id-{number}": {"n": 1}}, "b": 1} for number in range(2 * NAMES)]
    found, _ = paths(*rows)
    assert [*found] == ["by_id", "b"]


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (SECOND, "seconds"),
        (SECOND + 0.5, "seconds"),
        (SECOND * 1000, "milliseconds"),
        (SECOND * 10**6, "microseconds"),
        (SECOND * 10**9, "nanoseconds"),
        (str(SECOND), "seconds"),
        ("2024-03-14T05:01:00Z", "ISO 8601"),
        ("2024-03-14 05:01:00.123", "ISO 8601 without an offset"),
    ],
)
def test_units_are_told_and_times_held_against_the_hour(value, unit):
    found, records = paths({"t": value})
    times = read_times(found["t"], records)
    assert (times.read, times.near, times.accepted) == (1, 1, 1)
    assert [*times.units] == [unit]


def test_old_and_unreadable_times_are_told():
    day = 86_400
    values = [SECOND, SECOND - 3 * day, SECOND - 9 * day, SECOND + day, "soon"]
    found, records = paths(*({"t": value} for value in values))
    times = read_times(found["t"], records)
    assert times.read == 0.8
    assert times.near == 0.25
    assert times.accepted == 0.5
