"""Errors say what is wrong and what to do; workers send them to each other pickled."""

from __future__ import annotations

import copy
import pickle

import pytest

from sessionize.model import errors
from sessionize.model.errors import SessionizeError

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, SessionizeError)
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("again", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy])
def test_an_error_survives_pickling(kind: type[SessionizeError], again):
    error = again(kind("the file is gone", "Restore it."))
    assert type(error) is kind
    assert (error.fault, error.remedy) == ("the file is gone", "Restore it.")
    assert str(error) == "the file is gone. Restore it."


def test_every_error_says_in_a_line_what_it_stands_for():
    assert all(kind.__doc__ and "\n" not in kind.__doc__ for kind in KINDS[1:])


def test_a_fault_that_ends_in_a_full_stop_gets_no_second_one():
    assert str(SessionizeError("It is gone.", "Restore it.")) == "It is gone. Restore it."


def test_an_error_without_a_remedy_cannot_be_made():
    with pytest.raises(TypeError, match="remedy"):
        SessionizeError("It is gone.")  # type: ignore[call-arg]
