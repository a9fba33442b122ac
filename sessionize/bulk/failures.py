"""Errors of tasks: through Spark, which passes on nothing but text, and back."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from sessionize.model import errors
from sessionize.model.errors import SessionizeError, SparkError

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")

_MARK = "sessionize-error "
_MARKED = re.compile(re.escape(_MARK) + r"(\{.*\})")
_RAISED = re.compile(r"(?!org\.|java\.|py4j\.)[A-Za-z_][\w.]*(Error|Exception): ")
#: How much is shown of one line of Spark's.
_SHOWN = 300


class TaskError(Exception):
    """A `SessionizeError` as text that survives Spark."""


def marked(work: Callable[[_Given], Iterable[_Made]], given: _Given) -> Iterator[_Made]:
    """Yield what a task makes of what it is given; mark its error, so that `explained` finds it."""
    try:
        yield from work(given)
    except SessionizeError as error:
        known = {"error": type(error).__name__, "fault": error.fault, "remedy": error.remedy}
        raise TaskError(_MARK + json.dumps(known)) from error


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Raise what a task has raised, in place of what Spark makes of it.

    Raises
    ------
    SessionizeError
        That of the task; a `SparkError` if something else has gone wrong.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        raise error_in(str(error)) from error


def error_in(text: str) -> SessionizeError:
    """Return the error of a task that a text of Spark's speaks of."""
    for match in _MARKED.finditer(text):
        with contextlib.suppress(ValueError, KeyError, TypeError):
            known = json.loads(match[1])
            kind = getattr(errors, known["error"], SessionizeError)
            return kind(known["fault"], known["remedy"])  # type: ignore[no-any-return]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # Where Python raised, its last line says what; of the JVM's, the first.
    raised = [line for line in lines if _RAISED.match(line)]
    what = (raised[-1:] or lines or ["it does not say why"])[0]
    return SparkError(
        f"Spark has failed: {what[:_SHOWN]}",
        "The logs of the driver and its executors say more. Mend it and start again: what is "
        "published is whole, and stays.",
    )
