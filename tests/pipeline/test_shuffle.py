"""Events are had by batch in landed order, and by shard in landed order, wherever they are kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionize.lake.staging import MemoryStaging, NoRoomError, Room, StoredStaging
from sessionize.lake.storage import LocalStorage
from sessionize.model.errors import StagingError
from sessionize.model.frames import to_frame
from sessionize.model.hours import Hour
from sessionize.pipeline.shuffle import MemoryShuffle, Shuffle, StoredShuffle
from sessionize.sessions.machines import shard_of

HOUR = Hour.parse("2017-02-04T22")
SCHEMA = pa.schema(
    [
        ("machine_id", pa.string()),
        ("action", pa.dictionary(pa.int32(), pa.string())),
        ("position", pa.int64()),
    ]
)
SHARDS = 3

Event = tuple[str, str | None]
#: The frames of each batch; each event a machine and an action.
Batches = list[list[list[Event]]]
events = st.tuples(st.sampled_from(["a", "b", "c", "d", "é"]), st.sampled_from(["x", "y", None]))
batches: st.SearchStrategy[Batches] = st.lists(
    st.lists(st.lists(events, max_size=5), max_size=3), max_size=3
)


def in_memory(count: int, shards: int = SHARDS) -> Shuffle:
    return MemoryShuffle(SCHEMA, count, shards, Room(1 << 20))


def stored(count: int, shards: int = SHARDS) -> Shuffle:
    return StoredShuffle(MemoryStaging(Room(1 << 20)), SCHEMA, count, shards)


def fill(shuffle: Shuffle, batches: Batches, order: Sequence[int] | None = None) -> list[dict]:
    """Add the events, batch by batch in some order; return them all in landed order."""
    rows: dict[int, list[dict]] = {number: [] for number in range(len(batches))}
    for number in order or range(len(batches)):
        with shuffle.adding(number) as add:
            for frame in batches[number]:
                start = 1000 * number + len(rows[number])
                part = [
                    {"machine_id": machine, "action": action, "position": start + place}
                    for place, (machine, action) in enumerate(frame)
                ]
                rows[number] += part
                add(to_frame(pa.Table.from_pylist(part, PLAIN).cast(SCHEMA)))
    return [row for number in range(len(batches)) for row in rows[number]]


PLAIN = SCHEMA.set(1, pa.field("action", pa.string()))


def listed(tables: list[pa.Table]) -> list[dict]:
    assert all(table.schema.names == SCHEMA.names for table in tables)
    return [row for table in tables for row in table.to_pylist()]


def in_landed_order(shuffle: Shuffle, batches: int) -> list[pa.Table]:
    return [table for batch in range(batches) for table in shuffle.of_batch(batch)]


@pytest.mark.parametrize("make", [in_memory, stored])
@pytest.mark.parametrize("shards", [1, SHARDS])
@given(batches=batches)
def test_every_event_is_had_both_ways_in_landed_order(
    make: Callable[[int, int], Shuffle], shards: int, batches: Batches
):
    shuffle = make(len(batches), shards)
    expected = fill(shuffle, batches)
    assert listed(in_landed_order(shuffle, len(batches))) == expected
    for shard in range(shards):
        found = listed(list(shuffle.of_shard(shard)))
        assert found == [
            row
            for row in expected
            if shard_of(pa.array([row["machine_id"]]), shards).tolist() == [shard]
        ]


@pytest.mark.parametrize("make", [in_memory, stored])
def test_it_makes_no_difference_which_batch_comes_first(make: Callable[[int], Shuffle]):
    batches: Batches = [[[("a", "x")]], [[("a", "y"), ("b", "x")]], [[("c", None)]]]
    shuffle = make(3)
    expected = fill(shuffle, batches, order=[2, 0, 1])
    assert listed(in_landed_order(shuffle, 3)) == expected


def test_a_stored_part_does_not_carry_the_texts_of_all_others(tmp_path: Path):
    store = LocalStorage(tmp_path)
    shuffle = StoredShuffle(StoredStaging(store, HOUR, "work"), SCHEMA, 1, 200)
    actions = [[(f"machine {number}", f"{number:01000}") for number in range(200)]]
    expected = fill(shuffle, [actions])
    assert sum(entry.size for entry in store.list()) < 5 * 200 * 1000
    assert listed(in_landed_order(shuffle, 1)) == expected


def test_a_batch_that_was_not_stored_is_missed(tmp_path: Path):
    shuffle = StoredShuffle(StoredStaging(LocalStorage(tmp_path), HOUR, "work"), SCHEMA, 2, 2)
    with shuffle.adding(0):
        pass
    for read in (lambda: shuffle.of_batch(1), lambda: shuffle.of_shard(1)):
        with pytest.raises(StagingError):
            list(read())


def test_events_in_memory_take_no_more_than_their_room():
    shuffle = MemoryShuffle(SCHEMA, 2, 1, Room(1000))
    fill(shuffle, [[[("a", "x")]]])
    with pytest.raises(NoRoomError):
        fill(shuffle, [[], [[("a", "x")] * 200]])
