from __future__ import annotations

import re

import pytest

from sessionize.bulk.failures import TaskError, error_in, marked
from sessionize.model.errors import ObjectGoneError, SessionizeError, SparkError

ERROR = ObjectGoneError('s3://b/"k}" is gone', "Restore {it}\nnow.")


def failing(given):  # type: ignore[no-untyped-def]
    yield from given
    raise ERROR


def test_the_error_of_a_task_comes_back_from_text():
    made = []
    with pytest.raises(TaskError) as caught:
        made.extend(marked(failing, [1, 2]))
    text = (
        "Job aborted: Lost task 0.0: Traceback (most recent call last):\n"
        f"  TaskError: {caught.value}\n\n\tat org.apache.spark.Executor.run(Executor.scala:1)"
    )
    found = error_in(text)
    assert type(found) is ObjectGoneError
    assert (found.fault, found.remedy) == (ERROR.fault, ERROR.remedy)


def test_other_errors_pass_unmarked():
    with pytest.raises(ZeroDivisionError):
        [*marked(lambda given: (1 / n for n in given), [0])]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "An exception was thrown from the Python worker:\nTraceback:\n"
            "  File x\n    a = 1\nzlib.error: no\npackage.OddError: what it says\n",
            "package.OddError: what it says",
        ),
        (
            "Job aborted due to stage failure: ExecutorLostFailure (executor 3 exited)\n"
            "Driver stacktrace:\n\tat org.apache.spark.X",
            "ExecutorLostFailure (executor 3 exited)",
        ),
        ("", "does not say why"),
        ("sessionize-error {broken", "sessionize-error {broken"),
    ],
)
def test_what_else_goes_wrong_is_told_in_one_line(text: str, says: str):
    error = error_in(text)
    assert type(error) is SparkError
    assert re.search(re.escape(says), error.fault)
    assert "\n" not in str(error)


def test_a_name_that_is_no_error_of_ours_is_one_all_the_same():
    text = 'sessionize-error {"error": "Unknown", "fault": "f", "remedy": "r"}'
    assert type(error_in(text)) is SessionizeError
