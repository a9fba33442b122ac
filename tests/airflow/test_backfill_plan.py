from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sessionize.airflow.backfill.errors import BackfillError
from sessionize.airflow.backfill.plan import (
    Before,
    Create,
    Plan,
    Reprocess,
    moment,
    plan_backfill,
    span,
)

FIRST = datetime(2017, 2, 4, 22, tzinfo=UTC)
DATES = [FIRST + timedelta(hours=number) for number in range(6)]
WORDS = {
    "-": Before.MISSING,
    "s": Before.SUCCEEDED,
    "F": Before.FAILED,
    "r": Before.UNDER_WAY,
    "x": Before.MISPLACED,
}


def plan(picture: str, *, ordered: bool = True, **options: bool) -> Plan:
    """Plan for consecutive dates, drawn with a letter each: - missing, s, F, r under way, x."""
    before = {date: WORDS[letter] for date, letter in zip(DATES, picture, strict=False)}
    return plan_backfill(before, ordered=ordered, **options)


def numbers(dates: tuple[datetime, ...]) -> list[int]:
    return [DATES.index(date) for date in dates]


def created(plan: Plan) -> tuple[int, int, Reprocess] | None:
    create = plan.create
    return create and (DATES.index(create.first), DATES.index(create.last), create.reprocess)


class TestWhereRunsStandOnTheOneBefore:
    @pytest.mark.parametrize(
        ("picture", "create", "rerun", "watch"),
        [
            ("------", (0, 5, "completed"), [], [0, 1, 2, 3, 4, 5]),
            # What has succeeded is kept, up to the first run that is made.
            ("sss---", (3, 5, "completed"), [], [3, 4, 5]),
            ("ss-s-s", (2, 5, "completed"), [3, 5], [2, 3, 4, 5]),
            # A run under way holds the next one only if it belongs to the backfill.
            ("sr----", (1, 5, "completed"), [], [1, 2, 3, 4, 5]),
            ("ssssss", None, [], []),
            ("sssrrr", None, [], [3, 4, 5]),
            ("srssss", None, [], [1]),
            # A run over another interval has not done its date, whatever came of it.
            ("sssxss", (3, 5, "completed"), [4, 5], [3, 4, 5]),
        ],
    )
    def test_the_first_to_be_run_takes_all_after_it_along(self, picture, create, rerun, watch):
        made = plan(picture)
        assert created(made) == create
        assert numbers(made.rerun) == rerun
        assert numbers(made.watch) == watch
        assert made.clear == ()

    @pytest.mark.parametrize("picture", ["sF----", "----F-", "sFrrrr", "sssssF"])
    def test_a_failed_run_is_not_passed_over(self, picture: str):
        with pytest.raises(BackfillError, match=r"failed before.*--rerun-failed-tasks"):
            plan(picture)

    @pytest.mark.parametrize(
        ("picture", "create", "rerun"),
        [
            ("sF----", (1, 5, "completed"), []),
            ("sFss--", (1, 5, "completed"), [2, 3]),
            ("sssFss", (3, 5, "completed"), [4, 5]),
        ],
    )
    def test_a_failed_run_takes_all_after_it_along(self, picture, create, rerun):
        made = plan(picture, rerun_failed=True)
        assert created(made) == create
        assert numbers(made.rerun) == rerun

    @pytest.mark.parametrize("option", ["rerun_failed", "reset"])
    def test_runs_held_by_a_failed_one_go_on_once_it_is_cleared(self, option: str):
        made = plan("Frrrrr", **{option: True})
        assert made.create is None
        assert numbers(made.clear) == [0]
        assert numbers(made.watch) == [0, 1, 2, 3, 4, 5]
        assert made.starts == DATES[0]

    def test_a_failed_run_at_the_end_is_cleared_in_place(self):
        made = plan("sssssF", rerun_failed=True)
        assert made.create is None
        assert numbers(made.clear) == numbers(made.watch) == [5]

    def test_reset_runs_all_again(self):
        made = plan("sssF--", reset=True)
        assert created(made) == (0, 5, "completed")
        assert numbers(made.rerun) == [0, 1, 2]
        assert numbers(made.watch) == [0, 1, 2, 3, 4, 5]


class TestWhereRunsAreIndependent:
    @pytest.mark.parametrize(
        ("picture", "options", "create", "watch"),
        [
            ("ss-F-r", {}, (2, 4, "none"), [2, 3, 4, 5]),
            ("ss-F-r", {"rerun_failed": True}, (2, 4, "failed"), [2, 3, 4, 5]),
            ("ss-F-r", {"reset": True}, (0, 4, "completed"), [0, 1, 2, 3, 4, 5]),
            ("ssssss", {}, None, []),
            ("ssssss", {"rerun_failed": True}, None, []),
            ("ssFsss", {"rerun_failed": True}, (2, 2, "failed"), [2]),
        ],
    )
    def test_each_is_taken_for_itself(self, picture, options, create, watch):
        made = plan(picture, ordered=False, **options)
        assert created(made) == create
        assert numbers(made.watch) == watch
        assert made.clear == ()


def test_the_start_of_a_plan_is_its_first_run():
    made = Plan({}, Create(DATES[2], DATES[4], Reprocess.COMPLETED), (DATES[1],), (), ())
    assert made.starts == DATES[1]
    assert Plan({}, None, (), (), ()).starts is None


def test_dates_are_written_as_the_command_line_takes_them():
    assert moment(FIRST) == "2017-02-04T22:00Z"
    assert moment(FIRST + timedelta(seconds=5)) == "2017-02-04T22:00:05Z"
    assert span(DATES[:1]) == "2017-02-04T22:00Z"
    assert span(DATES[:2]) == "2017-02-04T22:00Z and 2017-02-04T23:00Z"
    assert span(DATES) == "6 runs from 2017-02-04T22:00Z to 2017-02-05T03:00Z"


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("options", [{}, {"rerun_failed": True}, {"reset": True}])
def test_a_misplaced_run_is_mended_and_run(ordered: bool, options: dict[str, bool]):
    made = plan("sx", ordered=ordered, **options)
    assert numbers(made.mend) == [1]
    assert 1 in numbers(made.watch)
    is_created = made.create is not None and made.create.last == DATES[1]
    assert is_created == (ordered or "reset" in options)
    # What Airflow would pass over is cleared.
    assert numbers(made.clear) == ([] if is_created else [1])
