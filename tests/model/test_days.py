from __future__ import annotations

from datetime import date

import pytest

from sessionize.model.days import day_of, day_partition, days_between, hours_of, parse_day
from sessionize.model.errors import IntervalError
from sessionize.model.hours import Hour

DAY = date(2017, 2, 4)


def test_a_day_is_read_as_it_is_written():
    assert parse_day(" 2017-02-04 ") == DAY
    assert day_partition(DAY) == "dt=2017-02-04"


@pytest.mark.parametrize(
    "text",
    ["", "2017-2-4", "20170204", "2017-02-30", "2017-02-04T00", "2017-W05-6", "\uff12017-02-04"],
)
def test_what_is_no_day_is_refused(text: str):
    with pytest.raises(IntervalError, match="YYYY-MM-DD"):
        parse_day(text)


def test_a_day_has_24_hours_in_utc():
    hours = hours_of(DAY)
    assert (len(hours), hours[0], hours[-1]) == (
        24,
        Hour.parse("2017-02-04T00"),
        Hour.parse("2017-02-04T23"),
    )
    assert {day_of(hour) for hour in hours} == {DAY}


def test_ranges_are_half_open():
    assert list(days_between(DAY, date(2017, 2, 6))) == [DAY, date(2017, 2, 5)]
    assert list(days_between(DAY, DAY)) == []
