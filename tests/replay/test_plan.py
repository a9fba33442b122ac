"""What is decided, from facts that are given."""

from __future__ import annotations

import json
from dataclasses import replace

from sessionize.lake.ledger import Ledger, ObjectCounts
from sessionize.lake.storage import StoredObject
from sessionize.model.hours import Hour
from sessionize.pipeline.status import HourState, HourStatus
from sessionize.replay.plan import HourFacts, Plan, plan, to_json
from sessionize.replay.steps import (
    Blocked,
    Gap,
    LeaveAlone,
    Reason,
    RunAgain,
    RunHour,
    RunIfOutdated,
    Work,
)
from tests.lake.test_ledger import LEDGER
from tests.replay.lab import END, A, B, C, D

DONE, MISSING, OUTDATED, INTERRUPTED = HourState
SETTINGS = LEDGER.settings


def landed(hour: Hour, name: str = "one", size: int = 10) -> StoredObject:
    return StoredObject(f"{hour.landing_prefix}{name}", size)


def facts(hour: Hour, state: HourState = DONE, **known: object) -> HourFacts:
    """An hour that has read one object of 7 records, unless it is missing."""
    status = HourStatus(hour, state, None if state is MISSING else ledger(hour))
    return HourFacts(status, **{"claimed": (landed(hour),), **known})  # type: ignore[arg-type]


def ledger(hour: Hour) -> Ledger:
    return replace(LEDGER, hour=hour, claimed=(ObjectCounts(landed(hour).key, 10, 7, 7, 0),))


def planned(*known: HourFacts, first: Hour = A, end: Hour = END, **options: object) -> Plan:
    return plan("t", known, first, end, options.pop("settings", SETTINGS), **options)  # type: ignore[arg-type]


def test_hours_of_which_nothing_has_changed_are_left_alone():
    found = planned(facts(A), facts(B), end=C)
    assert found.steps == (LeaveAlone(A), LeaveAlone(B))
    assert (found.runs, found.range) == ((), None)


def test_hours_that_were_asked_for_in_any_case_are_run():
    found = planned(facts(A), facts(B), facts(C), first=A, end=B, asked=True)
    assert found.steps == (
        RunAgain(A, (Reason.ASKED,), Work(1, 10, 7)),
        RunIfOutdated(B, Work(1, 10, 7)),
        RunIfOutdated(C, Work(1, 10, 7)),
    )
    assert found.range == (A, D)


def test_all_hours_under_other_settings_are_run_but_not_what_was_not_asked_for():
    found = planned(*map(facts, (A, B, C)), end=C, settings="others")
    assert [type(step) for step in found.steps] == [RunAgain, RunAgain, RunIfOutdated]
    assert found.work(if_outdated=False) == Work(2, 20, 14)
    assert found.work(if_outdated=True) == Work(1, 10, 7)


def test_what_stands_behind_hours_that_are_left_alone_is_run_from_where_it_is_not_in_order():
    found = planned(facts(A), facts(B), facts(C, INTERRUPTED), facts(D), end=B)
    assert [(type(step), step.hour) for step in found.steps] == [
        (LeaveAlone, A),
        (RunAgain, C),
        (RunIfOutdated, D),
    ]
    # What has changed of hours that were not asked for is no reason.
    assert planned(facts(A), facts(B, replaced=True), end=B).steps == (LeaveAlone(A),)


def test_each_reason_is_named():
    earlier = replace(facts(A).status, ledger=replace(ledger(A), format=1))
    cases = {
        Reason.INTERRUPTED: facts(A, INTERRUPTED),
        Reason.OUTDATED: facts(A, OUTDATED),
        Reason.RELEASE: HourFacts(earlier),
        Reason.NEW_OBJECTS: facts(A, claimable=(landed(A, "new"),)),
        Reason.REPLACED: facts(A, replaced=True),
    }
    for reason, known in cases.items():
        (step,) = planned(known, end=B).steps
        assert isinstance(step, RunAgain)
        assert step.reasons == (reason,)
    assert {*cases, Reason.ASKED, Reason.SETTINGS} == set(Reason)


def test_an_hour_that_only_stands_on_an_outdated_one_is_run_if_need_be():
    inherited = replace(facts(B, OUTDATED).status, inherited=True)
    found = planned(facts(A, OUTDATED), HourFacts(inherited), end=C)
    assert isinstance(found.steps[1], RunIfOutdated)


def test_an_object_is_claimed_by_the_first_hour_that_is_run_and_may():
    late = landed(A.previous, "late", 5)
    found = planned(facts(A, claimable=(late,)), facts(B, claimable=(late,)), end=C)
    assert found.steps == (
        RunAgain(A, (Reason.NEW_OBJECTS,), Work(2, 15, 7, uncounted=1)),
        RunIfOutdated(B, Work(1, 10, 7)),
    )


def test_a_gap_is_named_and_filled_and_what_stands_behind_it_run_if_need_be():
    found = planned(facts(A), facts(B, MISSING), facts(C, MISSING), facts(D), end=END)
    assert found.steps == (
        LeaveAlone(A),
        Gap(B, D),
        RunHour(B, Work(1, 10, 0, 1)),
        RunHour(C, Work(1, 10, 0, 1)),
        RunIfOutdated(D, Work(1, 10, 7)),
    )


def test_hours_that_nothing_follows_are_no_gap():
    found = planned(facts(A, MISSING), facts(B, MISSING), end=C)
    assert [type(step) for step in found.steps] == [RunHour, RunHour]


def test_what_has_to_be_run_first_is_in_the_plan():
    found = planned(facts(A, INTERRUPTED), facts(B), facts(C), first=C, end=D, settings="others")
    assert [type(step) for step in found.steps] == [RunAgain, RunIfOutdated, RunAgain]
    assert found.steps[0] == RunAgain(A, (Reason.INTERRUPTED,), Work(1, 10, 7))


def test_an_hour_whose_objects_are_gone_blocks_the_plan_if_it_has_to_be_run():
    gone = facts(A, gone=("key",))
    assert planned(gone, end=B).steps == (LeaveAlone(A),)
    found = planned(gone, facts(B), end=C, settings="others")
    assert found.blocked == (Blocked(A, (Reason.SETTINGS,), ("key",)),)
    assert found.range == (A, C)
    behind = planned(facts(A, replaced=True), facts(B, gone=("key",)), end=B)
    assert behind.blocked == (Blocked(B, (), ("key",)),)


def test_hours_that_have_not_been_looked_at_are_planned_without_sums():
    found = planned(facts(A, replaced=True), end=B, unseen=(B, C))
    assert found.steps[1:] == (RunIfOutdated(B, None), RunIfOutdated(C, None))
    assert (found.unseen, found.range) == (2, (A, D))
    assert planned(facts(A), end=B, unseen=(B, C)).steps == (LeaveAlone(A),)


def test_a_gap_before_hours_that_have_not_been_looked_at_is_one():
    assert planned(facts(A, MISSING), end=B, unseen=(B,)).steps[0] == Gap(A, B)


def test_as_json_it_says_the_same():
    found = planned(facts(A), facts(B, MISSING), facts(C, gone=("key",)), end=D)
    document = json.loads(json.dumps(to_json(found)))
    assert [step["step"] for step in document["steps"]] == [
        "LeaveAlone",
        "Gap",
        "RunHour",
        "Blocked",
    ]
    assert document["steps"][1] == {"step": "Gap", "hour": str(B), "end": str(C)}
    assert document["run"] == {"from": str(B), "to": str(D)}
    assert document["work"]["objects"] == 1
    assert json.loads(json.dumps(to_json(planned(facts(A), end=B))))["run"] is None
