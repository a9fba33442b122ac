"""The stages one by one: what each counts and leaves, and that it may be done again."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from sessionize.lake.storage import LocalStorage
from sessionize.model.errors import ClaimChangedError, MissingStateError, StagingError
from sessionize.pipeline import stages
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline
from tests.pipeline import scenario

FIRST, SECOND = scenario.HOURS[:2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    scenario.land_all(LocalStorage(tmp_path / "raw"))
    return tmp_path


@pytest.fixture
def pipeline(folder: Path) -> Pipeline:
    return opened(folder)


def opened(folder: Path, **settings: object) -> Pipeline:
    return Pipeline.open(scenario.config(folder / "raw", folder / "lake", **settings))


def totals(counted: list[dict[str, int]]) -> dict[str, int]:
    return {name: sum(counts[name] for counts in counted) for name in counted[0]}


def test_each_stage_counts_what_it_has_done(pipeline: Pipeline):
    claim = stages.claim(pipeline, FIRST)
    batches = range(len(claim.batches))
    assert len(batches) == claim.shards == 2
    validated = [stages.validate_batch(pipeline, FIRST, claim.id, batch) for batch in batches]
    assert validated == [
        {"records": 3, "valid": 2, "quarantined": 1},
        {"records": 3, "valid": 3, "quarantined": 0},
    ]
    enriched = [stages.enrich_batch(pipeline, FIRST, claim.id, batch) for batch in batches]
    assert enriched == [{"events": 2}, {"events": 3}]
    sessionized = [stages.sessionize_shard(pipeline, FIRST, claim.id, shard) for shard in (0, 1)]
    assert totals(sessionized) == {
        "settled": 4,
        "late": 0,
        "duplicates": 1,
        "pending": 0,
        "closed": 0,
        "open": 3,
    }
    published = stages.publish(pipeline, FIRST, claim.id)
    assert published.changed
    assert published.ledger.counts.settled == 4
    assert not list(pipeline.staging.list("_staging/"))


def test_a_stage_that_is_done_again_leaves_the_same(pipeline: Pipeline):
    claim = stages.claim(pipeline, FIRST)
    once = {}
    for attempt in range(2):
        assert stages.claim(pipeline, FIRST) == claim
        for batch in range(2):
            stages.validate_batch(pipeline, FIRST, claim.id, batch)
            stages.enrich_batch(pipeline, FIRST, claim.id, batch)
        for shard in range(2):
            stages.sessionize_shard(pipeline, FIRST, claim.id, shard)
        left = scenario.content(pipeline.staging)
        assert attempt == 0 or left == once
        once = left
    assert stages.publish(pipeline, FIRST, claim.id).changed


def test_arguments_and_results_of_stages_are_small_and_can_be_sent(pipeline: Pipeline):
    claim = stages.claim(pipeline, FIRST)
    counts = stages.validate_batch(pipeline, FIRST, claim.id, 0)
    assert pickle.loads(pickle.dumps((FIRST, claim.id, counts))) == (FIRST, claim.id, counts)
    assert len(claim.id) == 16


class TestOrder:
    @pytest.mark.parametrize("done", [0, 1, 2], ids=["claim", "validate", "enrich"])
    def test_a_stage_before_its_turn_is_refused(self, pipeline, done):
        claim = stages.claim(pipeline, FIRST)
        for stage in (stages.validate_batch, stages.enrich_batch)[:done]:
            for batch in range(2):
                stage(pipeline, FIRST, claim.id, batch)
        too_early = (
            lambda: stages.enrich_batch(pipeline, FIRST, claim.id, 0),
            lambda: stages.sessionize_shard(pipeline, FIRST, claim.id, 0),
            lambda: stages.publish(pipeline, FIRST, claim.id),
        )[done]
        with pytest.raises(StagingError, match="Run the hour again from `claim`"):
            too_early()

    def test_work_that_was_never_claimed_is_refused(self, pipeline):
        with pytest.raises(ClaimChangedError, match=str(FIRST)):
            stages.validate_batch(pipeline, FIRST, "0123456789abcdef", 0)

    def test_the_second_hour_needs_the_state_of_the_first(self, pipeline):
        stages.claim(pipeline, FIRST)
        with pytest.raises(MissingStateError, match=f"Run {FIRST} first"):
            stages.check_previous(pipeline, SECOND)


class TestChanges:
    def test_settings_that_have_changed_since_the_claim_are_noticed(self, folder, pipeline):
        claim = stages.claim(pipeline, FIRST)
        changed = opened(folder, session={"timeout": "5m"})
        with pytest.raises(ClaimChangedError, match="settings have changed"):
            stages.validate_batch(changed, FIRST, claim.id, 0)

    def test_objects_that_were_claimed_since_are_noticed(self, folder, pipeline):
        claim = stages.claim(pipeline, FIRST)
        scenario.land(pipeline.raw, FIRST, "late", [scenario.event("f6", "22:30:00")])
        assert stages.claim(pipeline, FIRST).id != claim.id
        with pytest.raises(ClaimChangedError, match="claimed objects"):
            stages.enrich_batch(pipeline, FIRST, claim.id, 0)

    def test_an_hour_without_objects_has_no_batches_and_is_published(self, tmp_path):
        (tmp_path / "raw").mkdir()
        pipeline = opened(tmp_path)
        claim = stages.claim(pipeline, FIRST)
        assert claim.batches == []
        for shard in range(claim.shards):
            stages.sessionize_shard(pipeline, FIRST, claim.id, shard)
        published = stages.publish(pipeline, FIRST, claim.id)
        assert published.ledger.counts.records_read == 0
        assert {file.rows for file in published.ledger.published.values()} == {0}


@pytest.mark.parametrize("records", [999, 2500])
def test_a_column_that_no_record_has_is_warned_of_once_an_hour(tmp_path, caplog, records):
    raw = LocalStorage(tmp_path / "raw")
    for number in range(2):
        rows = (scenario.event("a1", "22:10:00", n=number) for number in range(records))
        text = "\n".join(map(json.dumps, rows))
        raw.write(f"{FIRST.landing_prefix}o{number}", text.encode())
    column = [{"name": "n", "field": "n"}, {"name": "m", "field": "n.m"}]
    pipeline = opened(tmp_path, column=column, limits={"fail_quarantined": 1.0})
    run_hour(pipeline, FIRST)
    warnings = [entry.getMessage() for entry in caplog.records if entry.levelname == "WARNING"]
    assert warnings == (
        []
        if records < 1000
        else [
            f"{FIRST}: [[column]] m names `n.m`, which none of the first 2,500 records has: mend "
            "the path, or take it out"
        ]
    )
