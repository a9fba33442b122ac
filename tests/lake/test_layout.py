from __future__ import annotations

import json
from pathlib import Path

import pytest

from sessionize.lake.layout import Lake, partition_key
from sessionize.lake.migrations import FORMAT
from sessionize.lake.storage import LocalStorage
from sessionize.model.errors import ForeignFileError, NewerFormatError
from sessionize.model.hours import Hour

HOUR = Hour.parse("2017-02-04T22")

NOT_JSON = {
    "nothing": b"",
    "null": b"null",
    "half": b'{"format": 2',
    "bytes": b"\xff\xfe\x00",
    "ten thousand lists": b"[" * 10_000 + b"]" * 10_000,
    "ten thousand objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
}
NOT_A_RECORD = {"list": b"[]", "text": b'"x"', "number": b"5", "object": b"{}", "true": b"true"}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalStorage(tmp_path / "lake"))


class TestJson:
    def test_a_document_is_read_back(self, lake):
        lake.write_json("_marks/x.json", {"a": ["é"]})
        assert lake.read_json("_marks/x.json") == {"a": ["é"]}

    def test_what_is_not_there_is_none(self, lake):
        assert lake.read_json("_marks/x.json") is None

    @pytest.mark.parametrize("content", NOT_JSON.values(), ids=NOT_JSON)
    def test_what_is_not_json_is_refused_by_its_place(self, lake, content):
        lake.storage.write("_marks/x.json", content)
        with pytest.raises(ForeignFileError, match=r"_marks/x\.json is not a record.*Restore it"):
            lake.read_json("_marks/x.json")


RAW = "s3://events/raw"


class TestMarker:
    def test_a_lake_that_was_made_from_other_objects_is_refused(self, lake):
        lake.take_possession("t", RAW)
        with pytest.raises(ForeignFileError, match=r"s3://events/raw, and `raw` is s3://other"):
            lake.take_possession("t", "s3://other")

    def test_folders_may_be_moved_together(self, tmp_path):
        (tmp_path / "here/lake").mkdir(parents=True)
        Lake(LocalStorage(tmp_path / "here/lake")).take_possession("t", str(tmp_path / "here/raw"))
        (tmp_path / "here").rename(tmp_path / "there")
        moved = Lake(LocalStorage(tmp_path / "there/lake"))
        moved.take_possession("t", str(tmp_path / "there/raw"))
        with pytest.raises(ForeignFileError, match="moved"):
            moved.take_possession("t", str(tmp_path / "raw"))

    def test_an_empty_lake_is_taken(self, lake):
        lake.take_possession("t", RAW)
        assert lake.read_json("_pipeline.json") == {"format": FORMAT, "name": "t", "raw": RAW}
        lake.take_possession("t", RAW)

    def test_the_lake_of_another_pipeline_is_refused(self, lake):
        lake.take_possession("theirs", RAW)
        with pytest.raises(ForeignFileError, match=r"another pipeline.*`lake` of its own"):
            lake.take_possession("mine", RAW)

    def test_a_lake_of_release_0_1_is_moved_to_this_format(self, lake):
        lake.write_json("_pipeline.json", {"format": 1, "name": "t"})
        lake.take_possession("t", RAW)
        assert lake.read_json("_pipeline.json") == {"format": FORMAT, "name": "t", "raw": RAW}

    def test_that_of_another_pipeline_is_not(self, lake):
        lake.write_json("_pipeline.json", {"format": 1, "name": "theirs"})
        with pytest.raises(ForeignFileError, match="another pipeline"):
            lake.take_possession("mine", RAW)
        assert lake.read_json("_pipeline.json") == {"format": 1, "name": "theirs"}

    def test_a_newer_lake_is_refused(self, lake):
        lake.write_json("_pipeline.json", {"format": FORMAT + 1, "name": "t", "more": 1})
        with pytest.raises(NewerFormatError, match=r"_pipeline\.json was written by a newer"):
            lake.take_possession("t", RAW)

    @pytest.mark.parametrize("content", [*NOT_JSON.values(), *NOT_A_RECORD.values()])
    def test_a_marker_that_is_none_is_refused_by_its_place(self, lake, content):
        lake.storage.write("_pipeline.json", content)
        with pytest.raises(ForeignFileError, match=r"_pipeline\.json is not a record"):
            lake.take_possession("t", RAW)
        assert lake.storage.read("_pipeline.json") == content


class TestLedgers:
    def test_an_hour_that_was_not_run_has_none(self, lake):
        assert lake.ledger(HOUR) is None

    @pytest.mark.parametrize("content", [*NOT_JSON.values(), *NOT_A_RECORD.values()])
    def test_a_ledger_that_is_none_is_refused_by_its_place(self, lake, content):
        lake.storage.write(f"_runs/{HOUR.partition}.json", content)
        with pytest.raises(ForeignFileError, match=rf"_runs/{HOUR.partition}\.json is not a"):
            lake.ledger(HOUR)

    def test_a_newer_ledger_is_refused(self, lake):
        lake.write_json(f"_runs/{HOUR.partition}.json", {"format": FORMAT + 1})
        with pytest.raises(NewerFormatError, match=rf"_runs/{HOUR.partition}\.json was written"):
            lake.ledger(HOUR)

    def test_done_hours_are_those_with_a_ledger_in_order(self, lake):
        for name in ("hour=23.json", "hour=22.json", "hour=22.json.bak", "hour=24.json", "x"):
            lake.storage.write(f"_runs/dt=2017-02-04/{name}", b"{}")
        assert lake.done_hours() == [HOUR, HOUR.next]


class TestMarks:
    def test_marks_are_set_and_taken_away(self, lake):
        lake.mark(HOUR, "outdated", "a test")
        lake.mark(HOUR, "interrupted", "a test")
        assert lake.marks() == {HOUR: {"outdated", "interrupted"}}
        lake.unmark(HOUR, "outdated")
        assert lake.marks() == {HOUR: {"interrupted"}}


class TestPartitions:
    def test_the_file_of_each_dataset_is_found(self, lake):
        lake.storage.write(partition_key("events", HOUR), b"12345")
        lake.storage.write(partition_key("sessions", HOUR.next), b"1")
        found = lake.partition_files(HOUR, ["events", "sessions"])
        assert {name: entry.size for name, entry in found.items()} == {"events": 5}

    def test_hidden_files_are_not_seen(self, lake):
        for name in ("_SUCCESS", ".crc"):
            lake.storage.write(f"events/{HOUR.partition}/{name}", b"")
        assert lake.partition_files(HOUR, ["events"]) == {}

    @pytest.mark.parametrize("name", ["part-1.parquet", "sub/part-0.parquet", "notes.txt"])
    def test_a_file_that_readers_would_read_too_is_refused(self, lake, name):
        lake.storage.write(f"events/{HOUR.partition}/{name}", b"")
        with pytest.raises(ForeignFileError, match=rf"{name} is not a file of this pipeline"):
            lake.partition_files(HOUR, ["sessions", "events"])


def test_records_are_written_for_people_to_read(lake):
    lake.write_json("_marks/x.json", {"hour": "2017-02-04T22", "why": "é"})
    text = lake.storage.read("_marks/x.json")
    assert json.loads(text) == {"hour": "2017-02-04T22", "why": "é"}
    assert text == '{\n "hour": "2017-02-04T22",\n "why": "é"\n}\n'.encode()
