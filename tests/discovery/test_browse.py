"""Hours are found wherever the date stands, with a bounded number of requests."""

from __future__ import annotations

import pytest

from sessionize.discovery.browse import REQUESTS, find_prefixes, landed_hours, prefixes_of_folder
from sessionize.lake.storage import LocalStorage, S3Storage
from sessionize.model.errors import NothingFoundError
from sessionize.model.hours import Hour
from sessionize.model.landing_prefix import LandingPrefix

FIRST, LAST = Hour.parse("2024-03-14T05"), Hour.parse("2024-11-02T23")
RECORD = b'{"a":1}'


def land(storage, prefix: str, *hours: Hour) -> None:
    for hour in hours:
        storage.write(f"{LandingPrefix(prefix).of(hour)}stream-1", RECORD)


@pytest.fixture
def raw(tmp_path):
    return LocalStorage(tmp_path, durable=False)


@pytest.mark.parametrize(
    "prefix",
    [
        "%Y/%m/%d/%H/",
        "year=%Y/month=%m/day=%d/hour=%H/",
        "app=web/year=%Y/month=%m/day=%d/hour=%H/",
        "v2/2020/%Y/%m/%d/%H/",
        "dt=%Y-%m-%d/hour=%H/",
        "%Y-%m-%d-%H/",
        "%Y%m%d%H/",
        "a/b/%Y/%m-%d/%H/clicks/",
    ],
)
def test_a_prefix_is_found_by_the_digits_of_the_keys(raw, prefix):
    land(raw, prefix, FIRST, Hour.parse("2024-03-14T06"), LAST)
    [found] = find_prefixes(raw)
    assert found.prefix == prefix
    assert max(found.hours) == LAST
    oldest = [landed.hour for landed in landed_hours(raw, found.prefix, newest_first=False)]
    newest = [landed.hour for landed in landed_hours(raw, found.prefix, newest_first=True)]
    assert oldest == [FIRST, Hour.parse("2024-03-14T06"), LAST]
    assert newest == oldest[::-1]


def test_a_day_that_is_no_month_tells_the_order(raw):
    land(raw, "%d/%m/%Y/%H/", FIRST, Hour.parse("2024-03-02T23"))
    [found] = find_prefixes(raw)
    assert found.prefix == "%d/%m/%Y/%H/"
    assert found.also == ()
    hours = [landed.hour for landed in landed_hours(raw, found.prefix, newest_first=True)]
    assert hours == [FIRST, Hour.parse("2024-03-02T23")]


def test_where_nothing_tells_day_and_month_apart_both_are_named(raw):
    land(raw, "%d/%m/%Y/%H/", Hour.parse("2024-03-02T23"))
    [found] = find_prefixes(raw)
    assert found.prefix == "%d/%m/%Y/%H/"
    assert found.also == ("%m/%d/%Y/%H/",)


def test_failures_and_a_lake_beside_the_data_are_not_taken_for_it(raw):
    land(raw, "events/%Y/%m/%d/%H/", FIRST)
    land(raw, "aaa-errors/%Y/%m/%d/%H/", LAST)
    raw.write("lake/sessions/dt=2024-03-14/hour=05/part-0.parquet", b"PAR1")
    raw.write("lake/_runs/dt=2024-03-14/hour=05/x.json", RECORD)
    found = find_prefixes(raw)
    assert [one.prefix for one in found] == ["events/%Y/%m/%d/%H/", "aaa-errors/%Y/%m/%d/%H/"]


def test_several_places_are_all_named_the_newest_first(raw):
    land(raw, "app=ios/%Y/%m/%d/%H/", FIRST)
    land(raw, "app=web/%Y/%m/%d/%H/", LAST)
    assert [one.prefix.split("/")[0] for one in find_prefixes(raw)] == ["app=web", "app=ios"]


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (None, "nothing has landed there"),
        ("2024/03/14/stream-1", "none in a folder of an hour"),
        ("2024/03/14/05/30/stream-1", "none in a folder of an hour"),
        ("users.json", "none in a folder of an hour"),
    ],
)
def test_where_there_are_no_hours_the_error_says_what_there_is(raw, key, says):
    if key:
        raw.write(key, RECORD)
    with pytest.raises(NothingFoundError, match=says):
        find_prefixes(raw)


def test_a_url_below_the_year_is_told_so(tmp_path):
    land(LocalStorage(tmp_path), "%Y/%m/%d/%H/", FIRST)
    with pytest.raises(NothingFoundError, match="Begin above the year"):
        find_prefixes(LocalStorage(tmp_path / "2024"))


def test_folder_markers_and_empty_objects_are_nothing_landed(raw):
    raw.write("2024/03/14/06/stream-1", b"")
    land(raw, "%Y/%m/%d/%H/", FIRST)
    hours = landed_hours(raw, LandingPrefix("%Y/%m/%d/%H/"), newest_first=True)
    assert [landed.hour for landed in hours] == [FIRST]


def test_no_more_is_listed_than_the_requests_allow(raw, monkeypatch):
    for hour in range(24):
        for day in range(10, 20):
            land(raw, "%Y/%m/%d/%H/", Hour.parse(f"2024-03-{day}T{hour:02}"))
    asked = []
    children = raw.children
    monkeypatch.setattr(raw, "children", lambda *args: asked.append(args) or children(*args))
    found = list(landed_hours(raw, LandingPrefix("%Y/%m/%d/%H/"), newest_first=False))
    assert len(asked) == REQUESTS
    assert 0 < len(found) < 50
    asked.clear()
    find_prefixes(raw)
    assert len(asked) <= 10


def test_several_places_with_years_of_hours_are_all_found(raw, monkeypatch):
    places = [f"app={name}/year=%Y/month=%m/day=%d/hour=%H/" for name in "abcde"]
    for place in places:
        hours = [
            f"{year}-{month:02}-{day}T05"
            for year in (2023, 2024)
            for month in (1, 6, 12)
            for day in (10, 30)
        ]
        land(raw, place, *map(Hour.parse, hours))
    asked = []
    children = raw.children
    monkeypatch.setattr(raw, "children", lambda *args: asked.append(args) or children(*args))
    assert sorted(one.prefix for one in find_prefixes(raw)) == places
    assert len(asked) < REQUESTS


def test_a_last_folder_with_nothing_in_it_is_passed(raw):
    land(raw, "%Y/%m/%d/%H/", FIRST)
    raw.write("2024/12/01/00/empty", b"")
    [found] = find_prefixes(raw)
    assert found.hours == (FIRST, FIRST)


def test_s3_is_looked_at_in_pages(bucket, s3_credentials):
    raw = S3Storage(f"s3://{bucket}/raw", s3_credentials)
    land(raw, "year=%Y/month=%m/day=%d/hour=%H/", FIRST, LAST)
    raw.write("year=2024/month=03/day=14/hour=05/", b"")
    [found] = find_prefixes(raw)
    assert found.prefix == "year=%Y/month=%m/day=%d/hour=%H/"
    assert found.hours == (LAST, FIRST)


@pytest.mark.parametrize("folder", ["2024/13/13/05/", "2024/03/01/", "", "1824/03/01/05/"])
def test_what_is_no_hour_has_no_prefix(folder):
    assert prefixes_of_folder(folder) == []
