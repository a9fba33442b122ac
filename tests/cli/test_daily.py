"""``daily``, and what ``verify`` and ``describe`` say of days."""

from __future__ import annotations

from pathlib import Path

import pytest

from sessionize.cli import main
from tests.pipeline import scenario

FIRST, _, _, LAST = scenario.HOURS
DAYS = ["2017-02-04", "2017-02-05"]


@pytest.fixture
def ended(config: str) -> str:
    """A pipeline of four hours in two days, which are done."""
    file = Path(config)
    file.write_text(f"end = {LAST.next}:00:00Z\n{file.read_text()}")
    assert main(["run", "--config", config, "--from", str(FIRST), "--to", str(LAST.next)]) == 0
    return config


def said(capsys, *arguments: str) -> tuple[int, list[str]]:
    capsys.readouterr()
    code = main([*arguments])
    out, err = capsys.readouterr()
    return code, [*out.splitlines(), *err.splitlines()]


def test_days_are_made_shown_and_verified(ended: str, tmp_path, capsys):
    code, lines = said(capsys, "daily", "--config", ended, "--status")
    assert code == 0
    assert [line.split()[:2] for line in lines] == [[day, "missing"] for day in DAYS]
    code, lines = said(capsys, "daily", "--config", ended, "--date", DAYS[1])
    assert code == 1
    assert f"--from {DAYS[0]} --to {DAYS[1]}" in lines[0]

    everything = ("daily", "--config", ended, "--from", DAYS[0], "--to", "2017-02-06")
    code, lines = said(capsys, *everything)
    assert code == 0
    assert [line.split()[0] for line in lines] == DAYS
    _, lines = said(capsys, *everything)
    assert all(line.endswith("(unchanged)") for line in lines)
    _, lines = said(capsys, "daily", "--config", ended, "--status", "--date", DAYS[1])
    assert [line.split()[:6] for line in lines] == [[DAYS[1], *["done", "2", "of", "2", "hours"]]]

    path = tmp_path / "lake" / "machines" / f"dt={DAYS[0]}" / "part-0.parquet"
    path.write_bytes(b"")
    code, lines = said(capsys, "verify", "--config", ended)
    assert code == 1
    assert lines[-1] == f"python -m sessionize daily --config {ended} --date {DAYS[0]}"
    assert said(capsys, "verify", "--config", ended, "--from", str(LAST))[0] == 0
    assert main([*lines[-1].split()[3:]]) == 0
    assert main(["verify", "--config", ended]) == 0


def test_days_that_are_outdated_are_named(ended: str, tmp_path, capsys):
    assert main(["daily", "--config", ended, "--from", DAYS[0], "--to", "2017-02-06"]) == 0
    file = Path(ended)
    file.write_text(file.read_text() + "[session]\ntimeout = '5m'\n")
    assert main(["run", "--config", ended, "--from", str(FIRST), "--to", str(LAST.next)]) == 0
    _, lines = said(capsys, "daily", "--config", ended, "--date", DAYS[0])
    assert lines[-1] == f"later days are now outdated: run daily --from {DAYS[1]} --to 2017-02-06"
    code, lines = said(capsys, "verify", "--config", ended)
    assert code == 1
    assert f"the day {DAYS[1]} is outdated" in lines


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--from", DAYS[0]],
        ["--from", DAYS[1], "--to", DAYS[0]],
        ["--date", DAYS[0], "--to", DAYS[1]],
    ],
)
def test_wrong_usage_is_told(config: str, options: list[str]):
    with pytest.raises(SystemExit, match="2"):
        main(["daily", "--config", config, *options])


def test_where_no_hour_has_been_run_there_is_no_day(config: str, capsys):
    assert said(capsys, "daily", "--config", config, "--status") == (
        0,
        ["No hour has been run, so there is no day."],
    )


def test_days_are_described(config: str, capsys):
    _, lines = said(capsys, "describe", "--config", config)
    assert "| `session_number` | int64 |" in "\n".join(lines)
    _, lines = said(capsys, "describe", "--config", config, "--athena")
    begin = lines.index("CREATE EXTERNAL TABLE machines (")
    of_machines = lines[begin : lines.index("", begin)]
    assert "PARTITIONED BY (dt string)" in of_machines
    assert not any("hour" in line for line in of_machines)
