"""``plan``: what is said, that nothing is done, and that what is said can be typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sessionize.cli import main
from sessionize.lake.storage import LocalStorage
from tests.pipeline import scenario
from tests.replay.lab import seen

FIRST, SECOND, THIRD, LAST = scenario.HOURS
RANGE = ["--from", str(FIRST), "--to", str(LAST)]


def set_timeout(config: str) -> None:
    with Path(config).open("a") as file:
        file.write('[session]\ntimeout = "5m"\n')


@pytest.fixture
def changed(config: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Three hours, run under other settings."""
    assert main(["run", "--config", config, *RANGE]) == 0
    set_timeout(config)
    capsys.readouterr()
    return config


def test_it_says_what_it_would_do_and_does_nothing(changed, tmp_path, capsys):
    before = seen(LocalStorage(tmp_path / "lake"))
    assert main(["plan", "--config", changed, "--from", str(SECOND), "--to", str(THIRD)]) == 0
    said = capsys.readouterr().out
    assert f"{SECOND}: run again: the settings have changed since; reads 3 objects" in said
    assert f"{THIRD}: run again, unless the state of the hour before comes out as it was" in said
    assert seen(LocalStorage(tmp_path / "lake")) == before


def test_the_command_that_it_names_does_it(changed, capsys):
    main(["plan", "--config", changed, *RANGE])
    (command,) = [line for line in capsys.readouterr().out.splitlines() if " run --config" in line]
    assert main(command.split()[3:]) == 0
    capsys.readouterr()
    assert main(["plan", "--config", changed, *RANGE]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "nothing to run"


def test_a_dry_run_says_what_would_be_otherwise_and_writes_nothing(changed, tmp_path, capsys):
    before = seen(LocalStorage(tmp_path / "lake"))
    assert main(["plan", "--config", changed, *RANGE, "--dry-run-hours", "2"]) == 0
    out, err = capsys.readouterr()
    assert f"{FIRST}: leaves another state" in out
    assert "sessions            0 -> 1 rows: added 1  removed 0  changed 0" in out
    assert out.splitlines()[-1].startswith("dry run of 2 hours: nothing was written; the state is")
    assert "outdated" not in err
    assert seen(LocalStorage(tmp_path / "lake")) == before


def test_as_json_it_is_one_document(changed, capsys):
    assert main(["plan", "--config", changed, *RANGE, "--json", "--dry-run-hours", "1"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [step["step"] for step in document["steps"]] == ["RunAgain"] * 3
    assert document["run"] == {"from": str(FIRST), "to": str(LAST)}
    assert document["dry_run"][0]["rows"]["sessions"]["added"] == 1
    assert len(document["commands"]) == 2


def test_it_is_executed(changed, tmp_path, capsys):
    assert main(["plan", "--config", changed, *RANGE, "--execute"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.endswith("published")] == [
        f"{hour}  published" for hour in (FIRST, SECOND, THIRD)
    ]
    assert main(["verify", "--config", changed]) == 0
    assert main(["plan", "--config", changed, *RANGE, "--execute", "--all"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "unchanged" in line] == [
        f"{hour}  run again, unchanged" for hour in (FIRST, SECOND, THIRD)
    ]


def test_an_execution_stops_at_the_hour_that_fails(changed, capsys):
    with Path(changed).open("a") as file:
        file.write("[limits]\nfail_quarantined = 0.17\n")
    assert main(["plan", "--config", changed, *RANGE, "--execute"]) == 1
    out, err = capsys.readouterr()
    assert f"{FIRST}  published" in out
    assert f"{SECOND} has failed, and with it 2 of 3 hours are left" in err
    assert err.splitlines()[-1].endswith(f"Then plan again: {FIRST} to {LAST}.")


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--from", str(FIRST)],
        ["--from", str(SECOND), "--to", str(FIRST)],
        [*RANGE, "--dry-run-hours", "0"],
        [*RANGE, "--execute", "--json"],
        [*RANGE, "--execute", "--dry-run-hours", "1"],
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(config, options):
    with pytest.raises(SystemExit) as exit_:
        main(["plan", "--config", config, *options])
    assert exit_.value.code == 2


def test_status_names_the_hours_that_a_plan_would_run(config, capsys):
    main(["run", "--config", config, *RANGE])
    set_timeout(config)
    main(["run", "--config", config, "--hour", str(FIRST)])
    capsys.readouterr()
    main(["status", "--config", config])
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(f"2 hours have to be run, in order: run --from {SECOND} --to {LAST};")
