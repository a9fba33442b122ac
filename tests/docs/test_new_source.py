"""The five minutes of docs/new-source.md, command by command."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from sessionize.cli import main
from sessionize.discovery import browse, fit, sample
from sessionize.discovery.proposal import COLUMNS
from sessionize.events.absent import ENOUGH
from tests.discovery import landed
from tests.docs.test_readme import snippets

PAGE = "docs/new-source.md"


def test_its_commands_run_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    landed.land(tmp_path / "raw", "ga4")
    monkeypatch.chdir(tmp_path)
    commands = [line for text in snippets(PAGE, "sh") for line in text.splitlines()]
    assert len(commands) == 6
    said = []
    for command in commands:
        words = shlex.split(command.replace("s3://clicks", str(tmp_path)))
        assert words[:3] == ["python", "-m", "sessionize"]
        lakes = [path.name for path in tmp_path.iterdir() if path.name.startswith("lake")]
        assert lakes == []  # only the last command writes
        assert main(words[3:]) == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        said.append(captured.out)
    assert "event_timestamp" in said[0]
    assert "web.toml written" in said[1]
    assert "60 records of 2 objects of 2024-03-15T00 read" in said[2]
    assert "records 60  valid 60  quarantined 0" in said[4]
    assert said[5].count("read 60  valid 60") == 2


def test_its_numbers_are_those_of_the_code() -> None:
    text = (Path(__file__).parents[2] / PAGE).read_text()
    requests, objects = browse.REQUESTS, (sample.NEWEST_HOURS + 1) * sample.OBJECTS
    for figure in (
        f"{requests} for where hours land, {requests} each",
        f"reads {objects}\nobjects at most",
        f"{sample.RECORDS} records or {sample.TEXT_BYTES >> 20} MiB",
        f"{fit.OBJECTS} objects, about {fit.RECORDS:,} records",
        f"first {ENOUGH:,} records",
        f"and {COLUMNS} in number",
    ):
        assert figure in text
