from __future__ import annotations

import pytest

from sessionize.airflow.notes import (
    is_ours,
    is_outdated_by,
    is_waiting,
    note_of,
    outdated_note,
    waiting_note,
)
from sessionize.model.hours import Hour

HOUR = Hour.parse("2017-02-05T00")
BEFORE = HOUR.previous


@pytest.mark.parametrize("state", ["running", "queued", "failed"])
def test_a_note_says_which_hour_is_waited_for_and_how_it_stands(state: str):
    note = waiting_note(HOUR, state)
    assert note.startswith(f"**Hour {HOUR}** waits for {BEFORE}, whose run is {state}.")
    assert ("what to do" in note) == (state == "failed")
    assert is_ours(note)
    assert is_waiting(note)
    assert not is_outdated_by(note, BEFORE)


def test_a_note_says_why_an_hour_is_outdated_and_what_mends_it():
    note = outdated_note(HOUR, "sessionize_nitro", BEFORE.previous, HOUR.next)
    assert "OUTDATED since 2017-02-04T22 was run again" in note
    command = "`airflow dags backfill sessionize_nitro -s 2017-02-04T23:00 -e 2017-02-05T01:00 "
    assert command + "--reset-dagruns`" in note
    assert is_ours(note)
    assert is_outdated_by(note, BEFORE.previous)
    # It is not about the hours that its command names.
    assert not is_outdated_by(note, BEFORE)
    assert not is_waiting(note)


def test_no_note_is_ours_and_somebody_elses_is_not():
    assert is_ours(None)
    assert is_ours("")
    assert is_ours(note_of(HOUR))
    for note in ("Hour 3 waits for Ada", f"see **Hour {HOUR}** waits for x"):
        assert not is_ours(note)
        assert not is_waiting(note)
    assert not is_waiting(None)
    assert not is_outdated_by(None, HOUR)
