from __future__ import annotations

from datetime import date

import pytest

from sessionize.model.hours import Hour
from sessionize.model.landing_prefix import DEFAULT_PREFIX, LandingPrefix

HOUR = Hour.parse("2017-02-04T03")


@pytest.mark.parametrize(
    ("pattern", "folder"),
    [
        (DEFAULT_PREFIX, "2017/02/04/03/"),
        ("year=%Y/month=%m/day=%d/hour=%H/", "year=2017/month=02/day=04/hour=03/"),
        ("app=web/%Y/%m/%d/%H/", "app=web/2017/02/04/03/"),
        ("%Y-%m-%d-%H/", "2017-02-04-03/"),
        ("%H/%d.%m.%Y/", "03/04.02.2017/"),
    ],
)
def test_a_key_tells_the_hour_whose_folder_it_lies_in(pattern: str, folder: str):
    prefix = LandingPrefix(pattern)
    assert prefix.of(HOUR) == folder
    assert prefix.hour_of(f"{folder}stream-1.gz") == HOUR
    for other in ("sub/x", ".hidden", ""):
        assert prefix.hour_of(folder + other) is None
    assert prefix.hour_of(f"x{folder}stream") is None


def test_a_folder_that_is_no_hour_holds_no_objects():
    assert DEFAULT_PREFIX.hour_of("2017/02/30/03/x") is None
    assert DEFAULT_PREFIX.hour_of("2017/02/04/24/x") is None
    assert LandingPrefix("a.b/%Y/%m/%d/%H/").hour_of("axb/2017/02/04/03/x") is None


@pytest.mark.parametrize(
    "pattern",
    [
        *("", "%Y/%m/%d/", "%Y/%m/%d/%H", "/%Y/%m/%d/%H/", "%Y//%m/%d/%H/", "../%Y/%m/%d/%H/"),
        *("%Y/%m/%d/%H/%M/", "%Y/%Y/%m/%d/%H/", "%Y/%m/%d/%H/%", "%y/%m/%d/%H/"),
    ],
)
def test_a_pattern_that_does_not_name_one_hour_is_refused_with_an_example(pattern: str):
    with pytest.raises(ValueError, match="hour=%H/"):
        LandingPrefix(pattern)


def test_a_days_hours_have_a_common_beginning_if_they_are_in_order():
    assert DEFAULT_PREFIX.is_in_order
    assert DEFAULT_PREFIX.of_day(date(2017, 2, 4)) == "2017/02/04/"
    assert not LandingPrefix("%H/%Y/%m/%d/").is_in_order


def test_a_folder_among_the_hours_is_told():
    prefix = LandingPrefix("app=web/%Y/%m/%d/%H/")
    assert prefix.may_hold("app=web/2017/x")
    for beside in ("app=web", "app=web/lake", "2017", "lake"):
        assert not prefix.may_hold(beside)
