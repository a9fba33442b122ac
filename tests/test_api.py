"""The public names, and what asking for them costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import sessionize

HEAVY = ("numpy", "pandas", "pyarrow", "numba", "msgspec", "boto3", "airflow")
ROOT = Path(__file__).parents[1]


def loaded_by(*arguments: str) -> set[str]:
    """Return which heavy packages a process of its own has loaded when it ends."""
    script = (
        "import atexit, runpy, sys\n"
        f"atexit.register(lambda: print('LOADED', *(set(sys.modules) & set({HEAVY!r}))))\n"
        f"sys.argv = ['sessionize', *{arguments[1:]!r}]\n{arguments[0]}"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("LOADED")[2].split())


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_by("import sessionize; dir(sessionize)") == set()


def test_help_loads_nothing_heavy():
    assert loaded_by("runpy.run_module('sessionize', run_name='__main__')", "--help") == set()


def test_what_is_asked_for_is_loaded():
    assert "msgspec" in loaded_by("from sessionize import load_config")
    assert "numpy" not in loaded_by("from sessionize import load_config")


@pytest.mark.parametrize("name", sessionize.__all__)
def test_every_public_name_is_there_and_is_described(name: str):
    assert name in dir(sessionize)
    assert getattr(sessionize, name).__doc__


def test_another_name_is_no_attribute():
    with pytest.raises(AttributeError, match="no attribute 'sessionise'"):
        sessionize.sessionise  # noqa: B018


def test_the_steps_of_an_hour_go_together_as_the_package_says():
    from sessionize import Hour, State, enrich, parse_config, read_records, sessionize, validate

    config = parse_config(
        {"name": "t", "raw": "raw", "lake": "lake", "start": Hour.parse("2017-02-04T23").start}
    )
    record = (
        b'{"timestamp": 1486249200, "action": "prostarted", "inst_id": "a1b2", "_l": 2, '
        b'"build_id": "f10.3.5.34", "trialstate": "Trial"}'
    )
    hour, state = Hour.parse("2017-02-04T23"), State.empty()
    seen = []
    for records in read_records([("name", [record, b"{}"])], config.raw_fields, config.landing):
        divided = validate(records.frame, hour, config, records.kinds)
        run = sessionize(state, enrich(divided.valid, config), hour, config.session)
        state = run.state
        seen.append((len(divided.quarantine), run.open["machine_id"].to_list()))
    assert seen == [(1, ["a1"])]
    assert state.open_sessions["start_action"].to_list() == ["prostarted"]
