"""What is found in a lake and among its objects; nothing is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sessionize.lake.claims import claim_objects
from sessionize.lake.layout import Lake
from sessionize.lake.storage import LocalStorage, S3Credentials, S3Storage
from sessionize.model.errors import IntervalError
from sessionize.model.hours import Hour
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline
from sessionize.replay.look import plan_of
from sessionize.replay.plan import Plan
from sessionize.replay.steps import Blocked, Gap, Reason, RunAgain, RunIfOutdated
from tests.pipeline import scenario
from tests.replay.lab import END, SHORT, A, B, C, D, Lab, seen


def said(plan: Plan) -> list[tuple[str, Hour]]:
    return [(type(step).__name__, step.hour) for step in plan.steps]


def all_of(lab: Lab, **options: object) -> Plan:
    return plan_of(lab.pipeline(), A, END, **options)  # type: ignore[arg-type]


def test_a_lake_in_order_is_left_alone_and_nothing_is_written(lab: Lab):
    before = seen(lab.lake)
    assert said(all_of(lab)) == [("LeaveAlone", hour) for hour in (A, B, C, D)]
    assert seen(lab.lake) == before


def test_an_empty_lake_is_run_from_its_first_hour(empty: Lab):
    plan = plan_of(empty.pipeline(), B, C)
    assert said(plan) == [("RunHour", A), ("RunHour", B)]
    assert plan.work(if_outdated=False).uncounted == 5
    assert not (empty.folder / "lake").exists()


def test_an_object_that_landed_late_is_a_reason_for_its_own_hour(lab: Lab):
    lab.land(B, "late", "23:50:00")
    plan = all_of(lab)
    assert said(plan)[:2] == [("LeaveAlone", A), ("RunAgain", B)]
    step = plan.steps[1]
    assert isinstance(step, RunAgain)
    assert step.reasons == (Reason.NEW_OBJECTS,)
    assert (step.work.objects, step.work.uncounted) == (4, 1)
    assert [type(later) for later in plan.steps[2:]] == [RunIfOutdated, RunIfOutdated]


def test_one_of_an_earlier_hour_is_claimed_by_the_first_that_is_run(lab: Lab):
    lab.land(A, "late", "22:50:00")
    plan = plan_of(lab.pipeline(), C, D)
    assert said(plan) == [("RunAgain", C), ("RunIfOutdated", D)]


def test_a_straggler_that_a_later_run_has_claimed_is_nobodys_reason(lab: Lab):
    lab.lose_ledger(D)
    lab.land(B, "late", "23:50:00")
    lab.run(D)
    assert said(all_of(lab)) == [("LeaveAlone", hour) for hour in (A, B, C, D)]


def test_one_that_an_hour_behind_those_looked_at_has_claimed_is_not_free(lab: Lab):
    lab.land(A, "late", "22:50:00")
    lab.run(END)
    plan = plan_of(lab.pipeline(), A, B, later_hours=0)
    assert said(plan) == [("LeaveAlone", A)]


def test_a_note_of_a_run_that_died_holds_for_the_hour_itself_and_not_for_later_ones(lab: Lab):
    lab.land(B, "late", "23:50:00")
    key = f"{B.landing_prefix}stream-1-late"
    Lake(lab.lake).write_json(f"_claims/{B.partition}.stragglers-of-{C}.json", [key])
    assert said(all_of(lab)) == [
        ("LeaveAlone", A),
        ("LeaveAlone", B),
        ("RunAgain", C),
        ("RunIfOutdated", D),
    ]
    # As the claims have it.
    config = lab.pipeline().config
    claims = [claim_objects(lab.raw, Lake(lab.lake), hour, config) for hour in (A, B, C)]
    assert [key in {entry.key for entry in claim.objects} for claim in claims] == [
        False,
        False,
        True,
    ]


def test_an_object_that_was_replaced_is_read_again(lab: Lab):
    lab.land(C, "c-1", "00:10:00")
    (step, *_) = plan_of(lab.pipeline(), C, D).steps
    assert isinstance(step, RunAgain)
    assert step.reasons == (Reason.REPLACED,)


def test_an_object_that_is_gone_blocks_only_what_has_to_be_run(lab: Lab):
    lab.lose_object(B, "b-1")
    assert said(all_of(lab)) == [("LeaveAlone", hour) for hour in (A, B, C, D)]
    lab.settings = SHORT
    (blocked,) = all_of(lab).blocked
    assert blocked == Blocked(B, (Reason.SETTINGS,), (f"{B.landing_prefix}stream-1-b-1",))


def test_one_that_is_gone_behind_the_hours_that_were_asked_for_is_seen(lab: Lab):
    lab.lose_object(D, "d-1")
    lab.settings = SHORT
    (blocked,) = plan_of(lab.pipeline(), A, B).blocked
    assert (blocked.hour, blocked.reasons) == (D, ())


def test_a_gap_before_the_hours_is_filled_first(lab: Lab):
    lab.lose_ledger(B)
    lab.lose_ledger(C)
    plan = plan_of(lab.pipeline(), D, END)
    assert plan.steps[0] == Gap(B, D)
    assert said(plan)[1:] == [("RunHour", B), ("RunHour", C), ("RunIfOutdated", D)]


def test_an_hour_that_was_interrupted_is_run_first(lab: Lab):
    Lake(lab.lake).mark(B, "interrupted", "a test")
    plan = plan_of(lab.pipeline(), D, END)
    assert said(plan) == [("RunAgain", B), ("RunIfOutdated", C), ("RunIfOutdated", D)]


def test_hours_upon_another_state_are_run_and_those_behind_them_if_need_be(lab: Lab):
    lab.run(A, **SHORT)
    plan = plan_of(lab.pipeline(), B, END)
    assert said(plan) == [("RunAgain", B), ("RunIfOutdated", C), ("RunIfOutdated", D)]
    step = plan.steps[0]
    assert isinstance(step, RunAgain)
    assert step.reasons == (Reason.OUTDATED,)


def test_no_more_than_asked_for_is_looked_at_behind(lab: Lab):
    lab.settings = SHORT
    plan = plan_of(lab.pipeline(), A, B, later_hours=1)
    assert [step.work is None for step in plan.runs] == [False, False, True, True]
    assert plan.unseen == 2


def test_of_hours_behind_that_are_not_looked_at_nothing_is_read(lab: Lab):
    class Reads(LocalStorage):
        def read_version(self, key: str) -> tuple[bytes | None, str]:
            read.add(key)
            return super().read_version(key)

    read: set[str] = set()
    pipeline = replace(lab.pipeline(), lake=Lake(Reads(lab.folder / "lake")))
    plan_of(pipeline, B, C, later_hours=0)
    assert read == {
        *(f"_runs/{hour.partition}.json" for hour in (A, B)),
        *(f"_claims/{hour.partition}.json" for hour in (A, B)),
    }


@pytest.mark.parametrize(("first", "end"), [(B, B), (B, A), (A.previous, B)])
def test_a_range_without_hours_and_one_before_the_start_are_refused(lab: Lab, first, end):
    with pytest.raises(IntervalError):
        plan_of(lab.pipeline(), first, end)


def test_on_s3_a_replaced_object_is_told_by_its_etag(
    landed: Path, bucket: str, s3_credentials: S3Credentials, one_client: None
):
    config = scenario.config(f"s3://{bucket}/raw", f"s3://{bucket}/lake")
    pipeline = Pipeline.open(config, s3_credentials)
    copy(LocalStorage(landed / "raw"), pipeline.raw)
    for hour in (A, B):
        run_hour(pipeline, hour)
    before = seen(pipeline.lake.storage)
    assert said(plan_of(pipeline, A, C)) == [("LeaveAlone", A), ("LeaveAlone", B)]
    key = f"{B.landing_prefix}stream-1-b-1"
    content = pipeline.raw.read(key)
    assert content
    pipeline.raw.write(key, bytes(len(content)))
    plan = plan_of(pipeline, A, C)
    assert said(plan) == [("LeaveAlone", A), ("RunAgain", B)]
    assert isinstance(plan.steps[1], RunAgain)
    assert plan.steps[1].reasons == (Reason.REPLACED,)
    assert seen(pipeline.lake.storage) == before


def copy(source: LocalStorage, target: S3Storage) -> None:
    for entry in source.list():
        target.write(entry.key, source.read(entry.key) or b"")
