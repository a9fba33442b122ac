"""A rehearsal in words."""

from __future__ import annotations

from dataclasses import replace

from sessionize.replay.announce import announced, concluded
from sessionize.replay.differences import HourDifference, RowDifference
from tests.replay.lab import A

SAME = HourDifference(A, False, True, {"events": RowDifference(5, 5)}, 3, 0, 0, {}, {})
OTHER = HourDifference(
    hour=A,
    is_new=False,
    same_state=False,
    rows={"events": RowDifference(5, 4, 1, 2, 3), "sessions": RowDifference(1, 1)},
    ids_kept=3,
    ids_new=1,
    ids_gone=2,
    readmitted={"bad_value": 1},
    quarantined={"bad_inst_id": 2},
)


def test_an_hour_in_which_nothing_is_otherwise_has_one_line():
    assert list(announced(SAME)) == [
        f"{A}: every row as it is; it leaves the state that it left before"
    ]


def test_only_what_is_otherwise_is_said():
    assert list(announced(OTHER)) == [
        f"{A}: leaves another state",
        "  events              5 -> 4 rows: added 1  removed 2  changed 3",
        "  session ids         kept 3  new 1  gone 2",
        "  readmitted from quarantine: bad_value 1",
        "  newly in quarantine: bad_inst_id 2",
    ]


def test_of_an_hour_that_is_new_all_datasets_are_said():
    said = list(announced(replace(OTHER, is_new=True)))
    assert said[0] == f"{A}: never run before"
    assert any(line.startswith("  sessions ") for line in said)


def test_whether_later_hours_are_outdated_is_the_conclusion():
    assert concluded([OTHER], 1, 3).endswith("and 3 more hours stand on it")
    assert "what stands behind it is not outdated" in concluded([OTHER, SAME], 2, 3)
    assert (
        concluded([OTHER], 2, 0) == "dry run of 2 hours: nothing was written; the plan has no more"
    )
