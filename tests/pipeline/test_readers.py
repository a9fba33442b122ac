"""A reader of a partition that is being replaced sees the old rows or the new, never nothing."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sessionize.lake.storage import LocalStorage, S3Credentials, Storage, open_storage
from sessionize.pipeline.stages import Pipeline
from tests.pipeline import scenario
from tests.pipeline.test_crashes import CHANGED, run

FIRST, HOUR = scenario.HOURS[:2]
PARTITION = f"sessions/{HOUR.partition}/"
TURNS = 2


@pytest.fixture(params=["folder", "s3"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, S3Credentials | None]:
    if request.param == "folder":
        return str(tmp_path), None
    bucket = request.getfixturevalue("bucket")
    return f"s3://{bucket}", request.getfixturevalue("s3_credentials")


def listed_and_read(lake: Storage) -> tuple[str, ...]:
    """Read the partition as a Hive reader does: all visible files that a listing shows."""
    tables = []
    for entry in lake.list(PARTITION):
        content = lake.read(entry.key)
        assert content is not None, f"{entry.key} was listed, and is gone"
        tables.append(pq.read_table(io.BytesIO(content)))
    return tuple(pa.concat_tables(tables).column("session_id").to_pylist()) if tables else ()


def test_a_reader_sees_the_old_rows_or_the_new(
    places: tuple[str, S3Credentials | None], tmp_path: Path
) -> None:
    url, credentials = places
    raw = open_storage(f"{url}/raw", credentials)
    scenario.land_all(raw)

    def pipeline(**settings: object) -> Pipeline:
        config = scenario.config(f"{url}/raw", f"{url}/lake", **settings)
        staging = LocalStorage(tmp_path / "staging", durable=False)
        return Pipeline.open(config, credentials, staging)

    versions = []
    lake = open_storage(f"{url}/lake", credentials)
    run(pipeline(), FIRST)
    for settings in ({}, CHANGED):
        run(pipeline(**settings), HOUR)
        versions.append(listed_and_read(lake))
    assert versions[0] != versions[1]
    assert all(versions)

    seen: list[tuple[str, ...]] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append(listed_and_read(lake))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for turn in range(TURNS):
            run(pipeline(**(CHANGED if turn % 2 else {})), HOUR)
    finally:
        done.set()
        reader.join()
    assert set(seen) == set(versions)


def test_a_reader_of_a_folder_keeps_the_file_that_it_has_opened(tmp_path: Path) -> None:
    scenario.land_all(open_storage(str(tmp_path / "raw")))

    def pipeline(**settings: object) -> Pipeline:
        return Pipeline.open(scenario.config(tmp_path / "raw", tmp_path / "lake", **settings))

    run(pipeline(), FIRST)
    run(pipeline(), HOUR)
    [path] = (tmp_path / "lake" / PARTITION).iterdir()
    with path.open("rb") as opened:
        run(pipeline(**CHANGED), HOUR)
        old, new = pq.read_table(opened), pq.read_table(path)
    assert len(old) == 1
    assert len(new) == 3
