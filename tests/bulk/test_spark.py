from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sessionize.bulk import spark
from sessionize.cli import main
from sessionize.model.errors import SparkError
from tests.pipeline import scenario


def test_without_pyspark_it_says_how_to_have_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(SparkError, match=r"PySpark is not installed.*pip install 'pyspark>=4,<5'"):
        spark.session().__enter__()


@pytest.mark.parametrize("home", ["", "/nowhere"])
def test_without_java_it_says_how_to_have_it(monkeypatch, tmp_path: Path, home: str):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("JAVA_HOME", home)
    with pytest.raises(SparkError, match=r"Java is not there.*Install Java 17 or 21") as caught:
        spark._check_java()
    assert home in caught.value.fault


@pytest.fixture
def config(tmp_path: Path) -> list[str]:
    """The command over an hour."""
    file = tmp_path / "t.toml"
    file.write_text(f'name = "t"\nraw = "r"\nlake = "l"\nstart = {scenario.START}:00:00Z\n')
    hours = ["--from", str(scenario.START), "--to", str(scenario.HOURS[1])]
    return ["bulk", "--config", str(file), *hours]


def test_the_command_line_says_so_in_one_line(monkeypatch, config: list[str], capsys):
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    assert main(config) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("sessionize: PySpark is not installed")


@pytest.mark.parametrize(
    ("given", "tried"),
    [
        ("local", "local[1,4]"),
        ("local[2]", "local[2,4]"),
        ("local[*]", "local[*,4]"),
        ("local[2,1]", "local[2,1]"),
        ("spark://host:7077", "spark://host:7077"),
    ],
)
def test_tasks_on_this_machine_are_tried_more_than_once(given: str, tried: str):
    assert spark._with_tries(given) == tried


@pytest.mark.slow
def test_a_master_that_is_not_there_is_said_so(needs_spark: None, config: list[str]):
    run = subprocess.run(
        [sys.executable, "-m", "sessionize", *config, "--master", "nonsense://host"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1].startswith("sessionize: Spark does not start: ")
