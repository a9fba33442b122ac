"""A plan carried out: in order, no more than need be, and to the first failure."""

from __future__ import annotations

import pytest

from sessionize.model.errors import ReplayError
from sessionize.pipeline.status import HourState, pipeline_status
from sessionize.replay.execute import execute
from sessionize.replay.look import plan_of
from sessionize.replay.steps import LeaveAlone
from tests.pipeline import scenario
from tests.replay.lab import END, SHORT, STRICT, A, B, C, D, Lab, seen


def all_of(lab: Lab):  # type: ignore[no-untyped-def]
    return plan_of(lab.pipeline(), A, END)


def states(lab: Lab) -> list[HourState]:
    pipeline = lab.pipeline()
    return [line.state for line in pipeline_status(pipeline.lake, pipeline.config)]


def test_afterwards_every_hour_is_done_and_nothing_is_left_to_plan(lab: Lab, caplog):
    lab.settings = SHORT
    outcomes = list(execute(lab.pipeline(), all_of(lab)))
    assert [outcome.step.hour for outcome in outcomes] == [A, B, C, D]
    assert states(lab) == [HourState.DONE] * 4
    assert all(isinstance(step, LeaveAlone) for step in all_of(lab).steps)
    # That the hours behind are outdated is planned, and no news.
    assert "outdated" not in caplog.text


def test_what_stands_behind_an_hour_that_comes_out_as_it_was_is_left_as_it_is(lab: Lab):
    before = scenario.content(lab.lake)
    lab.lose_ledger(B)
    outcomes = list(execute(lab.pipeline(), all_of(lab)))
    assert [(o.step.hour, o.published is None) for o in outcomes] == [
        (B, False),
        (C, True),
        (D, True),
    ]
    assert scenario.content(lab.lake) == before


def test_it_stops_at_the_first_failure_and_says_what_is_left(lab: Lab):
    lab.settings = STRICT | {"limits": {"fail_quarantined": 0.35}}
    plan = plan_of(lab.pipeline(), B, END)
    with pytest.raises(ReplayError, match=rf"{B} has failed, and with it 3 of 3 hours are left"):
        list(execute(lab.pipeline(), plan))
    lab.settings = STRICT
    outcomes = list(execute(lab.pipeline(), plan_of(lab.pipeline(), B, END)))
    assert [outcome.step.hour for outcome in outcomes] == [B, C, D]
    assert states(lab) == [HourState.DONE] * 4


def test_planned_again_it_goes_on_where_it_has_stopped_behind_the_hours_too(lab: Lab):
    lab.settings = STRICT | {"limits": {"fail_quarantined": 0.35}}
    # A is run with the limit off, which changes nothing that is published: B fails, and was not
    # asked for.
    lab.run(A, **STRICT)
    assert states(lab) == [HourState.DONE, *[HourState.OUTDATED] * 3]
    with pytest.raises(ReplayError, match=f"{B} has failed.* Then plan again: {A} to {B}"):
        list(execute(lab.pipeline(), plan_of(lab.pipeline(), A, B)))
    lab.settings = STRICT
    list(execute(lab.pipeline(), plan_of(lab.pipeline(), A, B)))
    assert states(lab) == [HourState.DONE] * 4


def test_nothing_is_begun_where_an_hour_cannot_be_run(lab: Lab):
    lab.lose_object(C, "c-1")
    lab.settings = SHORT
    before = seen(lab.lake)
    with pytest.raises(ReplayError, match=rf"{C} cannot be run again: 1 objects .*stream-1-c-1"):
        list(execute(lab.pipeline(), all_of(lab)))
    assert seen(lab.lake) == before
