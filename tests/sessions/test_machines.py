"""One order of all machines, whatever the shards: results laid end to end stand in it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionize.model.frames import TEXT
from sessionize.sessions import machines
from sessionize.sessions.machines import machine_hash, number_machines, shard_of

ids = st.lists(st.text("abé:", max_size=3), max_size=12)


def texts(*values: str) -> pd.Series:
    return pd.Series(pd.array(values, dtype=TEXT))


@given(ids, ids)
def test_every_row_is_numbered_by_its_machine(one: list[str], other: list[str]):
    found = number_machines(texts(*one), texts(*other))
    assert sorted(found.ids.tolist()) == sorted({*one, *other})
    for column, numbers in zip((one, other), found.numbers, strict=True):
        assert found.ids.take(numbers).tolist() == column


@given(st.permutations(["a", "b", "ab", "", "é"]), st.integers(0, 5))
def test_the_order_depends_on_the_ids_alone(given_ids: list[str], cut: int):
    found = number_machines(texts(*given_ids[:cut]), texts(*given_ids[cut:]))
    assert found.ids.tolist() == number_machines(texts("", "a", "ab", "b", "é")).ids.tolist()


def test_texts_and_categoricals_are_the_same_machines():
    found = number_machines(texts("b", "a"), pd.Series(["a", "b", "a"], dtype="category"))
    first, second = found.numbers
    assert first.tolist() == second[[1, 0]].tolist()
    assert second[0] == second[2]


def test_machines_that_share_a_hash_are_told_apart_and_ordered_by_their_text(monkeypatch):
    monkeypatch.setattr(machines, "machine_hash", lambda ids: np.zeros(len(ids), np.uint64))
    found = number_machines(texts("b", "c", "a", "b"))
    assert found.ids.tolist() == ["a", "b", "c"]
    assert found.numbers[0].tolist() == [1, 2, 0, 1]


def test_the_hash_stays_the_same_from_release_to_release():
    """Else the rows of a lake would change places with an upgrade."""
    hashes = machine_hash(pa.array(["", "a1b2", "é"]))
    assert [f"{number:016x}" for number in hashes] == [
        "186da64456263a46",
        "a104ad625688dde5",
        "eaa82851ccf8e8e7",
    ]


@pytest.mark.parametrize("shards", [1, 2, 3, 7, 256])
def test_shards_laid_end_to_end_stand_in_the_order_of_all_machines(shards: int):
    everyone = number_machines(texts(*(f"machine {number}" for number in range(300)))).ids
    shard = shard_of(pa.array(everyone.tolist()), shards)
    assert (np.diff(shard) >= 0).all()
    assert shard.min() >= 0
    assert shard.max() < shards
    assert len(set(shard.tolist())) > shards // 2


def test_no_machines_have_no_numbers():
    assert number_machines(texts()).numbers[0].tolist() == []
    assert shard_of(pa.array([], pa.string()), 3).tolist() == []
