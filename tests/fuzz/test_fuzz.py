"""The fuzzer tries what it says, from the seed that it prints, and reports what is broken."""

from __future__ import annotations

import random

import pytest

from tests.fuzz import __main__ as fuzz
from tests.fuzz import targets
from tests.fuzz.mutations import packed, text


@pytest.mark.parametrize("name", [name for name in targets.TARGETS if name != "kills"])
def test_a_few_cases_keep_every_promise(name):
    assert all(fuzz.tried("test", name, number) for number in range(5))


def test_a_case_is_made_of_its_seed():
    one, same, other = (packed(text(rng), rng) for rng in map(random.Random, ("1", "1", "2")))
    assert one == same != other


def test_what_is_broken_is_told_with_its_input(tmp_path, monkeypatch, capsys):
    def broken(rng, note):
        note(b"the input")
        raise AssertionError

    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(targets.TARGETS, "objects", (broken, 1))
    monkeypatch.setenv("SEED", "7")
    assert fuzz.main() == 1
    assert "SEED=7 CASE=objects/0 make fuzz" in capsys.readouterr().out
    assert (tmp_path / ".fuzz" / "7-objects-0").read_bytes() == b"the input"


def test_a_case_is_tried_again(monkeypatch):
    asked = []
    monkeypatch.setitem(
        targets.TARGETS, "objects", (lambda rng, note: asked.append(rng.random()), 1)
    )
    for name, setting in {"SEED": "7", "CASE": "objects/3"}.items():
        monkeypatch.setenv(name, setting)
    assert fuzz.main() == 0
    assert asked == [random.Random("7/objects/3").random()]
