"""Files made of shards and batches, and the ledger that counts them."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sessionize.config import PipelineConfig
from sessionize.lake.claims import Claim
from sessionize.lake.ledger import ObjectCounts
from sessionize.lake.parquet import ParquetFile
from sessionize.model.errors import LimitExceededError, UnbalancedError
from sessionize.model.schemas import DESKTOP, QUARANTINE
from sessionize.pipeline.partitions import (
    AssembledRun,
    ShardTables,
    assemble,
    staged_schemas,
    tables_of,
    write_of_batches,
    write_of_shards,
)
from sessionize.sessions.hour import sessionize
from tests.lake.test_ledger import BALANCED, LEDGER
from tests.pipeline import scenario
from tests.sessions.examples import event, landed
from tests.sessions.examples import state as state_of
from tests.sessions.rows import event_row, events_frame

HOUR = scenario.START
BEFORE = state_of(open_sessions=[[event("21:50", machine_id="a")]])
EVENTS = landed(
    [
        event("22:10", machine_id="a"),
        event("22:15", "prostarted", machine_id="a"),
        event("22:15", "prostarted", machine_id="a"),
        event("21:40", machine_id="a"),
        event("23:05", machine_id="b"),
    ],
    HOUR,
)
#: The hour before left one session of one event open.
PREVIOUS = replace(LEDGER, counts=replace(BALANCED, pending_after=0, events_open=1))
BAD = {"raw": "{", "reason": "not_json", "detail": "?", "object_key": "object", "position": 5}


def config(**settings: Any) -> PipelineConfig:
    return scenario.config("raw", "lake", **settings)


def shard_tables() -> ShardTables:
    run = sessionize(BEFORE, events_frame(EVENTS), HOUR)
    return tables_of(run, DESKTOP)


def assembled(
    folder: Path, *, quarantined: int = 1, read: int = 6, **settings: Any
) -> AssembledRun:
    """Put a run together: five valid events, one of them late, one a duplicate."""
    files, duplicates = write_of_shards([shard_tables()], DESKTOP, folder)
    events = pa.Table.from_pylist([event_row(e) for e in EVENTS], DESKTOP.events)
    quarantine = pa.Table.from_pylist([BAD] * quarantined, QUARANTINE)
    for name, table in {"events": events, "quarantine": quarantine}.items():
        files[name] = write_of_batches(name, [table], DESKTOP, folder)
    claim = Claim(HOUR, (), "settings", 1, 1)
    objects = (ObjectCounts("object", 9, read, read - quarantined, quarantined),)
    return assemble(claim, objects, PREVIOUS, config(**settings), folder, files, duplicates)


def test_a_run_is_counted_from_its_files(tmp_path: Path):
    counts = assembled(tmp_path).ledger.counts
    assert (counts.records_read, counts.valid, counts.quarantined) == (6, 5, 1)
    assert (counts.settled, counts.late, counts.duplicates, counts.pending_after) == (2, 1, 1, 1)
    assert (counts.sessions_closed, counts.sessions_open) == (1, 1)
    assert (counts.events_open_before, counts.events_closed, counts.events_open) == (1, 2, 1)


def test_the_ledger_says_why_records_and_sessions_ended_where_they_did(tmp_path: Path):
    ledger = assembled(tmp_path).ledger
    assert ledger.quarantined_by_reason == {"not_json": 1}
    assert ledger.closed_by_reason == {"opening_event": 1}
    assert ledger.watermark == "2017-02-04T23:00:00+00:00"
    assert ledger.previous_state == PREVIOUS.state_fingerprint


def test_every_file_of_the_ledger_is_there_under_its_key(tmp_path: Path):
    run = assembled(tmp_path)
    assert list(run.ledger.published) == list(DESKTOP.datasets)
    assert set(run.ledger.state) == set(DESKTOP.state)
    written = [*run.ledger.published.values(), *run.ledger.state.values()]
    assert run.files.keys() == {file.key for file in written}
    for file in written:
        assert run.files[file.key].stat().st_size == file.bytes
        assert pq.read_metadata(run.files[file.key]).num_rows == file.rows


def test_a_state_is_named_by_its_content(tmp_path: Path):
    for file in assembled(tmp_path).ledger.state.values():
        assert f"-{file.sha256[:12]}.parquet" in file.key


def test_a_run_that_does_not_add_up_is_refused(tmp_path: Path):
    with pytest.raises(UnbalancedError, match="records read"):
        assembled(tmp_path, read=7)


class TestLimits:
    def test_a_share_at_its_limit_passes(self, tmp_path):
        assembled(tmp_path, limits={"fail_quarantined": 0.5, "fail_late": 0.2})

    @pytest.mark.parametrize(
        ("limit", "says"),
        [
            ("fail_quarantined", "16.7% quarantined is over the limit of 16.0%"),
            ("fail_late", "20.0% late is over the limit of 16.0%"),
        ],
    )
    def test_a_share_above_it_fails_the_run_with_the_reasons(self, tmp_path, limit, says):
        with pytest.raises(LimitExceededError, match=f"{says}.*limits.{limit}"):
            assembled(tmp_path, limits={limit: 0.16})

    def test_what_is_in_quarantine_is_shown_since_nobody_could_look_there(self, tmp_path):
        with pytest.raises(LimitExceededError) as caught:
            assembled(tmp_path, limits={"fail_quarantined": 0.1})
        said = str(caught.value)
        assert "not_json 1" in said  # the reasons
        assert "(1 of " in said  # the worst objects
        assert "such as not_json" in said  # a record

    @pytest.mark.parametrize("limit", ["warn_quarantined", "warn_late"])
    def test_a_share_above_a_warning_is_logged(self, tmp_path, limit, caplog):
        assembled(tmp_path, limits={limit: 0.16})
        assert f"{limit.removeprefix('warn_')} is over 16.0 %" in caplog.text

    def test_an_hour_without_records_exceeds_nothing(self, tmp_path):
        files, _ = write_of_shards([], DESKTOP, tmp_path)
        for name in ("events", "quarantine"):
            files[name] = write_of_batches(name, [], DESKTOP, tmp_path)
        limits = config(limits={"fail_quarantined": 0.0, "fail_late": 0.0})
        ledger = assemble(
            Claim(HOUR, (), "settings", 1, 1), (), None, limits, tmp_path, files, 0
        ).ledger
        assert ledger.counts.records_read == ledger.counts.sessions_open == 0


class TestShards:
    def test_files_hold_the_shards_end_to_end(self, tmp_path):
        tables = shard_tables()
        files, duplicates = write_of_shards([tables, tables], DESKTOP, tmp_path)
        assert duplicates == 2 * tables.duplicates == 2
        settled = pq.read_table(tmp_path / "sessionized_events")
        assert settled.column("event_id").to_pylist() == (
            tables.tables["sessionized_events"].column("event_id").to_pylist() * 2
        )
        assert files["late_events"].rows == 2

    def test_files_have_the_published_schema_whatever_is_encoded_between_stages(self, tmp_path):
        staged = staged_schemas(DESKTOP)
        assert pa.types.is_dictionary(staged["sessionized_events"].field("action").type)
        write_of_shards([shard_tables()], DESKTOP, tmp_path)
        for name, schema in DESKTOP.datasets.items():
            if name in staged:
                assert pq.read_schema(tmp_path / name).equals(schema, check_metadata=True), name
        for name, schema in DESKTOP.state.items():
            assert pq.read_schema(tmp_path / "state" / name).equals(schema), name


def test_where_a_file_fails_no_other_is_closed_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Arrow crashes if it is."""
    has_failed = threading.Event()
    still_writing: list[bool] = []
    leave, write = ParquetFile.__exit__, ParquetFile.write

    def written(file: ParquetFile, table: pa.Table) -> None:
        if table.schema.names == list(staged_schemas(DESKTOP)["sessionized_events"].names):
            has_failed.set()
            raise OSError(28, "No space left on device")
        assert has_failed.wait(60)
        still_writing.append(True)
        time.sleep(0.2)
        write(file, table)
        still_writing.pop()

    def left(file: ParquetFile, *arguments: object) -> None:
        assert not still_writing
        leave(file, *arguments)

    monkeypatch.setattr(ParquetFile, "write", written)
    monkeypatch.setattr(ParquetFile, "__exit__", left)
    with pytest.raises(OSError, match="No space left"):
        write_of_shards([shard_tables()], DESKTOP, tmp_path)
