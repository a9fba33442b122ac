"""What Amazon MWAA takes is made, and refuses to run where it is not what was installed."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from local import mwaa
from local.environment import REPOSITORY
from local.errors import LocalError

VERSION = metadata.version("sessionize")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build") / "mwaa"
    mwaa.build(folder, REPOSITORY / "dags" / "pipelines")
    return folder


def test_it_is_all_that_mwaa_takes(package: Path):
    assert {path.name for path in package.iterdir()} == {
        *("dags", "plugins.zip", "requirements.txt", "startup.sh")
    }
    for source in (REPOSITORY / "dags").rglob("*.*"):
        if "__pycache__" not in source.parts:
            assert (package / source.relative_to(REPOSITORY)).is_file()


def test_the_wheel_that_is_required_is_in_the_archive(package: Path):
    wheel = f"sessionize-{VERSION}-py3-none-any.whl"
    plugins = {path.name for path in (REPOSITORY / "plugins").glob("*.py")}
    with zipfile.ZipFile(package / "plugins.zip") as archive:
        assert {*archive.namelist()} == {wheel, *plugins}
    lines = (package / "requirements.txt").read_text().splitlines()
    assert f"/usr/local/airflow/plugins/{wheel}" in lines
    [constraint] = [line for line in lines if line.startswith("--constraint ")]
    assert constraint.endswith(f'/constraints-{mwaa.AIRFLOW}/constraints-{mwaa.PYTHON}.txt"')
    pinned = {line.partition("==")[0] for line in lines if "==" in line}
    assert pinned == {"isal", "llvmlite", "numba"}
    assert "plotly>=7.1" in lines


def test_the_same_repository_gives_the_same_archive(package: Path, tmp_path: Path):
    mwaa.build(tmp_path / "again", REPOSITORY / "dags" / "pipelines")
    again = (tmp_path / "again/plugins.zip").read_bytes()
    assert again == (package / "plugins.zip").read_bytes()


def test_the_startup_script_says_which_release_it_is_of(package: Path):
    command = f'. {package / "startup.sh"}; echo "$SESSIONIZE_RELEASE"'
    environment = os.environ | {"MWAA_AIRFLOW_COMPONENT": "scheduler"}
    said = subprocess.run(["sh", "-euc", command], env=environment, capture_output=True, text=True)
    assert said.stdout == f"{VERSION}\n"
    assert said.stderr == ""


def test_without_a_pipeline_nothing_is_made(tmp_path: Path):
    with pytest.raises(LocalError, match="has no pipeline file"):
        mwaa.build(tmp_path / "mwaa", tmp_path)
    assert not (tmp_path / "mwaa").exists()


class TestCheck:
    """The check that stands in front of each DAG file, where MWAA would run it."""

    @pytest.fixture
    def environment(self, package: Path, monkeypatch: pytest.MonkeyPatch):
        """What there should be; a test changes one of it."""
        versions = {"sessionize": VERSION, "apache-airflow": mwaa.AIRFLOW}

        def version(name: str) -> str:
            if name not in versions:
                raise metadata.PackageNotFoundError(name)
            return versions[name]

        monkeypatch.setattr(metadata, "version", version)
        monkeypatch.setattr(sys, "version_info", _Version(3, 12))
        monkeypatch.setenv("SESSIONIZE_RELEASE", VERSION)
        return versions

    @pytest.mark.parametrize("name", ["sessionize_pipelines.py", "check_pipelines.py"])
    def test_it_stands_in_front_of_each_dag_file(self, package: Path, environment, name: str):
        environment["sessionize"] = "0.0.1"
        code = (package / "dags" / name).read_text()
        assert code.index("raise RuntimeError") < code.index("from sessionize")
        with pytest.raises(RuntimeError, match=f"sessionize is 0.0.1, not {VERSION}"):
            exec(compile(code, name, "exec"), {})

    def check(self, package: Path) -> None:
        code = (package / "dags" / "check_pipelines.py").read_text()
        exec(code[: code.index("from pathlib")], {})

    def test_where_all_is_as_it_should_be_it_says_nothing(self, package: Path, environment):
        self.check(package)

    def test_a_package_that_could_not_be_installed(self, package: Path, environment):
        del environment["sessionize"]
        with pytest.raises(RuntimeError, match=f"sessionize {VERSION} is not installed"):
            self.check(package)

    def test_another_airflow(self, package: Path, environment):
        environment["apache-airflow"] = "3.2.1"
        with pytest.raises(RuntimeError, match=r"apache-airflow is 3\.2\.1, not 3\.3"):
            self.check(package)

    def test_another_patch_of_airflow_will_do(self, package: Path, environment):
        environment["apache-airflow"] = "3.3.9"
        self.check(package)

    def test_another_python(self, package: Path, environment, monkeypatch):
        monkeypatch.setattr(sys, "version_info", _Version(3, 11))
        with pytest.raises(RuntimeError, match=r"not 3\.12"):
            self.check(package)

    def test_mwaa_serverless_which_runs_no_startup_script(self, package, environment, monkeypatch):
        monkeypatch.delenv("SESSIONIZE_RELEASE")
        with pytest.raises(RuntimeError, match="MWAA Serverless"):
            self.check(package)


class _Version(tuple[int, ...]):
    """As `sys.version_info`, which cannot be made."""

    def __new__(cls, *numbers: int) -> _Version:
        return super().__new__(cls, numbers)

    @property
    def major(self) -> int:
        return self[0]

    @property
    def minor(self) -> int:
        return self[1]
