from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionize.config import PipelineConfig, parse_config
from sessionize.lake.claims import Claim, claim_objects, read_claim
from sessionize.lake.layout import Lake
from sessionize.lake.ledger import NO_STATE, Counts, Ledger
from sessionize.lake.storage import LocalStorage, S3Storage, Storage, StoredObject
from sessionize.model.errors import ForeignFileError, IntervalError, MissingStateError, StorageError
from sessionize.model.hours import Hour, hours_between
from sessionize.model.landing_prefix import DEFAULT_PREFIX

START = Hour.parse("2017-02-04T22")
HOURS = list(hours_between(START, Hour.parse("2017-02-05T04")))
FIRST, SECOND, THIRD, *_ = HOURS


def configured(**settings: Any) -> PipelineConfig:
    document = {"name": "nitro", "raw": "raw", "lake": "lake", "start": FIRST.start}
    return parse_config(document | settings)


class Place:
    """A raw prefix and a lake, and the claims that runs make there."""

    def __init__(self, raw: Storage, lake: Storage) -> None:
        self.raw = raw
        self.lake = Lake(lake)

    def land(self, hour: Hour, name: str, content: bytes = b"{}") -> str:
        key = f"{hour.landing_prefix}{name}"
        self.raw.write(key, content)
        return key

    def claim(self, hour: Hour, **settings: Any) -> Claim:
        return claim_objects(self.raw, self.lake, hour, configured(**settings))

    def keys(self, hour: Hour, **settings: Any) -> list[str]:
        """The keys of the objects that the hour claims now."""
        return [entry.key for entry in self.claim(hour, **settings).objects]

    def recorded(self, hour: Hour) -> list[str] | None:
        """The keys in the claim that is written down for the hour, if there is one."""
        claim = read_claim(self.lake, hour, configured())
        return None if claim is None else [entry.key for entry in claim.objects]

    def publish(self, hour: Hour) -> None:
        counts = Counts(*[0] * 13)
        self.lake.write_ledger(Ledger("nitro", hour, "", "", NO_STATE, counts, {}, {}, (), {}, {}))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(LocalStorage(tmp_path / "raw"), LocalStorage(tmp_path / "lake"))


@pytest.fixture
def on_s3(bucket, s3_credentials) -> Place:
    raw, lake = (S3Storage(f"s3://{bucket}/{path}", s3_credentials) for path in ("raw", "lake"))
    return Place(raw, lake)


class TestOwnHour:
    def test_a_run_claims_what_lies_under_its_hour_in_the_order_of_the_keys(self, place):
        landed = [place.land(FIRST, name) for name in ("b", "a", "a-1", "B", "é")]
        assert place.keys(FIRST) == sorted(landed, key=str.encode)

    @pytest.mark.parametrize("under", [FIRST, SECOND])
    def test_an_object_that_was_replaced_is_claimed_as_it_is_now(self, on_s3, under):
        on_s3.claim(FIRST)
        on_s3.land(under, "a", b"{}")
        before = on_s3.claim(SECOND).objects
        on_s3.land(under, "a", b'{"a":1}')
        now = on_s3.claim(SECOND).objects
        assert now != before
        assert now == tuple(on_s3.raw.list(under.landing_prefix))

    def test_an_hour_in_which_nothing_landed_claims_nothing(self, place):
        assert place.keys(FIRST) == []
        assert place.keys(SECOND) == []

    def test_an_object_without_bytes_is_claimed(self, place):
        empty = place.land(FIRST, "empty", b"")
        assert place.keys(FIRST) == [empty]

    def test_what_lies_under_a_later_hour_is_left_to_it(self, place):
        own, later = place.land(FIRST, "a"), place.land(SECOND, "a")
        assert place.keys(FIRST) == [own]
        assert place.keys(SECOND) == [later]

    def test_a_run_that_is_repeated_claims_the_same(self, place):
        place.land(FIRST, "a")
        assert place.claim(FIRST) == place.claim(FIRST)

    def test_a_run_that_is_repeated_adds_what_nobody_has_claimed_since(self, place):
        own = place.land(FIRST, "b")
        place.claim(FIRST)
        late = place.land(FIRST, "a")
        assert place.keys(FIRST) == [late, own]


