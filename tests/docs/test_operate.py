"""The commands of docs/operate.md that need no Airflow are understood."""

from __future__ import annotations

import pytest

from sessionize.cli import main

from .test_readme import snippets

COMMANDS = [
    line.removeprefix("python -m sessionize ")
    for text in snippets("docs/operate.md", "sh")
    for line in text.splitlines()
    if line.startswith("python -m sessionize ")
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_understood(command: str, monkeypatch: pytest.MonkeyPatch, tmp_path, capsys):
    """It gets as far as the pipeline file, which is not there."""
    monkeypatch.chdir(tmp_path)
    assert main(command.split()) == 1
    assert "cannot be read" in capsys.readouterr().err
