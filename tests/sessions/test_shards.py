from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from sessionize.sessions import shards
from sessionize.sessions.shards import machine_hash, rank_machines, shard_of

machine_ids = st.lists(
    st.text("0123456789abcdef", min_size=1, max_size=4)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    max_size=40,
)


def column(ids: list[str]) -> pa.StringArray:
    return pa.array(ids, pa.string())


def chunked(ids: list[str]) -> pa.ChunkedArray:
    return pa.chunked_array([column(ids[:3]), column(ids[3:])])


def in_order(ids: list[str]) -> list[str]:
    return rank_machines(chunked(ids)).ids.to_pylist()


@given(machine_ids, st.integers(1, 256))
def test_shards_laid_end_to_end_stand_in_the_order_of_machines(ids: list[str], count: int):
    shard = shard_of(column(in_order(ids)), count)
    assert list(shard) == sorted(shard)
    assert ((shard >= 0) & (shard < count)).all()


@given(machine_ids, st.integers(1, 256))
def test_a_machines_shard_depends_on_nothing_but_its_id(ids: list[str], count: int):
    assert list(shard_of(column(ids), count)) == [shard_of(column([i]), count)[0] for i in ids]


def test_machines_are_spread_evenly():
    ids = column([f"{number:x}" for number in range(16_000)])
    sizes = np.bincount(shard_of(ids, 16))
    assert len(sizes) == 16
    assert sizes.min() > 800
    assert sizes.max() < 1200


@given(machine_ids, machine_ids)
def test_a_rank_is_the_place_of_the_machine_in_the_order(left: list[str], right: list[str]):
    machines = rank_machines(chunked(left), chunked(right))
    ids = machines.ids.to_pylist()
    assert [[ids[rank] for rank in ranks] for ranks in machines.ranks] == [left, right]
    assert sorted(ids) == sorted({*left, *right})


@given(machine_ids, st.data())
def test_the_order_of_some_machines_is_that_among_all(ids: list[str], data: st.DataObject):
    some = data.draw(st.lists(st.sampled_from(ids), unique=True)) if ids else []
    assert in_order(some) == [machine for machine in in_order(ids) if machine in some]


def test_more_machines_than_the_table_begins_with_are_told_apart():
    ids = [f"{number:x}" for number in range(20_000)]
    machines = rank_machines(chunked(ids + ids[::-1]))
    assert sorted(machines.ids.to_pylist()) == sorted(ids)
    assert machines.ids.take(pa.array(machines.ranks[0])).to_pylist() == ids + ids[::-1]
    assert list(machine_hash(machines.ids)) == sorted(machine_hash(machines.ids))


def test_machines_of_the_same_hash_stand_in_the_order_of_their_ids(monkeypatch):
    monkeypatch.setattr(
        shards.TextTable, "hashes", property(lambda table: np.zeros(table.known, np.uint64))
    )
    assert in_order(["b", "a", "c"]) == ["a", "b", "c"]


def test_the_hash_is_the_same_on_every_machine_from_release_to_release():
    assert list(machine_hash(column(["a1b2c3", "", "Ünïcode", "a machine with a longer id"]))) == [
        17166224753368917247,
        0,
        10951263715440342139,
        4374948503129942541,
    ]
