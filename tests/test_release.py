"""A release: one version, told in one place, and a wheel that works in an empty environment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]


def test_the_newest_entry_of_the_changelog_is_this_version():
    versions = re.findall(r"^## (\S+)", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == PROJECT["version"] == version("sessionize")


@pytest.mark.slow
def test_the_wheel_works_in_an_empty_environment(tmp_path):
    ours = ("PYTHONPATH", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if name not in ours}

    def call(*command: object) -> str:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    uv = [sys.executable, "-m", "uv"]
    call(*uv, "build", "--no-build-isolation", "--python", sys.executable, "-o", ".", REPOSITORY)
    [wheel], [sdist] = tmp_path.glob("*.whl"), tmp_path.glob("*.tar.gz")
    for package in (wheel, sdist):
        call(*uv, "venv", "--clear", "--python", sys.executable, "empty")
        python = tmp_path / "empty/bin/python"
        constraints = REPOSITORY / "requirements.txt"
        call(*uv, "pip", "install", "-q", "--python", python, "-c", constraints, package)
        sessionize = tmp_path / "empty/bin/sessionize"
        call(sessionize, "files", "--to", "home", "--force")
        config = "home/examples/ga4/pipeline.toml"
        said = call(sessionize, "run", "--config", config, "--hour", "2026-03-02T09")
        assert re.search(r"^2026-03-02T09  read [1-9]", said)
