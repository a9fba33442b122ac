from __future__ import annotations

import sys
from pathlib import Path

import pytest

from local import shell, world
from local.shell import environment, handed_on

ENV = {"AIRFLOW_HOME": "/there", "AIRFLOW__API__BASE_URL": "http://127.0.0.1:8080"}


def test_the_environment_is_there_while_airflow_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MINE", "of the other terminal")
    with handed_on(tmp_path, {**ENV, "MINE": "of the other terminal"}):
        monkeypatch.setenv("MINE", "of this one")
        monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", "of somebody else's deployment")
        found = environment(tmp_path)
        assert found
        assert found.items() >= {**ENV, "MINE": "of this one"}.items()
        assert "AIRFLOW__CORE__DAGS_FOLDER" not in found
        (file,) = tmp_path.iterdir()
        assert file.stat().st_mode & 0o077 == 0
    assert environment(tmp_path) is None


def test_a_command_runs_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd):
    monkeypatch.setattr(world, "home", lambda: tmp_path)
    code = "import os, sys; print(os.environ['AIRFLOW_HOME']); sys.exit(3)"
    with handed_on(tmp_path, ENV):
        assert shell.main([sys.executable, "-c", code]) == 3
        assert capfd.readouterr().out == "/there\n"
    assert shell.main(["never"]) == 1
    assert "make airflow" in capfd.readouterr().out
