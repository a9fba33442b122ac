"""Each finding is told once, again when it has grown, and its end; whoever else looks, or dies."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from sessionize.alerts.check import Look
from sessionize.alerts.findings import (
    EmptyHours,
    FailedTask,
    Finding,
    InterruptedHour,
    LateHours,
    OutdatedHours,
)
from sessionize.alerts.told import (
    LEASE,
    Telling,
    Told,
    confirmed,
    decoded,
    encoded,
    told_by,
    updated,
    with_failure,
)
from sessionize.model.errors import ForeignFileError

from .looks import at, hour

NOW = at(5)
LATER = NOW + LEASE


class Memory:
    """A record that is kept from look to look; everyone is reached unless it says who is."""

    def __init__(self) -> None:
        self.told: tuple[Told, ...] = ()
        self.looks = 0

    def __call__(
        self,
        *findings: Finding,
        first: int = 0,
        done: tuple[int, ...] = (),
        to: tuple[str, ...] = ("a", "b"),
        reached: tuple[str, ...] | None = None,
        now: datetime = NOW,
    ) -> list[str]:
        """Look, tell, and return what was told."""
        self.looks += 1
        by = Telling("n", to, f"teller {self.looks}", now)
        look = Look(findings, frozenset(map(hour, done)), hour(first))
        self.told = updated(self.told, look, by)
        return self.say(by, to if reached is None else reached)

    def failure(self, number: int, task: str = "claim") -> list[str]:
        self.looks += 1
        by = Telling("n", ("a", "b"), f"teller {self.looks}", NOW)
        self.told = with_failure(
            self.told, FailedTask(hour(number), hour(number), 1, task, "?"), by
        )
        return self.say(by, by.recipients)

    def say(self, by: Telling, reached: tuple[str, ...]) -> list[str]:
        said = [
            f"{'resolved ' if entry.resolved else ''}{entry.kind} {entry.first} to {name}"
            for entry in told_by(self.told, by.teller)
            for name in entry.left
        ]
        self.told = decoded(json.loads(json.dumps(encoded(self.told))), "here")
        self.told = confirmed(self.told, by.teller, reached)
        return said


@pytest.fixture
def look() -> Memory:
    return Memory()


def late(first: int, last: int) -> LateHours:
    return LateHours(hour(first), hour(last), last - first + 1, timedelta(minutes=45))


def empty(first: int, last: int) -> EmptyHours:
    return EmptyHours(hour(first), hour(last), last - first + 1, 0)


def interrupted(number: int) -> InterruptedHour:
    return InterruptedHour(hour(number), hour(number), 1)


def both(what: str) -> list[str]:
    return [f"{what} to a", f"{what} to b"]


def test_a_finding_is_told_once_and_so_is_its_end(look: Memory):
    assert look(late(0, 0)) == both(f"late {hour(0)}")
    assert look(late(0, 0)) == []
    assert look() == both(f"resolved late {hour(0)}")
    assert look() == []
    assert look.told == ()
    assert look(late(0, 0)) == both(f"late {hour(0)}")


def test_it_is_told_again_each_time_that_it_has_doubled(look: Memory):
    told = [hours for hours in range(1, 18) if look(late(0, hours - 1))]
    assert told == [1, 2, 4, 8, 16]


def test_hours_that_are_caught_up_with_are_the_same_trouble_until_none_is_left(look: Memory):
    assert look(late(0, 9))
    assert [look(late(first, 9)) for first in range(1, 10)] == [[]] * 9
    # It had become smaller, but has not doubled since it was told.
    assert look(late(9, 12)) == []
    assert look() == both(f"resolved late {hour(9)}")


def test_an_hour_that_is_late_after_one_that_was_is_the_same_trouble(look: Memory):
    assert look(late(0, 0))
    assert look(late(1, 1)) == []
    assert look(late(3, 3)) == [*both(f"late {hour(3)}"), *both(f"resolved late {hour(1)}")]


def test_hours_that_slide_out_of_sight_change_nothing_until_all_are_out(look: Memory):
    assert look(empty(0, 7), first=0)
    assert look(empty(4, 9), first=4) == []
    assert look(first=10) == []  # nobody knows whether it was mended
    assert look.told == ()
    # But hours that are late are seen however long ago they were.
    assert look(late(0, 0), first=5)
    assert look(first=5) == both(f"resolved late {hour(0)}")


def test_gaps_are_told_one_by_one_and_may_grow_together(look: Memory):
    assert len(look(late(0, 0), late(5, 5))) == 4
    assert look(late(0, 5)) == both(f"late {hour(0)}")
    assert look() == both(f"resolved late {hour(0)}")


def test_kinds_do_not_mix(look: Memory):
    assert look(late(0, 0))
    assert look(late(0, 0), OutdatedHours(hour(0), hour(0), 1)) == both(f"outdated {hour(0)}")


def test_each_interrupted_hour_is_a_trouble_of_its_own(look: Memory):
    assert look(interrupted(0))
    assert look(interrupted(0), interrupted(1)) == both(f"interrupted {hour(1)}")
    assert look(interrupted(1)) == both(f"resolved interrupted {hour(0)}")


def test_failures_of_an_hour_are_told_once_and_end_when_it_is_published(look: Memory):
    assert look.failure(0) == both(f"failed {hour(0)}")
    assert look.failure(0, "validate") == []
    assert look.failure(1) == both(f"failed {hour(1)}")
    assert look() == []
    assert look(first=9) == []
    assert look(done=(0,)) == both(f"resolved failed {hour(0)}")
    assert look(done=(0,)) == []


def test_who_could_not_be_told_is_told_later_alone(look: Memory):
    assert look(late(0, 0), reached=("a",)) == both(f"late {hour(0)}")
    assert look(late(0, 0)) == []  # the teller may be at it still
    assert look(late(0, 0), now=LATER) == [f"late {hour(0)} to b"]
    assert look(late(0, 0), now=LATER + LEASE) == []


def test_of_an_end_only_those_are_told_who_know_of_the_trouble(look: Memory):
    look(late(0, 0), reached=("a",))
    assert look() == [f"resolved late {hour(0)} to a"]


def test_what_a_teller_that_died_has_left_is_told_by_another(look: Memory):
    by = Telling("n", ("a",), "dead", NOW)
    look.told = updated((), Look((late(0, 0),), frozenset(), hour(0)), by)
    assert look(late(0, 0), to=("a",)) == []
    assert look(late(0, 0), to=("a",), now=LATER) == [f"late {hour(0)} to a"]
    # So is the end of it.
    look.told = updated(look.told, Look((), frozenset(), hour(0)), by)
    assert look(to=("a",)) == []
    assert look(to=("a",), now=LATER) == [f"resolved late {hour(0)} to a"]
    assert look.told == ()


def test_a_recipient_that_is_named_no_more_is_waited_for_no_more(look: Memory):
    look(late(0, 0), reached=("a",))
    assert look(late(0, 0), to=("a",), now=LATER) == []
    assert [entry.left for entry in look.told] == [()]
    assert look(to=("a",)) == [f"resolved late {hour(0)} to a"]


@pytest.mark.parametrize("document", [[], {}, {"format": 9}, {"format": 1, "told": [{}]}, "x"])
def test_a_record_that_is_none_is_refused(document):
    with pytest.raises(ForeignFileError, match=r"here is not a record.*Move it away"):
        decoded(document, "here")
