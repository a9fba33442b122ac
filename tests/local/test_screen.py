"""What is shown, on a terminal and in a log file."""

import io

import pytest
from rich.console import Console

from local.screen import Progress, Steps
from sessionize.model.hours import Hour

FIRST = Hour.parse("2017-02-04T22")
HOURS = [FIRST, FIRST.next]
TASKS = ["claim", "validate", "publish"]


def console(*, is_terminal=False):
    return Console(file=io.StringIO(), force_terminal=is_terminal, width=80, color_system=None)


def test_a_step_is_told_when_it_is_done():
    out = console()

    with Steps(out) as step:
        step("First")
        step("Second")
        step.done("3 records")

    first, second = out.file.getvalue().splitlines()
    assert first.startswith("✔")
    assert first.endswith("First")
    assert second.endswith("Second: 3 records")


def test_a_step_that_fails_is_told_as_failed():
    out = console()

    def fail():
        with Steps(out) as step:
            step("First")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert out.file.getvalue().split() == ["✖", "First"]


def test_a_log_file_gets_a_line_an_hour():
    out = console()

    with Progress(out, HOURS, TASKS) as progress:
        progress.show({}, set())
        progress.show({}, {HOURS[0]})
        progress.show({}, {*HOURS})

    assert out.file.getvalue().split("\n") == [
        "  2017-02-04T22 is done",
        "  2017-02-04T23 is done",
        "",
    ]


@pytest.mark.parametrize(
    ("states", "mark"),
    [
        ([], "·"),
        (["none"], "·"),
        (["success"], "✔"),
        (["success", "running"], "▶2"),
        (["success", "failed", "running"], "✖3"),
        (["queued", "success"], "…2"),
    ],
)
def test_a_mapped_task_is_as_far_as_its_least_instance(states, mark):
    out = console(is_terminal=True)

    with Progress(out, HOURS, TASKS) as progress:
        progress.show({HOURS[0]: {"claim": ["success"], "validate": states}}, set())

    rows = [line for line in out.file.getvalue().splitlines() if line.startswith("02-04 22h")]
    assert rows[-1].split() == ["02-04", "22h", "✔", mark, "·"]
