from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sessionize.lake.storage import LocalStorage
from sessionize.model.errors import ObjectGoneError, StorageError
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


class TestWhatIsNoPlainFile:
    """Files are objects; links inside the folder are followed; nothing is left out in silence."""

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        (tmp_path / "root" / "h").mkdir(parents=True)
        (tmp_path / "root" / "h" / "a").write_bytes(b"text")
        return tmp_path / "root"

    @pytest.fixture
    def store(self, root: Path) -> LocalStorage:
        return LocalStorage(root)

    def test_pipes_and_sockets_are_passed_by_with_a_warning(self, store, root, caplog):
        os.mkfifo(root / "h" / "pipe")
        with socket.socket(socket.AF_UNIX) as server:
            here = Path.cwd()
            os.chdir(root / "h")  # the path of a socket may be no longer than 108 bytes
            server.bind("socket")
            os.chdir(here)
            assert keys(store) == ["h/a"]
        assert f"{root}/h/pipe is neither file nor folder" in caplog.text
        assert f"{root}/h/socket is neither file nor folder" in caplog.text

    def test_a_pipe_is_not_waited_for(self, store, root):
        os.mkfifo(root / "h" / "pipe")
        with pytest.raises(ObjectGoneError, match="h/pipe is no longer there"):
            list(store.stream("h/pipe"))
        assert store.read("h/pipe") is None

    def test_a_name_that_is_not_utf_8_is_an_error_that_shows_it(self, store, root):
        Path(os.fsdecode(os.fsencode(root) + b"/h/b\xff")).write_bytes(b"")
        with pytest.raises(StorageError, match=r"h/b\\xff is not UTF-8.*Rename it") as caught:
            keys(store)
        str(caught.value).encode()

    def test_so_is_that_of_a_folder_but_not_where_nothing_is_looked_for(self, store, root):
        Path(os.fsdecode(os.fsencode(root) + b"/other\xff")).mkdir()
        assert keys(store, "h/") == ["h/a"]
        with pytest.raises(StorageError, match=r"other\\xff is not UTF-8"):
            keys(store)

    def test_a_link_that_leads_nowhere_is_an_error_that_names_it(self, store, root):
        (root / "h" / "b").symlink_to("gone")
        with pytest.raises(StorageError, match=r"h/b is a link to what is not there.*Restore"):
            keys(store)
        (root / "h" / "b").rename(root / "g")
        assert keys(store, "h/") == ["h/a"]
        with pytest.raises(StorageError, match="root/g is a link to what is not there"):
            keys(store, "g/2017/")

    def test_a_hidden_one_is_some_editor_s(self, store, root):
        (root / "h" / ".#a").symlink_to("user@machine.1234")
        assert keys(store) == ["h/a"]

    def test_links_inside_the_folder_are_followed(self, store, root):
        (root / "h" / "b").symlink_to("a")
        (root / "g").symlink_to("h")
        assert keys(store) == ["g/a", "g/b", "h/a", "h/b"]
        assert keys(store, "g/") == ["g/a", "g/b"]
        assert [entry.size for entry in store.list("g/")] == [4, 4]
        assert b"".join(store.stream("g/b")) == b"text"

    def test_the_folder_itself_may_be_a_link(self, store, root, tmp_path):
        (tmp_path / "link").symlink_to(root)
        linked = LocalStorage(tmp_path / "link")
        assert keys(linked) == ["h/a"]
        assert b"".join(linked.stream("h/a")) == b"text"

    @pytest.mark.parametrize("prefix", ["", "g/", "g/2017"])
    def test_a_link_out_of_the_folder_is_an_error(self, store, root, tmp_path, prefix):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "secret").write_bytes(b"")
        (root / "g").symlink_to(tmp_path / "out")
        with pytest.raises(StorageError, match=f"root/g.* link out of .* leads to {tmp_path}/out"):
            keys(store, prefix)
        with pytest.raises(StorageError, match="link out of"):
            list(store.stream("g/secret"))

    def test_so_is_a_file_s(self, store, root):
        (root / "h" / "b").symlink_to("/etc/passwd")
        with pytest.raises(StorageError, match=r"h/b is.* link out of .*Move what it leads to"):
            keys(store)
        with pytest.raises(StorageError, match="link out of"):
            list(store.stream("h/b"))

    def test_links_in_rings_are_an_error(self, store, root):
        (root / "g").mkdir()
        (root / "g" / "x").symlink_to("../h")
        (root / "h" / "y").symlink_to("../g")
        with pytest.raises(StorageError, match="is a link to a folder that it lies in"):
            keys(store)

    def test_a_link_to_itself_is_named(self, store, root):
        (root / "h" / "b").symlink_to("b")
        with pytest.raises(StorageError, match="h/b"):
            keys(store)
