from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sessionize.lake.storage import LocalStorage
from sessionize.model.errors import StorageError
from tests.lake.storage.helpers import fill, keys, set_chunk


class TestLocalStorage:
    def test_a_folder_that_is_not_there_fails_the_check(self, tmp_path):
        with pytest.raises(StorageError, match=r"absent is not a folder\. Create it"):
            LocalStorage(tmp_path / "absent").check()

    def test_a_listing_does_not_look_into_folders_that_cannot_hold_its_keys(
        self, folder, tmp_path, monkeypatch
    ):
        fill(folder, ["a/2017-01/x", "a/2017-02/x", "a/2017-02/y/z", "a/2018/x", "b/x"])
        looked = []
        scandir = os.scandir
        monkeypatch.setattr(
            "os.scandir", lambda path: looked.append(Path(path).name) or scandir(path)
        )
        assert keys(folder, "a/2017-02") == ["a/2017-02/x", "a/2017-02/y/z"]
        assert looked == ["a", "2017-02", "y"]

    @pytest.fixture(params=["nameless", "named"])
    def aside(self, request, monkeypatch) -> None:
        """Not every system has files that have no name while they are written."""
        if request.param == "named":
            monkeypatch.delattr("os.O_TMPFILE")

    @pytest.mark.usefixtures("aside")
    def test_a_write_replaces_the_object_on_every_system(self, folder, tmp_path):
        folder.write("a/key", b"before")
        folder.write("a/key", b"after")
        assert folder.read("a/key") == b"after"
        assert [path.name for path in (tmp_path / "a").iterdir()] == ["key"]

    @pytest.mark.usefixtures("aside")
    def test_a_failed_write_leaves_the_object_as_it_was(self, folder, tmp_path, monkeypatch):
        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        folder.write("a/key", b"before")
        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(StorageError, match=r"No space left on device.*disk not full"):
            folder.write("a/key", b"after")
        assert folder.read("a/key") == b"before"
        assert [path.name for path in (tmp_path / "a").iterdir()] == ["key"]

    def test_a_reader_keeps_the_object_that_it_opened(self, folder, monkeypatch):
        set_chunk(monkeypatch, 3)
        folder.write("key", b"before")
        chunks = folder.stream("key")
        first = next(chunks)
        folder.write("key", b"AFTER!")
        assert first + b"".join(chunks) == b"before"

    def test_a_write_that_was_killed_leaves_nothing_that_is_listed(self, folder, tmp_path):
        folder.write("key", b"")
        (tmp_path / ".sessionize-0123").write_bytes(b"half")
        assert keys(folder) == ["key"]

    def test_a_delete_takes_away_the_folders_that_it_empties(self, folder, tmp_path):
        fill(folder, ["a/b/c/d", "a/e"])
        folder.delete("a/b/c/d")
        assert [path.name for path in (tmp_path / "a").iterdir()] == ["e"]
        folder.delete("a/e")
        assert tmp_path.is_dir()
        assert list(tmp_path.iterdir()) == []

    def test_a_file_in_the_way_of_a_folder_is_an_error_with_a_remedy(self, folder):
        folder.write("a", b"")
        with pytest.raises(StorageError, match=r"a/b cannot be written .*Check that the folder"):
            folder.write("a/b", b"")


WRITER = """
import os, sys, time
from sessionize.lake.storage import LocalStorage
if hasattr(os, "O_TMPFILE"):
    del os.O_TMPFILE
with LocalStorage(sys.argv[1])._aside() as (file, path):
    file.write(b"half")
    file.flush()
    print(path, flush=True)
    time.sleep(600)
"""


class TestTidy:
    """Where files need a name while they are written, the dead and the living are told apart."""

    def test_only_what_the_dead_have_left_is_removed(self, folder, tmp_path):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        try:
            aside = Path(writer.stdout.readline().strip())
            folder.tidy()
            folder.write("key", b"one")
            folder.write("key", b"two")
            assert aside.read_bytes() == b"half"
            assert keys(folder) == ["key"]
        finally:
            writer.kill()
            writer.communicate()
        assert aside.exists()
        folder.tidy()
        assert [path.name for path in tmp_path.iterdir()] == ["key"]

    def test_a_write_in_place_of_an_object_tidies_too(self, folder, tmp_path):
        folder.write("key", b"one")
        (tmp_path / ".sessionize-tmp").mkdir()
        (tmp_path / ".sessionize-tmp" / "dead").write_bytes(b"half")
        folder.write("key", b"two")
        assert [path.name for path in tmp_path.iterdir()] == ["key"]

    def test_where_there_is_nothing_to_tidy_nothing_is_made(self, tmp_path):
        LocalStorage(tmp_path / "absent").tidy()
        assert not (tmp_path / "absent").exists()
