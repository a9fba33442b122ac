"""Two runs of an hour, compared row by row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sessionize.model.errors import StorageError
from sessionize.replay.differences import RowDifference, difference
from tests.replay.lab import SHORT, A, Lab


def test_a_run_differs_from_itself_in_nothing_and_no_file_is_read(lab: Lab):
    lake = lab.pipeline().lake
    ledger = lake.ledger(A)
    assert ledger
    for file in ledger.files:
        lake.storage.delete(file.key)
    # But for the ids of sessions, which are counted.
    for name in ("sessions", "open_sessions"):
        ledger.published[name] = replace(ledger.published[name], rows=0)
    found = difference(A, lake, ledger, lake, ledger)
    assert found.is_same
    assert found.same_state
    assert found.rows["events"] == RowDifference(5, 5)


def test_a_file_that_is_not_what_its_ledger_says_is_not_compared_with(lab: Lab):
    other = lab.copy("other")
    other.run(A, **SHORT)
    before, after = lab.pipeline().lake, other.pipeline().lake
    ledgers = before.ledger(A), after.ledger(A)
    assert ledgers[0]
    assert ledgers[1]
    (lab.folder / "lake" / ledgers[0].published["open_sessions"].key).write_bytes(b"damaged")
    with pytest.raises(StorageError, match=r"open_sessions/.* is not what its ledger says.*verify"):
        difference(A, before, ledgers[0], after, ledgers[1])


def test_as_json_hours_are_texts(lab: Lab):
    lake = lab.pipeline().lake
    ledger = lake.ledger(A)
    assert ledger
    document = difference(A, lake, None, lake, ledger).encode()
    assert (document["hour"], document["is_new"]) == (str(A), True)
    assert document["rows"]["events"] == {
        "before": 0,
        "after": 5,
        "added": 5,
        "removed": 0,
        "changed": 0,
    }
