"""Hours run on a lake that is thrown away: nothing is written, and what is announced is so."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from sessionize.lake.storage import LocalStorage, S3Credentials
from sessionize.model.errors import ReplayError
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline
from sessionize.replay.differences import RowDifference
from sessionize.replay.look import plan_of
from sessionize.replay.rehearse import rehearse
from tests.pipeline import scenario
from tests.replay.lab import END, SHORT, STRICT, A, B, C, D, Lab, seen
from tests.replay.test_look import copy


def rehearsed(lab: Lab, hours: int = 9):  # type: ignore[no-untyped-def]
    return list(rehearse(lab.pipeline(), plan_of(lab.pipeline(), A, END), hours))


def test_nothing_is_written_and_nothing_is_left(lab: Lab, tmp_path: Path, monkeypatch, caplog):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    lab.settings = SHORT
    before = seen(lab.lake), seen(lab.raw)
    assert len(rehearsed(lab)) == 4
    assert (seen(lab.lake), seen(lab.raw)) == before
    assert list(temporary.iterdir()) == []
    assert "outdated" not in caplog.text


def test_a_lake_that_is_not_there_yet_is_not_made(empty: Lab):
    found = rehearsed(empty, 1)
    assert [one.is_new for one in found] == [True]
    assert found[0].rows["events"] == RowDifference(0, 5, added=5)
    assert not (empty.folder / "lake").exists()


def test_records_that_are_refused_now_and_those_that_are_not_any_more(lab: Lab):
    lab.settings = STRICT
    first, second, *_ = rehearsed(lab)
    assert (first.quarantined, first.readmitted) == ({"bad_inst_id": 2}, {})
    assert first.rows["quarantine"] == RowDifference(1, 3, added=2)
    assert first.rows["events"] == RowDifference(5, 3, removed=2)
    assert second.quarantined == {"bad_inst_id": 1}

    lab.run(A, B, C, D)
    lab.settings = {}
    first, *_ = rehearsed(lab)
    assert (first.quarantined, first.readmitted) == ({}, {"bad_inst_id": 2})


def test_sessions_that_are_cut_otherwise(lab: Lab):
    lab.settings = SHORT
    first, *_ = rehearsed(lab, 1)
    # a1 pauses for half an hour: what was one open session is one closed and one open.
    assert first.rows["sessions"] == RowDifference(0, 1, added=1)
    assert first.rows["open_sessions"] == RowDifference(3, 3, added=1, removed=1)
    assert (first.ids_kept, first.ids_new, first.ids_gone) == (3, 1, 0)
    assert first.rows["sessionized_events"] == RowDifference(4, 4, changed=1)
    assert first.rows["events"] == RowDifference(5, 5)
    assert not first.same_state


def test_a_column_that_is_new_changes_the_rows_that_have_a_value_in_it(lab: Lab):
    lab.settings = {"column": [{"name": "size", "field": "extra", "type": "double"}]}
    first, second, *_ = rehearsed(lab, 2)
    assert first.rows["events"] == RowDifference(5, 5)
    assert second.rows["events"] == RowDifference(4, 4, changed=1)


def test_an_hour_that_leaves_the_same_state_ends_what_is_outdated(lab: Lab):
    lab.lose_ledger(B)
    found = rehearsed(lab)
    assert [(one.hour, one.is_new) for one in found] == [(B, True), (C, False), (D, False)]
    assert all(one.is_same and one.same_state for one in found[1:])


def test_an_hour_that_would_fail_fails(lab: Lab):
    lab.settings = STRICT | {"limits": {"fail_quarantined": 0.2}}
    before = seen(lab.lake)
    with pytest.raises(ReplayError, match="over the limit of 20"):
        rehearsed(lab)
    assert seen(lab.lake) == before


def test_on_s3_nothing_is_written_either(
    landed: Path, bucket: str, s3_credentials: S3Credentials, one_client: None
):
    raw, lake = f"s3://{bucket}/raw", f"s3://{bucket}/lake"
    pipeline = Pipeline.open(scenario.config(raw, lake), s3_credentials)
    copy(LocalStorage(landed / "raw"), pipeline.raw)
    for hour in (A, B):
        run_hour(pipeline, hour)
    changed = Pipeline.open(scenario.config(raw, lake, **SHORT), s3_credentials)
    before = seen(pipeline.lake.storage)
    found = list(rehearse(changed, plan_of(changed, A, D), 9))
    assert [(one.hour, one.is_new) for one in found] == [(A, False), (B, False), (C, True)]
    assert seen(pipeline.lake.storage) == before
