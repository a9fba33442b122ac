"""What is recorded of a day, read again or refused."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from sessionize.daily.ledger import DayCounts, DayLedger
from sessionize.daily.records import read_record, recorded_days
from sessionize.daily.run import run_day
from sessionize.model.errors import ForeignFileError, NewerFormatError, UnbalancedError

from .conftest import FIRST, SECOND, open_pipeline


@pytest.fixture
def record(folder: Path) -> Path:
    """The record of a day that is done."""
    run_day(open_pipeline(folder), FIRST)
    return folder / "lake" / "_days" / f"dt={FIRST}.json"


def read(folder: Path) -> DayLedger | None:
    return read_record(open_pipeline(folder).lake, FIRST).ledger


def change(record: Path, **values: Any) -> None:
    record.write_text(json.dumps(json.loads(record.read_text()) | values))


def test_a_ledger_is_read_as_it_was_written(folder: Path, record: Path):
    ledger = read(folder)
    assert ledger is not None
    assert ledger.encode() == json.loads(record.read_text())
    assert list(ledger.hours) == ["2017-02-04T22", "2017-02-04T23"]


def test_the_day_of_a_newer_release_is_refused(folder: Path, record: Path):
    change(record, format=2)
    with pytest.raises(NewerFormatError, match="Run the newer release"):
        run_day(open_pipeline(folder), SECOND)


@pytest.mark.parametrize(
    "values",
    [
        {"format": None},
        {"day": "2017-02-05"},
        {"day": 20170204},
        {"hours": None},
        {"hours": {"2017-02-04T22": 1}},
        {"machines_before": None},
        {"counts": {}},
        {"published": {}},
        {"published": {"machines": {"key": 1, "rows": 1, "bytes": 1, "sha256": ""}}},
        {"more": 1},
    ],
)
def test_what_is_no_ledger_is_named(folder: Path, record: Path, values: dict[str, Any]):
    change(record, **values)
    with pytest.raises(ForeignFileError, match=rf"_days/dt={FIRST}\.json is not .*Restore it"):
        read(folder)


def test_names_that_are_no_days_are_passed_by(folder: Path, record: Path):
    record.with_name("dt=today.json").write_text("{}")
    record.with_name("notes.txt").write_text("")
    assert recorded_days(open_pipeline(folder).lake) == [date(2017, 2, 4)]


@pytest.mark.parametrize(("closed", "after"), [(2, 4), (3, 5)])
def test_a_day_that_does_not_add_up_is_an_error(closed: int, after: int):
    counts = DayCounts(3, 6, 2, 1, machines_before=3, machines_after=after)
    with pytest.raises(UnbalancedError, match="does not add up"):
        counts.check(closed)
