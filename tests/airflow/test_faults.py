from __future__ import annotations

import pytest

from sessionize.airflow.faults import lines_of, telling
from sessionize.model.errors import ConfigError, MissingStateError

COMMAND = "airflow dags backfill sessionize_nitro -s 2017-02-04T22:00 -e 2017-02-05T03:00"


def test_fault_and_remedy_stand_in_short_lines_of_their_own():
    fault = " ".join(["2017-02-04T23 cannot be run before 2017-02-04T22"] * 5)
    lines = list(lines_of(MissingStateError(fault, "Run 2017-02-04T22 first.")))
    assert [line[:8] for line in lines] == ["FAULT   ", " " * 8, " " * 8, "REMEDY  "]
    assert all(len(line) <= 96 for line in lines)
    assert " ".join(line[8:] for line in lines[:-1]) == fault
    assert lines[-1] == "REMEDY  Run 2017-02-04T22 first."


def test_what_is_to_be_copied_is_not_cut():
    url = "s3://events/" + "long-folder/" * 20
    lines = list(lines_of(ConfigError(f"nothing is in {url}", "Mend it.")))
    assert f"        {url}" in lines


def test_the_lines_of_a_fault_stay_lines():
    assert list(lines_of(ConfigError("a.toml: wrong\nb.toml: wrong", "Mend them."))) == [
        "FAULT   a.toml: wrong",
        "        b.toml: wrong",
        "REMEDY  Mend them.",
    ]


def test_a_task_tells_and_fails_with_the_same_error(caplog: pytest.LogCaptureFixture):
    error = MissingStateError("it is missing", "Run it.")

    @telling
    def task(hour: str) -> None:
        raise error

    with pytest.raises(MissingStateError) as raised:
        task("2017-02-04T23")
    assert raised.value is error
    assert caplog.messages == ["FAULT   it is missing", "REMEDY  Run it."]


def test_other_errors_pass(caplog: pytest.LogCaptureFixture):
    @telling
    def task() -> None:
        raise MemoryError

    with pytest.raises(MemoryError):
        task()
    assert caplog.messages == []
