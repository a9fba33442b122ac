"""The index of claims is never believed where it could be wrong: it only saves reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionize.config import PipelineConfig, parse_config
from sessionize.lake.claim_records import ClaimRecords, Index, claim_key, note_key
from sessionize.lake.claims import Claim, claim_objects, read_claim
from sessionize.lake.layout import Lake
from sessionize.lake.storage import LocalStorage, StoredObject
from sessionize.model.errors import ForeignFileError, StorageError
from sessionize.model.hours import Hour, hours_between

START = Hour.parse("2017-02-04T22")
HOURS = list(hours_between(START, Hour.parse("2017-02-05T04")))
FIRST, SECOND, THIRD, FOURTH, *_ = HOURS
CONFIG: PipelineConfig = parse_config(
    {"name": "t", "raw": "raw", "lake": "lake", "start": START.start}
)


class Memory:
    """A store in memory, with etags as S3 has them; it can fail from its n-th write on."""

    url = "memory"

    def __init__(self, objects: dict[str, bytes] | None = None, writes: int | None = None) -> None:
        self.objects = {} if objects is None else objects
        self.reads: list[str] = []
        self._writes = writes

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        for key in sorted(self.objects):
            if key.startswith(prefix):
                content = self.objects[key]
                yield StoredObject(key, len(content), self._tag(key), self._tag(key))

    def read(self, key: str) -> bytes | None:
        self.reads.append(key)
        return self.objects.get(key)

    def read_version(self, key: str) -> tuple[bytes | None, str]:
        return self.read(key), self._tag(key)

    def write(self, key: str, content: bytes, replaces: str | None = None) -> str:
        self._count()
        assert replaces in (None, self._tag(key))
        self.objects[key] = content
        return self._tag(key)

    def delete(self, key: str, version: str | None = None) -> None:
        self._count()
        assert version in (None, self._tag(key))
        self.objects.pop(key, None)

    def _tag(self, key: str) -> str:
        return f'"{hash(self.objects[key])}"' if key in self.objects else ""

    def _count(self) -> None:
        if self._writes is not None:
            if not self._writes:
                raise StorageError("the process was killed", "Start it again.")
            self._writes -= 1


class Place:
    """A raw prefix and a lake in memory."""

    def __init__(self) -> None:
        self.raw, self.storage = Memory(), Memory()

    @property
    def lake(self) -> Lake:
        return Lake(self.storage)  # type: ignore[arg-type]

    def land(self, hour: Hour, name: str) -> str:
        key = f"{hour.landing_prefix}{name}"
        self.raw.objects[key] = name.encode()
        return key

    def claim(self, hour: Hour, lake: Lake | None = None) -> Claim:
        return claim_objects(self.raw, lake or self.lake, hour, CONFIG)  # type: ignore[arg-type]

    def stragglers(self, hour: Hour) -> list[str]:
        self.storage.reads.clear()
        return [entry.key for entry in self.claim(hour).stragglers]

    @property
    def claims_read(self) -> set[str]:
        return set(self.storage.reads)

    def document(self, hour: Hour) -> dict[str, Any]:
        return json.loads(self.storage.objects[claim_key(hour)])

    def change(self, hour: Hour, change: Callable[[dict[str, Any]], object]) -> None:
        document = self.document(hour)
        change(document)
        self.storage.objects[claim_key(hour)] = json.dumps(document).encode()


@pytest.fixture
def place() -> Place:
    place = Place()
    for hour in HOURS[:4]:
        place.land(hour, "a")
    return place


class TestIndex:
    def test_a_claim_proves_the_hours_before_it(self, place):
        for hour in (FIRST, SECOND, THIRD):
            place.claim(hour)
        proofs = place.document(THIRD)["index"]["proofs"]
        assert list(proofs) == [str(FIRST), str(SECOND)]
        assert place.document(THIRD)["index"]["landed"] == 3

    def test_what_is_proved_is_not_read(self, place):
        for hour in (FIRST, SECOND, THIRD):
            place.claim(hour)
        assert place.stragglers(FOURTH) == []
        assert place.claims_read == {claim_key(THIRD)}

    def test_a_straggler_is_found_under_an_hour_that_was_proved(self, place):
        for hour in (FIRST, SECOND, THIRD):
            place.claim(hour)
        late = place.land(FIRST, "late")
        assert place.stragglers(FOURTH) == [late]

    def test_an_object_in_the_place_of_another_is_found(self, place):
        for hour in (FIRST, SECOND, THIRD):
            place.claim(hour)
        del place.raw.objects[f"{FIRST.landing_prefix}a"]
        late = place.land(FIRST, "b")
        assert place.stragglers(FOURTH) == [late]

    def test_a_folder_has_no_index(self, place, tmp_path):
        lake = Lake(LocalStorage(tmp_path))
        for hour in (FIRST, SECOND, THIRD):
            place.claim(hour, lake)
        assert "index" not in (lake.read_json(claim_key(THIRD)))

    @pytest.mark.parametrize(
        "index",
        [
            None,
            [],
            "x",
            {},
            {"landed": "x", "proofs": {}},
            {"landed": 1, "proofs": []},
            {"landed": 1, "proofs": {"x": 1}},
            {"landed": 1, "proofs": {str(FIRST): None, str(SECOND): "0" * 32}},
        ],
    )
    def test_an_index_that_is_missing_or_wrong_costs_reads_only(self, place, index):
        for hour in (FIRST, SECOND, THIRD):
            place.claim(hour)
        place.change(THIRD, lambda document: document.update(index=index))
        late = place.land(FIRST, "late")
        assert place.stragglers(FOURTH) == [late]
        assert claim_key(SECOND) in place.claims_read

    def test_a_claim_of_release_0_1_has_none(self, place):
        for hour in (FIRST, SECOND, THIRD):
            place.claim(hour)
            place.change(hour, lambda document: document.pop("index", None))
        assert place.stragglers(FOURTH) == []
        assert claim_key(FIRST) in place.claims_read

    def test_it_is_read_back_as_it_was_written(self):
        index = Index(5, {SECOND: "b", FIRST: "a"})
        assert Index.decode(json.loads(json.dumps(index.encode()))) == index


class TestProof:
    def test_an_hour_whose_claim_was_changed_is_read(self, place):
        for hour in (FIRST, SECOND, THIRD):
            place.claim(hour)
        lost = f"{FIRST.landing_prefix}a"
        place.change(FIRST, lambda document: document["objects"].clear())
        assert place.stragglers(FOURTH) == [lost]

    def test_an_hour_whose_straggler_was_given_back_is_read(self, place):
        place.claim(FIRST)
        late = place.land(FIRST, "late")
        assert place.stragglers(SECOND) == [late]
        place.claim(THIRD)
        assert str(FIRST) in place.document(THIRD)["index"]["proofs"]
        # The hour is run again while the object is away, and the object comes back.
        del place.raw.objects[late]
        assert place.stragglers(SECOND) == []
        place.land(FIRST, "late")
        assert place.stragglers(FOURTH) == [late]

    def test_an_hour_whose_straggler_was_claimed_by_a_claim_that_is_gone_is_read(self, place):
        place.claim(FIRST)
        late = place.land(FIRST, "late")
        place.claim(SECOND)
        place.claim(THIRD)
        place.change(SECOND, lambda document: document["objects"].pop(0))
        assert place.stragglers(FOURTH) == [late]

    def test_a_claim_without_its_note_counts(self, place):
        place.claim(FIRST)
        place.land(FIRST, "late")
        place.claim(SECOND)
        del place.storage.objects[note_key(FIRST, SECOND)]
        assert place.stragglers(THIRD) == []
        assert str(FIRST) not in place.document(THIRD)["index"]["proofs"]
        assert place.stragglers(FOURTH) == []

    def test_a_note_without_its_claim_proves_nothing(self, place):
        place.claim(FIRST)
        place.claim(SECOND)
        late = place.land(FIRST, "late")
        # The run of the third hour dies between the note and the claim.
        dying = Memory(place.storage.objects, writes=1)
        with pytest.raises(StorageError):
            place.claim(THIRD, Lake(dying))
        assert note_key(FIRST, THIRD) in place.storage.objects
        place.claim(SECOND)
        assert place.stragglers(THIRD) == [late]

    def test_a_note_that_is_none_is_refused_by_its_place(self, place):
        place.claim(FIRST)
        place.storage.objects[note_key(FIRST, SECOND)] = b"null"
        with pytest.raises(ForeignFileError, match="stragglers-of"):
            place.claim(FIRST)

    def test_a_file_with_the_name_of_a_note_of_no_hour_is_passed_over(self, place):
        place.claim(FIRST)
        place.storage.objects[f"_claims/{FIRST.partition}.stragglers-of-x.json"] = b"null"
        assert place.stragglers(SECOND) == []

    def test_hours_of_two_months_are_listed(self):
        place = Place()
        last, first = Hour.parse("2017-01-31T23"), Hour.parse("2017-02-01T00")
        for hour in (last, first):
            place.storage.objects[claim_key(hour)] = b'{"objects": []}'
        records = ClaimRecords(place.lake, last, first)
        assert records.claimed() == [last, first]


STEPS = st.tuples(
    st.sampled_from(["land", "claim", "die", "vanish", "return", "forget"]),
    st.sampled_from(HOURS),
    st.integers(0, 3),
)


@settings(max_examples=100)
@given(st.lists(STEPS, max_size=40))
def test_with_and_without_the_index_the_same_is_claimed(steps):
    """The same story twice: with etags, and with a store that has none and reads every claim."""

    class Plain(Memory):
        def list(self, prefix: str = "") -> Iterator[StoredObject]:
            for entry in super().list(prefix):
                yield StoredObject(entry.key, entry.size, version=entry.version)

    indexed, plain = Place(), Place()
    plain.storage = Plain()
    landed = 0
    for what, hour, number in steps:
        landed += what == "land"
        outcomes = []
        for place in (indexed, plain):
            if what == "land":
                place.land(hour, f"{landed:02}")
            elif what in ("vanish", "return"):
                there = sorted(place.raw.objects)
                away = place.__dict__.setdefault("away", {})
                if what == "vanish" and there:
                    key = there[number % len(there)]
                    away[key] = place.raw.objects.pop(key)
                elif what == "return":
                    place.raw.objects |= away
                    away.clear()
            elif what == "forget":
                keys = [key for key in sorted(place.storage.objects) if "stragglers" in key]
                if keys:
                    del place.storage.objects[keys[number % len(keys)]]
            else:
                store = type(place.storage)(
                    place.storage.objects, writes=number if what == "die" else None
                )
                try:
                    claim = place.claim(hour, Lake(store))
                except Exception as error:
                    outcomes.append(str(error))
                else:
                    outcomes.append([entry.key for entry in claim.objects])
        assert outcomes[:1] == outcomes[1:]
        claims = [
            [
                claim and [entry.key for entry in claim.objects]
                for claim in (read_claim(place.lake, hour, CONFIG) for hour in HOURS)
            ]
            for place in (indexed, plain)
        ]
        assert claims[0] == claims[1]
