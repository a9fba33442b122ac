"""A plan in words: every kind of step has its own, and neighbours share a line."""

from __future__ import annotations

from sessionize.model.hours import Hour
from sessionize.replay.explain import commands, explained, parts, ways
from sessionize.replay.plan import Plan
from sessionize.replay.steps import (
    Blocked,
    Gap,
    LeaveAlone,
    Reason,
    RunAgain,
    RunHour,
    RunIfOutdated,
    Step,
    Work,
)
from tests.replay.lab import END, A, B, C, D

ONE = Work(1, 1000, 7)


def lines(*steps: Step, first: Hour = A, end: Hour = END) -> list[str]:
    return list(explained(Plan("nitro", first, end, steps)))


def test_neighbours_of_which_the_same_is_to_be_said_share_a_line():
    said = lines(
        LeaveAlone(A), RunAgain(B, (Reason.SETTINGS,), ONE), RunAgain(C, (Reason.SETTINGS,), ONE)
    )
    assert said[1:4] == [
        "asked for:",
        f"  {A}: left alone: run again, it would come out as it is",
        f"  {B} to {D}: run again: the settings have changed since; reads 2 objects, 2,000 bytes, "
        "14 records",
    ]
    assert "in all: 2 hours to run, 2 objects, 2,000 bytes, 14 records" in said


def test_what_comes_first_and_what_stands_behind_is_told_apart():
    steps = (Gap(A, B), RunHour(A, Work(1, 5, 0, 1)), RunIfOutdated(B, ONE), RunIfOutdated(C, None))
    said = lines(*steps, first=B, end=C)
    titles = [line for line in said if line.endswith(":")]
    assert [title.partition(",")[0].rstrip(":") for title in titles] == [
        "before them",
        "asked for",
        "behind them",
    ]
    assert f"  {A}: a gap in the chain: never run, though later hours have been" in said
    assert "1 objects, 5 bytes, 0 records and those of 1 objects not read yet" in said[-3]
    assert said[-3].endswith("and 2 hours if need be, 1 objects, 1,000 bytes, 7 records")
    assert said[-2] == "not in these sums: 1 hour that lie too far behind"


def test_hours_that_cannot_be_run_stand_out():
    said = lines(Blocked(A, (Reason.INTERRUPTED,), ("one", "two")))
    assert f"{A}: CANNOT be run again (interrupted" in said[2]
    assert said[2].endswith("gone are one and 1 more")
    assert any(line.startswith("NOTHING is run before") for line in said)


def test_every_reason_has_its_words():
    said = {lines(RunAgain(A, (reason,), ONE))[2] for reason in Reason}
    assert len(said) == len(Reason)


def test_nothing_to_run_is_said_and_has_no_commands():
    assert lines(LeaveAlone(A))[-1] == "nothing to run"
    assert commands(Plan("nitro", A, B, (LeaveAlone(A),)), "nitro.toml") == ()


def test_the_commands_run_all_of_it_each_with_its_own_end():
    plan = Plan("nitro", A, B, (LeaveAlone(A), RunHour(B, ONE), RunIfOutdated(C, ONE)))
    assert commands(plan, "my file.toml") == (
        f"python -m sessionize run --config 'my file.toml' --from {B} --to {D}",
        f"airflow dags backfill sessionize_nitro -s {B}:00Z -e {C}:00Z --reset-dagruns",
    )


def test_lines_are_data_too():
    (part,) = parts(Plan("nitro", A, END, (Gap(A, C), RunHour(A, ONE), RunHour(B, ONE))))
    assert part.title == "asked for"
    assert [(line.first, line.end, line.hours, line.step) for line in part.lines] == [
        (A, C, 2, "Gap"),
        (A, C, 2, "RunHour"),
    ]


def test_the_ways_to_carry_a_plan_out_plan_the_same_anew():
    plan = Plan("nitro", B, D, (RunHour(A, ONE), RunAgain(B, (Reason.ASKED,), ONE)))
    said = [way.command for way in ways(plan, "n.toml", asked=True)]
    assert said == [
        f"airflow dags backfill sessionize_nitro -s {B}:00Z -e {C}:00Z --replay --reset-dagruns",
        f"python -m sessionize plan --config n.toml --from {B} --to {D} --all --execute",
        f"python -m sessionize run --config n.toml --from {A} --to {C}",
        f"python -m sessionize plan --config n.toml --from {B} --to {D} --all --dry-run-hours 3",
    ]
    assert not any("--all" in way.command for way in ways(plan, "n.toml"))
    assert ways(Plan("nitro", A, B, (LeaveAlone(A),)), "n.toml") == ()
