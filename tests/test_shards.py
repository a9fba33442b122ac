from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionize import shards
from sessionize.shards import machine_hash, machine_ranks, shard_of

machine_ids = st.lists(
    st.text("0123456789abcdef", min_size=1, max_size=4)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    max_size=40,
)


def column(ids: list[str]) -> pd.Series:
    return pd.Series(ids, dtype=str)


@given(machine_ids, st.integers(1, 256))
def test_shards_laid_end_to_end_stand_in_the_order_of_machines(ids: list[str], count: int):
    _, machines = machine_ranks(column(ids))
    shard = shard_of(machines, count)
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
    ranks, machines = machine_ranks(column(left), column(right))
    assert [list(machines[rank]) for rank in ranks] == [left, right]
    assert sorted(machines) == sorted({*left, *right})


@given(machine_ids, st.data())
def test_the_order_of_some_machines_is_that_among_all(ids: list[str], data: st.DataObject):
    some = data.draw(st.lists(st.sampled_from(ids), unique=True)) if ids else []
    _, machines = machine_ranks(column(ids))
    _, of_some = machine_ranks(column(some))
    assert list(of_some) == [machine for machine in machines if machine in some]


def test_machines_of_the_same_hash_stand_in_the_order_of_their_ids(monkeypatch):
    monkeypatch.setattr(shards, "machine_hash", lambda ids: np.zeros(len(ids), dtype=np.uint64))
    _, machines = machine_ranks(column(["b", "a", "c", "a"]))
    assert list(machines) == ["a", "b", "c"]


@pytest.mark.parametrize("dtype", [str, object, "string[python]"])
def test_the_hash_is_the_same_on_every_machine_from_release_to_release(dtype):
    ids = pd.Series(["a1b2c3", "", "Ünïcode"], dtype=dtype)
    assert list(machine_hash(ids)) == [
        1634485489935485814,
        1760245841805064774,
        11658136284529824069,
    ]
