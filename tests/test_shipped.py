"""What a release brings along: the same files from the repository and from the wheel."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sessionize.cli import main
from sessionize.model.errors import ForeignFileError
from sessionize.shipped import shipped_files, write_shipped

REPOSITORY = Path(__file__).parents[1]


def content_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_files_are_written_once(tmp_path, capsys):
    assert main(["files", "--to", str(tmp_path / "home")]) == 0
    written = content_of(tmp_path / "home")
    assert {"dags/sessionize_pipelines.py", "plugins/README.md", "examples/ga4/pipeline.toml"} <= {
        *written
    }
    assert (tmp_path / "home/dags/pipelines").is_dir()
    assert not any(path.startswith("dags/pipelines/") for path in written)
    assert f"{len(written)} files written" in capsys.readouterr().out
    assert write_shipped(tmp_path / "home") == []


def test_what_somebody_has_changed_is_replaced_only_if_they_say_so(tmp_path):
    mine = tmp_path / "dags/check_pipelines.py"
    mine.parent.mkdir()
    mine.write_text("# mine")
    with pytest.raises(ForeignFileError, match=r"check_pipelines\.py is there"):
        write_shipped(tmp_path)
    assert content_of(tmp_path) == {"dags/check_pipelines.py": b"# mine"}
    write_shipped(tmp_path, force=True)
    assert content_of(tmp_path) == dict(shipped_files())


def test_a_folder_that_cannot_be_written_is_named(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["files", "--to", str(tmp_path / "file")]) == 1
    assert "file cannot be written" in capsys.readouterr().err


def test_the_wheel_has_the_package_and_the_same_files(tmp_path):
    command = ["-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run([sys.executable, *command], cwd=REPOSITORY, check=True, capture_output=True)
    [wheel] = tmp_path.glob("sessionize-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        prefix = "sessionize/shipped/"
        shipped = {
            name.removeprefix(prefix): archive.read(name)
            for name in names
            if name.startswith(prefix)
        }
    modules = {str(path.relative_to(REPOSITORY)) for path in REPOSITORY.glob("sessionize/**/*.py")}
    assert modules <= names
    assert shipped == dict(shipped_files())
