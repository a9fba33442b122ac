from __future__ import annotations

import pickle
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionize.config.units import Duration, Size, as_written


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0s", timedelta(0)),
        ("45s", timedelta(seconds=45)),
        ("30m", timedelta(minutes=30)),
        ("2h", timedelta(hours=2)),
        ("7d", timedelta(days=7)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("090m", timedelta(minutes=90)),
    ],
)
def test_a_duration_is_whole_numbers_with_units(text: str, expected: timedelta):
    assert Duration.parse(text) == expected


@pytest.mark.parametrize(
    "value",
    [
        "30",
        "",
        "m",
        "1.5h",
        "-5m",
        "30 m",
        "30M",
        "5w",
        "30m\n",
        "\N{FULLWIDTH DIGIT THREE}0m",
        30,
        None,
        True,
    ],
)
def test_a_duration_without_a_known_unit_is_refused_with_an_example(value: object):
    with pytest.raises(ValueError, match='such as "30m"'):
        Duration.parse(value)


def test_a_duration_too_long_to_count_is_refused():
    with pytest.raises(ValueError, match="too long"):
        Duration.parse("9999999999d")


@pytest.mark.parametrize("text", ["1000000d", "106740000d", "999999999d", "999999d24h"])
def test_a_duration_whose_microseconds_would_overflow_is_refused(text: str):
    with pytest.raises(ValueError, match="999999d at most"):
        Duration.parse(text)
    assert Duration.parse("999999d").microseconds_total < 2**63


@given(st.integers(0, 999_999 * 86_400))
def test_a_duration_counts_exact_microseconds(seconds: int):
    assert Duration.parse(f"{seconds}s").microseconds_total == seconds * 1_000_000


def test_a_duration_survives_pickling_as_a_duration():
    restored = pickle.loads(pickle.dumps(Duration.parse("30m")))
    assert restored.microseconds_total == 1_800_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1B", 1), ("2KiB", 2048), ("64MiB", 67_108_864), ("16GiB", 17_179_869_184)],
)
def test_a_size_is_a_whole_number_with_a_unit(text: str, expected: int):
    assert Size.parse(text) == expected


@pytest.mark.parametrize(
    "value", ["64", "", "MiB", "64MB", "64 MiB", "1.5MiB", "-1B", "0MiB", "1B\n", 64, None]
)
def test_a_size_without_a_known_unit_or_of_nothing_is_refused_with_an_example(value: object):
    with pytest.raises(ValueError, match='such as "64MiB"'):
        Size.parse(value)


@given(st.timedeltas(timedelta(0), timedelta(days=9999)))
def test_what_is_written_is_read_as_the_same_duration(span: timedelta):
    whole = timedelta(milliseconds=span // timedelta(milliseconds=1))
    assert Duration.parse(as_written(whole)) == whole


def test_a_duration_is_written_in_its_largest_units():
    assert as_written(Duration.parse("90m")) == "1h30m"
    assert as_written(timedelta(0)) == "0s"
