"""Work in progress between the stages: whole or not there, in the pieces it was written in."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from sessionize.lake.staging import (
    MemoryStaging,
    NoRoomError,
    Room,
    Staging,
    StoredStaging,
    staging_prefix,
)
from sessionize.lake.storage import LocalStorage
from sessionize.model.errors import StagingError
from sessionize.model.hours import Hour
from tests.pipeline.faults import FaultyStorage, Requests

HOUR = Hour.parse("2017-02-04T22")
SCHEMA = pa.schema([("text", pa.string()), ("few", pa.dictionary(pa.int32(), pa.string()))])


def piece(*texts: str) -> pa.Table:
    return pa.table({"text": texts, "few": pa.array(texts).dictionary_encode()}, SCHEMA)


@pytest.fixture
def folder(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path)


@pytest.fixture(params=["in memory", "in a folder", "far away"])
def staging(request: pytest.FixtureRequest, folder: LocalStorage) -> Staging:
    if request.param == "in memory":
        return MemoryStaging(Room(1 << 20))
    store = folder if request.param == "in a folder" else FaultyStorage(folder, Requests())
    return StoredStaging(store, HOUR, "work")


def test_pieces_come_back_as_they_were_written_empty_ones_too(staging: Staging):
    pieces = [piece("a", "b"), piece("c"), piece("a")]
    with staging.writing("x", SCHEMA) as writer:
        for each in pieces:
            writer.write_table(each)
        writer.write_batch(pa.RecordBatch.from_pylist([], SCHEMA))
    found = list(staging.read_batches("x"))
    assert [table.to_pylist() for table in found] == [
        *(table.to_pylist() for table in pieces),
        [],
    ]
    assert all(table.schema == SCHEMA for table in found)


def test_a_table_of_no_pieces_is_there(staging: Staging):
    with staging.writing("x", SCHEMA):
        pass
    assert list(staging.read_batches("x")) == []


def test_a_table_that_was_broken_off_is_not_there(staging: Staging):
    def break_off() -> None:
        with staging.writing("x", SCHEMA) as writer:
            writer.write_table(piece("a"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    with pytest.raises((StagingError, KeyError)):
        list(staging.read_batches("x"))


def test_the_attempt_that_ends_last_wins(staging: Staging):
    for text in ("first", "second"):
        with staging.writing("x", SCHEMA) as writer:
            writer.write_table(piece(text))
    [found] = staging.read_batches("x")
    assert found.column("text").to_pylist() == ["second"]


def test_a_record_comes_back(staging: Staging):
    staging.write_record("counts", [{"key": "é", "records": 1}])
    assert staging.read_record("counts") == [{"key": "é", "records": 1}]


class TestStored:
    def test_what_an_earlier_stage_has_not_left_is_named_with_the_remedy(self, folder):
        staging = StoredStaging(folder, HOUR, "work")
        for read in (staging.read_record, lambda name: list(staging.read_batches(name))):
            with pytest.raises(StagingError, match=r"result x is not there.*again from `claim`"):
                read("x")

    def test_work_of_another_name_does_not_meet(self, folder):
        StoredStaging(folder, HOUR, "one").write_record("x", 1)
        StoredStaging(folder, HOUR.next, "other").write_record("x", 2)
        with pytest.raises(StagingError):
            StoredStaging(folder, HOUR, "other").read_record("x")

    def test_all_work_of_an_hour_lies_under_its_prefix(self, folder):
        staging = StoredStaging(folder, HOUR, "work")
        staging.write_record("x", 1)
        with staging.writing("y", SCHEMA) as writer:
            writer.write_table(piece("a"))
        keys = [entry.key for entry in folder.list()]
        assert len(keys) == 2
        assert all(key.startswith(staging_prefix(HOUR)) for key in keys)


class TestInMemory:
    def test_tables_take_no_more_than_their_room(self):
        size = piece("a").nbytes
        staging = MemoryStaging(Room(3 * size))
        for name in ("x", "y", "z"):
            with staging.writing(name, SCHEMA) as writer:
                writer.write_table(piece("a"))
        with pytest.raises(NoRoomError), staging.writing("w", SCHEMA) as writer:
            writer.write_table(piece("a"))
