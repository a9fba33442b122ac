"""A temporary folder is gone when it is done with, and says what is wrong with it."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from sessionize.lake.storage import LocalStorage
from sessionize.lake.temporary import temporary_folder
from sessionize.model.errors import StorageError
from tests.pipeline import scenario

COMMAND = (sys.executable, "-m", "sessionize", "run")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_it_is_gone_at_the_end(place):
    with temporary_folder() as folder:
        (folder / "file").write_text("text")
    assert [*place.iterdir()] == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_that_it_is_full_is_said_with_its_name_and_the_remedy(place, number):
    said = rf"temporary files, {place}, is full \({os.strerror(number)}\)\. Make room.*TMPDIR"
    with pytest.raises(StorageError, match=said), temporary_folder():
        raise OSError(number, os.strerror(number))
    assert [*place.iterdir()] == []


def write_on_a_full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    LocalStorage(folder).write("key", b"content")


def test_so_it_is_of_a_store_inside_it(monkeypatch):
    with pytest.raises(StorageError, match=r"temporary files.* is full"), temporary_folder() as one:
        write_on_a_full_disk(one, monkeypatch)


def test_but_not_of_a_store_elsewhere(tmp_path, monkeypatch):
    with pytest.raises(StorageError, match="lake/key cannot be written"), temporary_folder():
        write_on_a_full_disk(tmp_path / "lake", monkeypatch)


def test_other_errors_go_through():
    with pytest.raises(OSError, match="Input/output"), temporary_folder():
        raise OSError(errno.EIO, "Input/output error")
    with pytest.raises(ValueError, match="mine"), temporary_folder():
        raise ValueError("mine")


def test_that_it_cannot_be_made_is_said_too(place, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", f"{place}/gone")
    with pytest.raises(StorageError, match=r"gone, cannot be used \(No such file.*TMPDIR"):
        temporary_folder().__enter__()


@pytest.mark.parametrize("in_memory", ["1B", "1GiB"])
def test_the_command_line_says_it_in_one_line(tmp_path: Path, in_memory: str):
    """No file may be larger than a kilobyte, which the system counts as full."""
    scenario.land_all(LocalStorage(tmp_path / "raw"))
    config = tmp_path / "pipeline.toml"
    config.write_text(
        f'name = "t"\nraw = "raw"\nlake = "lake"\nstart = {scenario.START}:00:00Z\n'
        f'[run]\nin_memory = "{in_memory}"\n'
    )
    done = subprocess.run(
        [*COMMAND, "--config", str(config), "--hour", str(scenario.START)],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"the folder for temporary files, {tmp_path}, is full" in done.stderr
    assert done.stderr.count("\n") == 1
