"""What is wrong and what to do, in a task's log where it is seen."""

from __future__ import annotations

import functools
import logging
import textwrap
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

from sessionize.airflow.retries import as_airflow_asks
from sessionize.model.errors import SessionizeError

log = logging.getLogger(__name__)

_P = ParamSpec("_P")
_R = TypeVar("_R")
#: What a narrow window shows beside the log's time and level.
_WIDTH = 96


def telling(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let a task's function log fault and remedy in short lines before it fails.

    Airflow logs the error too, behind a traceback of its own modules, in one line that is as long
    as the text: off the screen. The error itself goes on, for the retries look at it.
    """

    @functools.wraps(function)
    def told(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return function(*args, **kwargs)
        except SessionizeError as error:
            for line in lines_of(error):
                log.error("%s", line)
            asked = as_airflow_asks(error)
            if asked is error:
                raise
            raise asked from error

    return told


def lines_of(error: SessionizeError) -> Iterator[str]:
    """Yield fault and remedy in lines of at most 96 characters; words are never cut."""
    for label, text in (("FAULT", error.fault), ("REMEDY", error.remedy)):
        # The faults of several files stand in lines of their own.
        for number, line in enumerate(text.splitlines()):
            yield from textwrap.wrap(
                line,
                _WIDTH,
                initial_indent=f"{label if not number else '':7} ",
                subsequent_indent=" " * 8,
                break_long_words=False,
                break_on_hyphens=False,
            )
