"""``alerts``: what it finds, and its exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from sessionize.cli import main
from tests.pipeline import scenario

FIRST, SECOND, *_ = scenario.HOURS


def test_it_fails_as_long_as_something_is_wrong_and_the_remedies_mend_it(config, capsys):
    with Path(config).open("a") as file:
        file.write('[alerts]\nlate_after = "45m"\n')
    on_time, late = "2017-02-04T23:44Z", "2017-02-05T00:45+00:00"
    assert main(["alerts", "--config", config, "--now", on_time]) == 0
    assert capsys.readouterr().out == ""
    assert main(["alerts", "--config", config, "--now", late]) == 1
    said = capsys.readouterr().out
    assert said.startswith(f"{FIRST} to {SECOND} (2 hours) not published 45 minutes after its end")
    assert f"-s {FIRST}:00 -e {SECOND}:00" in said

    main(["run", "--config", config, "--from", str(FIRST), "--to", str(SECOND.next)])
    assert main(["alerts", "--config", config, "--now", late]) == 0
    # Without a time it is now: hours of years are late.
    assert main(["alerts", "--config", config]) == 1


@pytest.mark.parametrize("now", ["soon", "2017-02-05T00:45"])
def test_a_time_that_is_none_is_wrong_usage(config, capsys, now: str):
    with pytest.raises(SystemExit) as exit_:
        main(["alerts", "--config", config, "--now", now])
    assert exit_.value.code == 2
    assert f"--now {now} " in capsys.readouterr().err
