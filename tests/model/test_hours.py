from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta, timezone

import pytest

from sessionize.model.errors import IntervalError
from sessionize.model.hours import Hour, hour_of_partition, hours_between

LAST_OF_DAY = Hour(datetime(2017, 2, 4, 23, tzinfo=UTC))


@pytest.mark.parametrize(
    "text",
    [
        "2017-02-04T23",
        "2017-02-04 23",
        "2017-02-04T23:00",
        "2017-02-04T23:00:00",
        "2017-02-04T23:00:00Z",
        "2017-02-04T23:00:00+00:00",
        " 2017-02-04T23 ",
    ],
)
def test_an_hour_is_read_with_or_without_minutes_seconds_and_zone(text: str):
    assert Hour.parse(text) == LAST_OF_DAY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2017-02-04",
        "2017-02-04T23:30",
        "2017-02-04T23:00:01",
        "2017-02-04T24",
        "2017-02-30T23",
        "2017-02-04T23:00:00+01:00",
        "201\N{FULLWIDTH DIGIT SEVEN}-02-04T23",
    ],
)
def test_what_is_not_an_hour_in_utc_is_refused_with_an_example(text: str):
    with pytest.raises(IntervalError, match="2017-02-04T23"):
        Hour.parse(text)


def test_an_hour_needs_a_time_zone():
    with pytest.raises(IntervalError, match="no time zone"):
        Hour(datetime(2017, 2, 4, 23))


@pytest.mark.parametrize(
    "past", [timedelta(minutes=30), timedelta(seconds=1), timedelta(microseconds=1)]
)
def test_an_hour_must_be_aligned(past: timedelta):
    with pytest.raises(IntervalError, match="not the start of an hour"):
        Hour(LAST_OF_DAY.start + past)


def test_the_same_instant_in_another_zone_is_the_same_hour():
    in_delhi = timezone(timedelta(hours=5, minutes=30))
    hour = Hour(datetime(2017, 2, 5, 4, 30, tzinfo=in_delhi))
    assert hour == LAST_OF_DAY
    assert hash(hour) == hash(LAST_OF_DAY)
    assert str(hour) == "2017-02-04T23"


def test_an_hour_knows_its_neighbours_across_midnight():
    assert str(LAST_OF_DAY.next) == "2017-02-05T00"
    assert LAST_OF_DAY.next.previous == LAST_OF_DAY
    assert LAST_OF_DAY.end == LAST_OF_DAY.next.start


def test_an_hour_names_its_partition_and_its_landing_folder():
    hour = Hour.parse("2017-02-04T03")
    assert hour.partition == "dt=2017-02-04/hour=03"
    assert hour.landing_prefix == "2017/02/04/03/"


def test_hours_are_ordered_and_unequal_to_what_is_not_an_hour():
    hour = LAST_OF_DAY
    assert hour.previous < hour <= hour < hour.next
    assert hour != "2017-02-04T23"


def test_an_hour_cannot_be_changed():
    with pytest.raises(AttributeError):
        LAST_OF_DAY.start = LAST_OF_DAY.end  # type: ignore[misc]


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda hour: pickle.loads(pickle.dumps(hour))]
)
def test_an_hour_survives_copying_and_pickling(duplicate):
    assert duplicate(LAST_OF_DAY) == LAST_OF_DAY


def test_an_interval_of_one_aligned_hour_is_that_hour():
    assert Hour.of_interval(LAST_OF_DAY.start, LAST_OF_DAY.end) == LAST_OF_DAY


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (None, None),
        (LAST_OF_DAY.start, None),
        (None, LAST_OF_DAY.end),
        (LAST_OF_DAY.start, LAST_OF_DAY.start),
        (LAST_OF_DAY.start, LAST_OF_DAY.next.end),
        (LAST_OF_DAY.end, LAST_OF_DAY.start),
        (LAST_OF_DAY.start + timedelta(minutes=5), LAST_OF_DAY.end + timedelta(minutes=5)),
    ],
)
def test_any_other_interval_is_refused(start: datetime | None, end: datetime | None):
    with pytest.raises(IntervalError):
        Hour.of_interval(start, end)


def test_a_range_of_hours_is_half_open():
    first, end = LAST_OF_DAY.previous, LAST_OF_DAY.next
    assert list(hours_between(first, end)) == [first, LAST_OF_DAY]


def test_a_range_that_ends_where_it_begins_is_empty():
    assert list(hours_between(LAST_OF_DAY, LAST_OF_DAY)) == []


def test_a_partition_names_its_hour():
    assert hour_of_partition(LAST_OF_DAY.partition) == LAST_OF_DAY


@pytest.mark.parametrize(
    "text",
    [
        "dt=2017-02-04",
        "dt=2017-02-04/hour=3",
        "dt=2017-02-04/hour=24",
        "dt=2017-02-30/hour=03",
        "dt=2017-02-04/hour=03/",
        "date=2017-02-04/hour=03",
    ],
)
def test_what_is_not_a_partition_names_no_hour(text: str):
    assert hour_of_partition(text) is None
