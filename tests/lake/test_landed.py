from __future__ import annotations

from collections.abc import Iterator

import pytest

from sessionize.lake.landed import for_each_hour
from sessionize.lake.storage import LocalStorage, S3Storage, Storage, StoredObject
from sessionize.model.hours import Hour
from sessionize.model.landing_prefix import DEFAULT_PREFIX, LandingPrefix

LAST = Hour.parse("2017-02-01T01")
FIRST = Hour.parse("2017-01-30T22")
LANDED = {
    "2017/01/30/21/a": None,
    "2017/01/30/22/a": FIRST,
    "2017/01/30/22/sub/a": None,
    "2017/01/30/22/z": FIRST,
    "2017/01/31/00/.hidden": None,
    "2017/01/31/00/a": Hour.parse("2017-01-31T00"),
    "2017/02/01/01/a": LAST,
    "2017/02/01/01/b": LAST,
    "2017/02/01/02/a": None,
    "2018/02/01/01/a": None,
    "errors/2017/01/31/00/a": None,
}


@pytest.fixture(params=["folder", "s3"])
def raw(request, tmp_path) -> Storage:
    if request.param == "folder":
        store: Storage = LocalStorage(tmp_path)
    else:
        bucket = request.getfixturevalue("bucket")
        store = S3Storage(f"s3://{bucket}/raw", request.getfixturevalue("s3_credentials"))
    for key in LANDED:
        store.write(key, b"x")
    return store


def looked(raw: Storage, landed: int | None) -> list[tuple[Hour, list[str]]]:
    def look(hour: Hour, entries: list[StoredObject]) -> tuple[Hour, list[str]]:
        return hour, [entry.key for entry in entries]

    return list(for_each_hour(raw, DEFAULT_PREFIX, FIRST, LAST, look, landed))


@pytest.mark.parametrize("landed", [None, 0, 100, 1_000_000])
def test_each_hour_that_has_objects_is_looked_at_once_in_order(raw, landed):
    expected: dict[Hour, list[str]] = {}
    for key, hour in LANDED.items():
        if hour is not None:
            expected.setdefault(hour, []).append(key)
    assert looked(raw, landed) == list(expected.items())


def test_of_a_long_listing_no_more_is_asked_for_than_the_hours_need(bucket, s3_credentials):
    class Counted(S3Storage):
        taken = 0

        def list(self, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
            for entry in super().list(prefix, after=after):
                Counted.taken += 1
                yield entry

    store = Counted(f"s3://{bucket}/raw", s3_credentials)
    for number in range(20):
        store.write(f"2017/02/01/02/{number}", b"")
    store.write("2017/02/01/01/a", b"")
    assert [hour for hour, _ in looked(store, 1)] == [LAST]
    assert Counted.taken == 2


@pytest.mark.parametrize("landed", [None, 100])
@pytest.mark.parametrize("pattern", ["app=web/year=%Y/month=%m/day=%d/hour=%H/", "%H/%d-%m-%Y/"])
def test_hours_may_lie_under_a_prefix_of_their_own(raw, landed, pattern):
    prefix = LandingPrefix(pattern)
    keys = {hour: f"{prefix.of(hour)}a" for hour in (FIRST, FIRST.next, LAST)}
    for key in (*keys.values(), f"{prefix.of(LAST.next)}a", f"{prefix.of(FIRST.previous)}a"):
        raw.write(key, b"x")
    found = list(
        for_each_hour(
            raw, prefix, FIRST, LAST, lambda hour, entries: (hour, entries[0].key), landed
        )
    )
    assert found == list(keys.items())