class TestStragglers:
    def test_a_straggler_is_claimed_by_the_next_run_and_by_no_other(self, place):
        place.claim(FIRST)
        straggler, own = place.land(FIRST, "late"), place.land(SECOND, "own")
        claim = place.claim(SECOND)
        assert [entry.key for entry in claim.objects] == [straggler, own]
        assert [entry.key for entry in claim.stragglers] == [straggler]
        assert place.keys(THIRD) == []
        assert place.keys(FIRST) == []
        assert place.keys(SECOND) == [straggler, own]

    def test_what_lies_under_an_hour_that_is_not_claimed_yet_is_left_to_it(self, place):
        place.claim(SECOND, start=SECOND.start)
        place.claim(THIRD, start=SECOND.start)
        theirs = place.land(FIRST, "a")
        # From here on the pipeline starts an hour earlier.
        assert place.keys(THIRD) == []
        assert place.keys(FIRST) == [theirs]

    def test_what_lies_before_the_first_hour_is_nobodys(self, place):
        place.land(FIRST.previous, "a")
        assert place.keys(FIRST) == []

    @pytest.mark.parametrize(("lookback", "found"), [("1h", False), ("2h", True), ("7d", True)])
    def test_a_run_looks_back_as_far_as_it_is_told(self, place, lookback, found):
        place.claim(FIRST)
        place.claim(SECOND)
        straggler = place.land(FIRST, "late")
        landing = {"straggler_lookback": lookback}
        assert place.keys(THIRD, landing=landing) == [straggler] * found

    def test_a_claim_stands_after_the_lookback_was_shortened(self, place):
        place.claim(FIRST)
        place.claim(SECOND)
        straggler = place.land(FIRST, "late")
        place.claim(THIRD)
        shorter = {"straggler_lookback": "1h"}
        assert place.keys(FIRST, landing=shorter) == []
        assert place.keys(THIRD, landing=shorter) == [straggler]


class TestWhatIsNotAnObject:
    @pytest.mark.parametrize(
        "key",
        [
            "2017/02/04/22/stream-1-2017-02-04-22-00-00-0123.gz",
            "2017/02/04/22/no extension, but spaces",
            "2017/02/04/22/_underscore",
        ],
    )
    def test_an_object_lands_in_the_folder_of_its_hour(self, key: str):
        assert DEFAULT_PREFIX.hour_of(key) == FIRST

    @pytest.mark.parametrize(
        "key",
        [
            "2017/02/04/22/",
            "2017/02/04/22",
            "2017/02/04/22_$folder$",
            "2017/02/04/22/.hidden",
            "2017/02/04/22/sub/object",
            "2017/02/04/22//object",
            "2017/02/04/24/object",
            "2017/02/30/22/object",
            "2017/13/04/22/object",
            "2017/2/4/22/object",
            "2017/02/04/022/object",
            "2017/02/04/2\N{FULLWIDTH DIGIT TWO}/object",
            "2017-02-04/22/object",
            "dt=2017-02-04/hour=22/object",
            "errors/2017/02/04/22/object",
            "/2017/02/04/22/object",
            "",
        ],
    )
    def test_any_other_key_has_no_hour(self, key: str):
        assert DEFAULT_PREFIX.hour_of(key) is None

    def test_folder_markers_and_what_lies_beside_the_hours_are_not_claimed(self, on_s3):
        for key in ("2017/02/04/22/", "2017/02/04/22/.part", "2017/02/04/22/sub/a", "errors/a"):
            on_s3.raw.write(key, b"")
        own = on_s3.land(FIRST, "a")
        assert on_s3.keys(FIRST) == [own]


class TestOrderOfHours:
    def test_an_hour_before_the_first_is_refused(self, place):
        with pytest.raises(IntervalError, match=r"2017-02-04T21 .*2017-02-04T22.*`start`"):
            place.claim(FIRST.previous)

    def test_an_hour_is_refused_until_the_hour_before_is_claimed(self, place):
        with pytest.raises(
            MissingStateError, match=r"2017-02-04T23 cannot .* before 2017-02-04T22"
        ):
            place.claim(SECOND)
        place.claim(FIRST)
        assert place.keys(SECOND) == []

    def test_a_refused_hour_leaves_no_claim(self, place):
        place.land(SECOND, "a")
        with pytest.raises(MissingStateError):
            place.claim(SECOND)
        assert place.recorded(SECOND) is None

    def test_a_claim_needs_the_raw_prefix_to_be_within_reach(self, place, s3_credentials):
        place.raw = S3Storage("s3://absent/raw", s3_credentials)
        with pytest.raises(StorageError, match="Create the bucket"):
            place.claim(FIRST)


