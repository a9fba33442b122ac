"""Files in the order of machines: the same rows as a filter finds, of few row groups."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from sessionize.lake import parquet
from sessionize.lake.storage import LocalStorage
from sessionize.observe import partial
from sessionize.observe.partial import LakeFile, Reader
from sessionize.observe.scan import rows_of_machine, rows_with_event_id
from sessionize.sessions.machines import machine_hash

GROUP, GROUPS = 64, 40


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LakeFile:
    """A file of many row groups; some machines reach over several of them."""
    monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", GROUP)
    monkeypatch.setattr(partial, "SMALL", 0)
    chance = random.Random(7)
    machines = [f"m{n}" for n in range(GROUPS) for _ in range(chance.choice([1, 1, 60, 200]))]
    machines = machines[: GROUP * GROUPS]
    hashes = machine_hash(pa.array(machines))
    order = sorted(range(len(machines)), key=lambda row: hashes[row])
    table = pa.table(
        {
            "machine_id": pa.array([machines[row] for row in order]),
            "event_id": pa.array([f"e{row % 100}" for row in order]),
            "text": pa.array([chance.randbytes(300).hex() for _ in order]),
        }
    )
    written = parquet.write_parquet(tmp_path / "file", table.schema, [table], "file")
    return LakeFile("file", written.rows, written.bytes, written.sha256)


def test_a_machines_rows_are_those_that_a_filter_finds(file: LakeFile, tmp_path: Path):
    whole = pq.read_table(tmp_path / "file")
    for name in [*pc.unique(whole["machine_id"]).to_pylist(), "nobody"]:
        found = rows_of_machine(Reader(LocalStorage(tmp_path)), file, name)
        expected = whole.filter(pc.equal(whole["machine_id"], name))
        assert (found.to_pylist() if found else []) == expected.to_pylist()


def test_an_event_ids_rows_are_those_that_a_filter_finds(file: LakeFile, tmp_path: Path):
    whole = pq.read_table(tmp_path / "file")
    for name in ("e0", "e99", "nobody"):
        found = rows_with_event_id(Reader(LocalStorage(tmp_path)), file, name)
        expected = whole.filter(pc.equal(whole["event_id"], name))
        assert (found.to_pylist() if found else []) == expected.to_pylist()


def test_a_machine_costs_a_small_part_of_the_file(file: LakeFile, tmp_path: Path):
    reader = Reader(LocalStorage(tmp_path))
    assert rows_of_machine(reader, file, "nobody") is None
    work = reader.work(1)
    assert (work.files, work.hours) == (1, 1)
    assert 0 < work.bytes < file.bytes / 4


def test_a_small_file_is_read_whole_in_one_request(file: LakeFile, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(partial, "SMALL", file.bytes)
    reader = Reader(LocalStorage(tmp_path))
    rows_of_machine(reader, file, "m1")
    assert reader.work(1).bytes == file.bytes
