"""What is found, and what is not, by the hours, the settings and the time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sessionize.alerts.check import findings_of, look
from sessionize.alerts.findings import (
    EmptyHours,
    Finding,
    InterruptedHour,
    LateEventsOverLimit,
    LateHours,
    OutdatedHours,
    QuarantinedOverLimit,
)
from sessionize.lake.storage import LocalStorage
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline
from sessionize.pipeline.status import HourState, HourStatus
from tests.pipeline import scenario

from .looks import at, configured, hour, status

AFTER = timedelta(minutes=45)


def found(*seen: HourStatus, now=None, limits: dict[str, Any] | None = None, **alerts: Any):
    config = configured(alerts=alerts, limits=limits or {})
    done = [entry.hour for entry in seen]
    return findings_of(done, seen, config, now or at(len(seen)))


def test_nothing_is_wrong_with_hours_that_are_done():
    limits = {"warn_quarantined": 0.1, "warn_late": 0.1}
    assert found(status(0), status(1), late_after="45m", empty_hours=True, limits=limits) == []


@pytest.mark.parametrize(
    ("now", "late"),
    [
        (at(0, 44), None),
        (at(0, 45), (0, 0)),  # not published 45 minutes after its end: from that moment on
        (at(0, 104), (0, 0)),
        (at(1, 45), (0, 1)),
    ],
)
def test_an_hour_is_late_from_the_moment_on(now, late: tuple[int, int] | None):
    expected = [LateHours(hour(late[0]), hour(late[1]), late[1] + 1, AFTER)] if late else []
    assert found(now=now, late_after="45m") == expected


def test_each_gap_is_a_finding_and_nothing_is_late_from_the_end_of_the_pipeline_on():
    config = configured(alerts={"late_after": "45m"}, end=hour(5).start)
    done = [hour(0), hour(3)]
    assert findings_of(done, [status(0), status(3)], config, at(99)) == [
        LateHours(hour(1), hour(2), 2, AFTER),
        LateHours(hour(4), hour(4), 1, AFTER),
    ]


def test_without_a_time_no_hour_is_late():
    assert found(now=at(99), outdated=True) == []


def test_outdated_hours_are_one_finding_and_each_interrupted_one_is_its_own():
    seen = [
        status(0),
        status(1, HourState.INTERRUPTED),
        status(2, HourState.OUTDATED),
        status(3, HourState.INTERRUPTED),
        status(4, HourState.OUTDATED),
    ]
    assert found(*seen) == [
        OutdatedHours(hour(2), hour(4), 2),
        InterruptedHour(hour(1), hour(1), 1),
        InterruptedHour(hour(3), hour(3), 1),
    ]
    assert found(*seen, outdated=False) == []


def test_shares_over_a_limit_are_told_with_the_worst_of_hours_in_a_row():
    seen = [
        status(0, quarantined=10),  # at the limit is not over it
        status(1, quarantined=11, reasons={"not_json": 11}),
        status(2, quarantined=40, reasons={"not_json": 15, "too_old": 25}),
        status(3),
        status(4, quarantined=20, reasons={"too_old": 20}),
    ]
    assert found(*seen, limits={"warn_quarantined": 0.1}) == [
        QuarantinedOverLimit(
            *(hour(1), hour(2), 2, hour(2), 0.4, 0.1, 40, 100),
            reasons=(("too_old", 25), ("not_json", 15)),
        ),
        QuarantinedOverLimit(
            *(hour(4), hour(4), 1, hour(4), 0.2, 0.1, 20, 100), (("too_old", 20),)
        ),
    ]
    assert found(*seen) == []


def test_late_events_are_a_share_of_the_valid_ones():
    seen = [status(0, quarantined=50, late=5), status(1, read=0, late=0)]
    assert found(*seen, limits={"warn_late": 0.09}) == [
        LateEventsOverLimit(hour(0), hour(0), 1, hour(0), 0.1, 0.09, 5, 50)
    ]
    assert found(*seen, limits={"warn_late": 0.1}) == []


def test_an_hour_without_a_record_is_empty_whatever_has_landed():
    seen = [status(0, read=0, objects=0), status(1, read=0, objects=2), status(2)]
    assert found(*seen, empty_hours=True) == [EmptyHours(hour(0), hour(1), 2, 2)]
    assert found(*seen) == []


def test_a_lake_is_looked_at(tmp_path):
    first, second, third, last = scenario.HOURS
    (tmp_path / "raw").mkdir()
    scenario.land_all(LocalStorage(tmp_path / "raw"))
    settings = {
        "limits": {"warn_quarantined": 0.1},
        "alerts": {"late_after": "45m", "look_back": "2h"},
    }
    config = scenario.config(tmp_path / "raw", tmp_path / "lake", **settings)
    pipeline = Pipeline.open(config)
    nothing = look(pipeline.lake, config, first.end)
    assert (nothing.findings, nothing.done, nothing.first) == ((), frozenset(), first)

    for each in (first, second, third):
        run_hour(pipeline, each)
    seen = look(pipeline.lake, config, last.end + AFTER)
    assert seen.done == {first, second, third}
    assert seen.first == second  # the quarantine of the first has been looked at before
    assert _kinds(seen.findings) == [("late", last), ("quarantined", second)]

    pipeline.lake.mark(first, "interrupted", "")
    marked = look(pipeline.lake, config, last.end).findings
    assert _kinds(marked) == [("outdated", second), ("quarantined", second)]


def _kinds(findings: tuple[Finding, ...]):
    return [(finding.kind, finding.first) for finding in findings]