class TestWhatVanishes:
    def test_a_vanished_object_of_an_unpublished_claim_is_dropped(self, place):
        kept, vanished = place.land(FIRST, "a"), place.land(FIRST, "b")
        place.claim(FIRST)
        place.raw.delete(vanished)
        assert place.keys(FIRST) == [kept]

    def test_a_vanished_object_of_a_published_claim_stays_claimed(self, place):
        vanished = place.land(FIRST, "a")
        place.claim(FIRST)
        place.publish(FIRST)
        place.raw.delete(vanished)
        assert place.keys(FIRST) == [vanished]

    def test_an_object_that_came_back_is_claimed_once(self, place):
        key = place.land(FIRST, "a")
        place.claim(FIRST)
        place.raw.delete(key)
        place.claim(FIRST)
        place.land(FIRST, "a")
        assert place.keys(SECOND) == [key]
        assert place.keys(FIRST) == []

    def test_a_straggler_that_came_back_is_claimed_by_the_next_run(self, place):
        place.claim(FIRST)
        key = place.land(FIRST, "late")
        place.claim(SECOND)
        place.raw.delete(key)
        assert place.keys(SECOND) == []
        place.land(FIRST, "late")
        assert place.keys(THIRD) == [key]

    @pytest.mark.parametrize("published", [False, True])
    def test_a_replaced_object_is_claimed_as_it_is_now(self, on_s3, published):
        on_s3.land(FIRST, "a", b"before")
        before = on_s3.claim(FIRST)
        if published:
            on_s3.publish(FIRST)
        on_s3.land(FIRST, "a", b"after!")
        after = on_s3.claim(FIRST)
        [entry] = on_s3.raw.list()
        assert after.objects == (entry,)
        assert after.id != before.id


class TestRecord:
    def test_a_claim_is_read_back_as_it_was_made(self, on_s3):
        on_s3.land(FIRST, "two words.gz")
        claim = on_s3.claim(FIRST)
        assert read_claim(on_s3.lake, FIRST, configured()) == claim
        assert read_claim(on_s3.lake, SECOND, configured()) is None

    def test_an_empty_claim_is_a_claim(self, place):
        place.claim(FIRST)
        assert place.recorded(FIRST) == []

    @pytest.mark.parametrize(
        "content",
        [
            *(b"", b"{", b"[]", b"{}", b"null", b"5", b'"x"', b'{"objects": null}'),
            *(b'{"objects": [{"name": 1}]}', b'{"objects": [null]}', b'{"objects": ["x"]}'),
            b'{"objects": [{"key": 1, "size": 1, "etag": ""}]}',
            b"[" * 10_000 + b"]" * 10_000,
        ],
    )
    def test_a_record_that_is_not_a_claim_is_refused_by_its_place(self, place, content):
        place.lake.storage.write("_claims/dt=2017-02-04/hour=22.json", content)
        with pytest.raises(ForeignFileError, match=r"_claims/dt=2017-02-04/hour=22\.json"):
            place.claim(FIRST)

    @pytest.mark.parametrize("content", [b"{", b"5", b"null", b"[1]", b'{"a": 1}'])
    def test_a_note_of_stragglers_that_is_none_is_refused_by_its_place(self, place, content):
        key = "_claims/dt=2017-02-04/hour=22.stragglers-of-2017-02-04T23.json"
        place.lake.storage.write(key, content)
        with pytest.raises(ForeignFileError, match="stragglers-of"):
            place.claim(FIRST)

    def test_other_files_among_the_claims_are_passed_over(self, place):
        place.claim(FIRST)
        for name in ("hour=23.json.bak", "hour=23", "hour=24.json", "notes.txt"):
            place.lake.storage.write(f"_claims/dt=2017-02-04/{name}", b"not a claim")
        assert place.keys(SECOND) == []

    def test_a_claim_that_did_not_change_is_not_written_again(self, place):
        place.land(FIRST, "a")
        place.claim(FIRST)
        [before] = record_times(place)
        place.claim(FIRST)
        assert record_times(place) == [before]


def record_times(place: Place) -> list[int]:
    return [path.stat().st_mtime_ns for path in Path(place.lake.storage.url).rglob("_claims/*/*")]


class TestId:
    def test_the_same_work_has_the_same_id(self, place):
        place.land(FIRST, "a")
        assert place.claim(FIRST).id == place.claim(FIRST).id

    @pytest.mark.parametrize(
        "settings",
        [
            {"session": {"timeout": "31m"}},
            {"run": {"batch_size": "1B"}},
            {"run": {"shards": 2}},
            {"run": {"shard_size": "1B"}},
        ],
    )
    def test_another_setting_or_cut_is_other_work(self, place, settings):
        place.land(FIRST, "a", b"12")
        assert place.claim(FIRST, **settings).id != place.claim(FIRST).id

    def test_another_object_is_other_work(self, place):
        before = place.claim(FIRST)
        place.land(FIRST, "a")
        assert place.claim(FIRST).id != before.id

    def test_another_hour_is_other_work(self, place):
        assert place.claim(FIRST).id != place.claim(SECOND).id


