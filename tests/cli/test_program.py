"""How the program ends: errors are one line, with the mend."""

from __future__ import annotations

import pytest

from sessionize.cli import main
from sessionize.pipeline import runner
from tests.pipeline import scenario

FIRST, SECOND, THIRD, LAST = scenario.HOURS


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "--config", "absent.toml", "--hour", "2017-02-04T22"], "cannot be read"),
        (["run", "--config", "CONFIG", "--hour", "yesterday"], "is not an hour"),
        (["run", "--config", "CONFIG", "--hour", "2017-02-04T22:30"], "is not an hour"),
        (["run", "--config", "CONFIG", "--hour", "2017-02-04T21"], "before the first hour"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_1(config, capsys, arguments, says):
    assert main([config if word == "CONFIG" else word for word in arguments]) == 1
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_what_nobody_expected_is_one_line_too(config, capsys, monkeypatch):
    def fail(*_: object) -> None:
        raise RuntimeError("boom\nbang")

    monkeypatch.setattr(runner, "run_hour", fail)
    assert main(["run", "--config", config, "--hour", str(FIRST)]) == 1
    error = capsys.readouterr().err
    assert "RuntimeError: boom bang" in error
    assert error.count("\n") == 1
