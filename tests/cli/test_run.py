"""``run`` and ``status``: what they print."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sessionize.cli import main
from sessionize.lake.storage import LocalStorage
from tests.pipeline import scenario

FIRST, SECOND, THIRD, LAST = scenario.HOURS


def test_a_range_is_half_open_and_prints_a_line_an_hour(config, capsys):
    assert main(["run", "--config", config, "--from", str(FIRST), "--to", str(THIRD)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [str(FIRST), str(SECOND)]
    assert "read 6  valid 5  quarantined 1  late 0  duplicates 1" in lines[0]


def test_an_hour_run_again_changes_nothing(config, tmp_path, capsys):
    main(["run", "--config", config, "--hour", str(FIRST)])
    lake = LocalStorage(tmp_path / "lake")
    before = {
        entry.key: (tmp_path / "lake" / entry.key).stat().st_mtime_ns for entry in lake.list()
    }
    capsys.readouterr()
    assert main(["run", "--config", config, "--hour", str(FIRST)]) == 0
    assert "(unchanged)" in capsys.readouterr().out
    after = {entry.key: (tmp_path / "lake" / entry.key).stat().st_mtime_ns for entry in lake.list()}
    assert after == before


def test_a_changed_hour_says_which_later_hours_are_outdated(config, capsys):
    main(["run", "--config", config, "--from", str(FIRST), "--to", str(LAST)])
    with Path(config).open("a") as file:
        file.write('[session]\ntimeout = "5m"\n')
    capsys.readouterr()
    assert main(["run", "--config", config, "--hour", str(FIRST)]) == 0
    assert f"run --from {SECOND} --to {LAST}" in capsys.readouterr().out

    assert main(["status", "--config", config, "--json"]) == 0
    states = [json.loads(line)["state"] for line in capsys.readouterr().out.splitlines()]
    assert states == ["done", "outdated", "outdated"]

    assert main(["run", "--config", config, "--hour", str(LAST)]) == 1
    error = capsys.readouterr().err
    assert f"Run the hours {SECOND} to {THIRD} again, in order" in error
    assert error.count("\n") == 1

    assert main(["run", "--config", config, "--from", str(SECOND), "--to", str(LAST.next)]) == 0
    capsys.readouterr()
    assert main(["status", "--config", config]) == 0
    assert capsys.readouterr().out.count(" done ") == 4


def test_an_hour_for_which_nothing_has_landed_is_seen(config, tmp_path, capsys, caplog):
    for path in (tmp_path / "raw").rglob("*-[bc]-*"):
        path.unlink()
    assert main(["run", "--config", config, "--from", str(FIRST), "--to", str(LAST.next)]) == 0
    lines = capsys.readouterr().out.splitlines()
    quiet = ["NO OBJECT HAS LANDED" in line for line in lines]
    assert quiet == [False, True, True, False]
    warnings = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert [warning.partition(". ")[0] for warning in warnings] == [
        f"{SECOND}: no object has landed for the hour; for {FIRST} 2 had",
        f"{THIRD}: no object has landed for the hour; nor for {SECOND}",
    ]
    assert f"{tmp_path}/raw/{SECOND.landing_prefix}" in warnings[0]

    main(["status", "--config", config])
    lines = capsys.readouterr().out.splitlines()[1:]
    assert ["NO OBJECT HAS LANDED" in line for line in lines] == quiet
    main(["status", "--config", config, "--json"])
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["objects"] for line in lines] == [2, 0, 0, 1]


def test_a_missing_hour_is_named(config, capsys):
    assert main(["run", "--config", config, "--hour", str(LAST)]) == 1
    error = capsys.readouterr().err
    assert f"Run {FIRST} first" in error
    assert error.count("\n") == 1


def test_a_foreign_file_in_a_partition_stops_the_run_before_anything_is_published(
    config, tmp_path, capsys
):
    foreign = LocalStorage(tmp_path / "lake")
    foreign.write(f"sessions/{FIRST.partition}/mine.parquet", b"?")
    assert main(["run", "--config", config, "--hour", str(FIRST)]) == 1
    assert "mine.parquet is not a file of this pipeline" in capsys.readouterr().err
    assert not list(foreign.list("events/"))
    assert not list(foreign.list("_runs/"))


def test_the_lake_of_another_pipeline_is_refused(config, capsys):
    assert main(["run", "--config", config, "--hour", str(FIRST)]) == 0
    text = Path(config).read_text()
    Path(config).write_text(text.replace('name = "t"', 'name = "u"'))
    assert main(["run", "--config", config, "--hour", str(FIRST)]) == 1
    assert "is the lake of another pipeline" in capsys.readouterr().err


def test_a_limit_that_is_exceeded_publishes_nothing(config, tmp_path, capsys):
    with Path(config).open("a") as file:
        file.write("[limits]\nfail_quarantined = 0.1\n")
    assert main(["run", "--config", config, "--hour", str(FIRST)]) == 1
    assert "16.7% quarantined is over the limit of 10.0%" in capsys.readouterr().err
    assert not list(LocalStorage(tmp_path / "lake").list("events/"))


@pytest.mark.parametrize(
    "options",
    [[], ["--from", "2017-02-04T22"], ["--hour", "2017-02-04T22", "--to", "2017-02-04T23"]],
)
def test_half_a_range_is_wrong_usage(config, options):
    with pytest.raises(SystemExit) as exit_:
        main(["run", "--config", config, *options])
    assert exit_.value.code == 2


def test_a_range_behind_the_last_hour_is_not_an_empty_lake(config, capsys):
    main(["run", "--config", config, "--hour", str(FIRST)])
    capsys.readouterr()
    assert main(["status", "--config", config, "--from", str(LAST)]) == 0
    said = capsys.readouterr().err
    assert said == f"The range has no hour: the last that has been run is {FIRST}.\n"
    assert main(["daily", "--config", config, "--status", "--from", "2017-02-09"]) == 0
    said = capsys.readouterr().err
    assert said == f"The range has no day: the last hour that has been run is {FIRST}.\n"