class TestCut:
    @given(st.lists(st.integers(0, 10), max_size=12), st.integers(1, 12))
    def test_batches_are_the_objects_in_order_and_even(self, sizes, batch_size):
        objects = tuple(StoredObject(f"{n:02}", size) for n, size in enumerate(sizes))
        batches = Claim(FIRST, objects, "", batch_size, 1).batches
        assert tuple(entry for batch in batches for entry in batch) == objects
        count = max(1, -(-sum(sizes) // batch_size))
        assert len(batches) <= count
        for batch in batches:
            size = sum(entry.size for entry in batch)
            assert size <= sum(sizes) / count + max(entry.size for entry in batch)

    @given(st.lists(st.integers(0, 10), max_size=40), st.integers(1, 100), st.integers(1, 10))
    def test_a_batch_has_no_more_objects_than_it_may(self, sizes, batch_size, most):
        objects = tuple(StoredObject(f"{n:02}", size) for n, size in enumerate(sizes))
        with patch("sessionize.lake.claims.BATCH_OBJECTS", most):
            batches = Claim(FIRST, objects, "", batch_size, 1).batches
        assert tuple(entry for batch in batches for entry in batch) == objects
        for batch in batches:
            assert len(batch) <= most + 1
            size = sum(entry.size for entry in batch)
            assert size <= batch_size + max(entry.size for entry in batch)

    @pytest.mark.parametrize("size", [0, 1])
    def test_many_tiny_objects_are_several_batches(self, size):
        objects = tuple(StoredObject(f"{n:05}", size) for n in range(20_000))
        batches = Claim(FIRST, objects, "", 32 << 20, 1).batches
        assert len(batches) in (10, 11)
        assert max(map(len, batches)) - min(map(len, batches)) <= 1

    def test_an_hour_has_no_more_batches_than_a_task_can_be_mapped_over(self):
        objects = tuple(StoredObject(f"{n:05}", 10) for n in range(30_000))
        batches = Claim(FIRST, objects, "", 300, 1).batches
        assert len(batches) == 1000

    def test_objects_of_one_size_are_divided_evenly(self):
        objects = tuple(StoredObject(f"{n:02}", 10) for n in range(12))
        batches = Claim(FIRST, objects, "", 50, 1).batches
        assert [len(batch) for batch in batches] == [4, 4, 4]

    @pytest.mark.parametrize(
        ("size", "run", "shards"),
        [
            (0, {}, 1),
            (10, {"shard_size": "10B"}, 1),
            (11, {"shard_size": "10B"}, 2),
            (1000, {"shard_size": "1B"}, 256),
            (1000, {"shard_size": "1B", "shards": 3}, 3),
            (0, {"shards": 3}, 3),
        ],
    )
    def test_shards_go_by_size_unless_told(self, place, size, run, shards):
        place.land(FIRST, "a", bytes(size))
        assert place.claim(FIRST, run=run).shards == shards


class DyingStorage(LocalStorage):
    """A folder that takes some more writes, and fails from then on."""

    def __init__(self, folder: Path, writes: int) -> None:
        super().__init__(folder)
        self._writes = writes

    def write(self, key: str, content: bytes, replaces: str | None = None) -> str:
        if not self._writes:
            raise StorageError("the process was killed", "Start it again.")
        self._writes -= 1
        return super().write(key, content, replaces)


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["land", "claim", "publish", "die at once", "die later"]),
            st.sampled_from(HOURS),
        ),
        max_size=30,
    )
)
def test_whatever_lands_dies_and_is_run_again_each_object_is_in_exactly_one_claim(
    tmp_path_factory, steps
):
    folder = tmp_path_factory.mktemp("place")
    place = Place(LocalStorage(folder / "raw"), LocalStorage(folder / "lake"))
    landed: list[str] = []

    def owners() -> list[tuple[str, Hour]]:
        return [(key, hour) for hour in HOURS for key in place.recorded(hour) or ()]

    for what, hour in steps:
        before = owners()
        is_next = hour == FIRST or place.recorded(hour.previous) is not None
        if what == "land":
            landed.append(place.land(hour, f"{len(landed):02}"))
        elif what == "publish" and place.recorded(hour) is not None:
            place.publish(hour)
        elif what == "claim" and is_next:
            assert place.keys(hour) == place.recorded(hour)
        elif what.startswith("die") and is_next:
            dying = Place(place.raw, DyingStorage(folder / "lake", what == "die later"))
            with contextlib.suppress(StorageError):
                dying.claim(hour)
        assert set(before) <= set(owners())
    for hour in HOURS:
        place.claim(hour)
    assert sorted(key for key, _ in owners()) == sorted(landed)
