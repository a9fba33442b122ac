"""Random histories of a pipeline, and what a plan of them promises, held against real runs."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from sessionize.lake.layout import Lake
from sessionize.lake.storage import LocalStorage, OverlayStorage
from sessionize.model.errors import SessionizeError
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline
from sessionize.pipeline.status import HourState, hours_to_run, pipeline_status
from sessionize.replay.differences import difference
from sessionize.replay.execute import execute
from sessionize.replay.look import plan_of
from sessionize.replay.rehearse import rehearse
from sessionize.replay.steps import LeaveAlone
from tests.pipeline import scenario
from tests.replay.lab import END, SHORT, STRICT, A, B, C, D, Lab, seen

Act = Callable[[Lab], object]

HOURS = st.sampled_from((A, B, C, D))
SETTINGS = st.sampled_from(({}, SHORT, STRICT))


def try_to_run(lab: Lab, hour) -> None:  # type: ignore[no-untyped-def]
    with contextlib.suppress(SessionizeError):  # an hour before has to be run first
        lab.run(hour)


def lose_ledger(lab: Lab, hour) -> None:  # type: ignore[no-untyped-def]
    if hour in lab.pipeline().lake.done_hours():
        lab.lose_ledger(hour)


def land(lab: Lab, hour, number: int) -> None:  # type: ignore[no-untyped-def]
    clock = f"{hour.start:%H}:{number * 7 % 60:02}:00"
    lab.land(hour, f"late-{number}", clock, machine=("a1", "b2", "f6")[number % 3])


def change(lab: Lab, chosen) -> None:  # type: ignore[no-untyped-def]
    lab.settings = chosen


ACTS: st.SearchStrategy[Act] = st.one_of(
    HOURS.map(lambda hour: lambda lab: try_to_run(lab, hour)),
    HOURS.map(lambda hour: lambda lab: lose_ledger(lab, hour)),
    HOURS.map(
        lambda hour: (
            lambda lab: (
                hour in lab.pipeline().lake.done_hours()
                and lab.pipeline().lake.mark(hour, "interrupted", "a test")
            )
        )
    ),
    st.tuples(HOURS, st.integers(0, 20)).map(lambda a: lambda lab: land(lab, *a)),
    SETTINGS.map(lambda chosen: lambda lab: change(lab, chosen)),
)


@pytest.mark.slow
@settings(max_examples=12)
@given(acts=st.lists(ACTS, min_size=1, max_size=5))
def test_what_a_plan_of_all_hours_promises_is_so(done: Path, acts: list[Act]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(shutil.copytree(done, Path(folder) / "lab")))
        for act in acts:
            act(lab)
        before = lab.copy("before")
        pipeline = lab.pipeline()
        plan = plan_of(pipeline, A, END)

        for step in plan.steps:
            if isinstance(step, LeaveAlone):
                assert not run_hour(aside(pipeline, Path(folder) / "aside"), step.hour).changed

        listed = seen(lab.lake)
        announced = list(rehearse(pipeline, plan, len(plan.runs)))
        assert seen(lab.lake) == listed

        for outcome in execute(pipeline, plan):
            if outcome.published is not None:
                found = announced.pop(0)
                lake = before.pipeline().lake
                ledger, after = lake.ledger(found.hour), outcome.published.ledger
                assert found == difference(found.hour, lake, ledger, pipeline.lake, after)
            else:
                assert announced.pop(0).is_same
        assert not announced

        lines = list(pipeline_status(pipeline.lake, pipeline.config))
        assert [line.state for line in lines] == [HourState.DONE] * 4
        assert hours_to_run(pipeline.lake, lines) == ()
        assert not plan_of(pipeline, A, END).runs
        assert published(lab) == published(run_from_nothing(lab))


@pytest.mark.slow
@settings(max_examples=8)
@given(acts=st.lists(ACTS, min_size=1, max_size=4), first=st.sampled_from((A, B, C)))
def test_a_plan_of_some_hours_leaves_none_that_has_been_run_outdated(
    done: Path, acts: list[Act], first
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(shutil.copytree(done, Path(folder) / "lab")))
        for act in acts:
            act(lab)
        pipeline = lab.pipeline()
        plan = plan_of(pipeline, first, first.next, asked=True)
        list(execute(pipeline, plan))
        lines = list(pipeline_status(pipeline.lake, pipeline.config, first))
        assert [line.state for line in lines] == [HourState.DONE] * len(lines)
        assert plan_of(pipeline, first, first.next).runs == ()


def aside(pipeline: Pipeline, folder: Path) -> Pipeline:
    """The pipeline upon its lake, which it does not change."""
    storage = OverlayStorage(pipeline.lake.storage, LocalStorage(folder))
    return Pipeline(pipeline.config, pipeline.raw, Lake(storage), storage)


def run_from_nothing(lab: Lab) -> Lab:
    """Run all hours in a lake that has nothing but the same claims."""
    fresh = lab.copy("fresh")
    shutil.rmtree(fresh.folder / "lake")
    shutil.copytree(lab.folder / "lake" / "_claims", fresh.folder / "lake" / "_claims")
    fresh.run(A, B, C, D, **(fresh.settings or {"session": {}}))
    return fresh


def published(lab: Lab) -> dict[str, bytes]:
    return {
        key: content
        for key, content in scenario.content(lab.lake).items()
        if not key.startswith(("_claims/", "_pipeline"))
    }
