"""The made-up events: the same for a seed, and every kind of trouble among them."""

import itertools
import json
from collections import Counter
from datetime import datetime, timedelta

import pytest

from local.events import generate
from local.mishaps import INVALID
from sessionize.model.hours import Hour, hours_between

HOURS = list(hours_between(Hour.parse("2017-02-04T20"), Hour.parse("2017-02-05T04")))


@pytest.fixture(scope="module")
def sent():
    return generate(HOURS, seed=1)


def good(sent):
    return [record for record in sent if record.kind in ("ordinary", "offline", "late")]


def seconds(event):
    stamp = event["timestamp"]
    if isinstance(stamp, str) and "T" in stamp:
        return datetime.fromisoformat(stamp).timestamp()
    number = float(stamp)
    return number / 1000 if number > 1e11 else number


def machine(event):
    return event["inst_id"][: event.get("_l")]


def by_machine(sent):
    machines = {}
    for record in good(sent):
        machines.setdefault(machine(record.body), []).append(record)
    return machines


def test_the_same_seed_gives_the_same_records(sent):
    assert generate(HOURS, seed=1) == sent
    assert generate(HOURS, seed=2) != sent


def test_more_hours_change_nothing_in_those_before(sent):
    fewer = generate(HOURS[:3], seed=1)

    assert fewer == [record for record in sent if record.arrived < HOURS[2].end]


def test_records_come_in_the_order_of_their_arrival_and_within_the_hours(sent):
    arrivals = [record.arrived for record in sent]

    assert arrivals == sorted(arrivals)
    assert HOURS[0].start <= arrivals[0]
    assert arrivals[-1] < HOURS[-1].end


def test_every_hour_has_every_fault(sent):
    faults = Counter((record.arrived.hour, record.kind) for record in sent)

    assert all(faults[hour.start.hour, kind] for hour in HOURS for kind in INVALID)


def test_faults_are_what_they_are_called(sent):
    of_kind = {record.kind: record.body for record in sent}

    assert "action" not in of_kind["missing_action"]
    assert of_kind["bad_inst_id"]["inst_id"].startswith("4fgh")
    with pytest.raises(json.JSONDecodeError):
        json.loads(of_kind["broken_json"])
    with pytest.raises(UnicodeDecodeError):
        of_kind["not_text"].decode()
    assert isinstance(json.loads(of_kind["not_an_object"]), list)


def test_time_stamps_come_in_every_form(sent):
    forms = Counter(
        (type(stamp).__name__, str(stamp)[-1].isdigit(), "T" in str(stamp), seconds(r.body) < stamp)
        if not isinstance(stamp := r.body["timestamp"], str)
        else ("str", stamp[-1], "T" in stamp, False)
        for r in good(sent)
    )

    assert forms[("int", True, False, True)]  # milliseconds
    assert forms[("int", True, False, False)]  # seconds
    assert forms[("float", True, False, False)]
    assert forms[("str", "Z", True, False)]
    assert forms[("str", "0", True, False)]  # with an offset


def test_a_time_stamp_is_when_the_event_happened(sent):
    late = max(record.arrived.timestamp() - seconds(record.body) for record in good(sent))

    assert late < timedelta(hours=5, minutes=1).total_seconds()
    assert all(seconds(r.body) < r.arrived.timestamp() + 1 for r in good(sent))


def test_sessions_cross_one_hour_boundary_and_many(sent):
    timeout = 1800
    longest = Counter()
    for key, records in by_machine(sent).items():
        begin = before = None
        for event in sorted((r.body for r in records), key=seconds):
            time = seconds(event)
            is_new = before is None or time - before > timeout
            if is_new or "start" in event["action"] or "firstrun" in event["action"]:
                begin = time
            longest[key] = max(longest[key], time // 3600 - begin // 3600)
            before = time

    crossed = Counter(longest.values())
    assert crossed[1] > 10
    assert crossed[7] > 10  # all of the eight hours


def test_some_events_are_apart_by_exactly_the_timeout_and_by_a_second_more(sent):
    gaps = Counter()
    for records in by_machine(sent).values():
        times = sorted(seconds(record.body) for record in records)
        gaps.update(after - before for before, after in itertools.pairwise(times))

    assert gaps[1800]
    assert gaps[1801]


def test_machines_that_were_offline_upload_hours_later_in_order(sent):
    uploads = {}
    for record in sent:
        if record.kind == "offline":
            uploads.setdefault((machine(record.body), record.arrived), []).append(record.body)
    longest = max(uploads.values(), key=len)

    assert len(longest) > 10
    assert list(map(seconds, longest)) == sorted(map(seconds, longest))
    assert max(seconds(e) for e in longest) - min(seconds(e) for e in longest) > 3600


def test_late_events_arrive_after_later_ones_of_their_machine(sent):
    machines = by_machine(sent)
    behind = [
        record
        for record in sent
        if record.kind == "late"
        and any(
            other.arrived < record.arrived - timedelta(hours=1)
            and seconds(other.body) > seconds(record.body)
            for other in machines[machine(record.body)]
        )
    ]

    assert len(behind) > 10


def test_duplicates_are_copies_that_come_at_once_soon_and_an_hour_later(sent):
    first = {}
    delays = {}
    for record in sent:
        if record.kind.startswith("duplicate"):
            original = first[record.body["event_id"]]
            assert record.body == original.body
            delays.setdefault(record.kind, set()).add(record.arrived - original.arrived)
        elif record.kind not in INVALID and "event_id" in record.body:
            first[record.body["event_id"]] = record

    assert delays == {
        "duplicate_at_once": {timedelta(0)},
        "duplicate_soon": {timedelta(minutes=15)},
        "duplicate_next_hour": {timedelta(hours=1)},
    }


def test_installations_are_of_many_kinds(sent):
    events = [record.body for record in good(sent)]

    assert {"prostarted", "profirstrun", "proedit", "proview", "proconvert"} <= {
        event["action"] for event in events
    }
    assert {"readerstarted", "readerview"} <= {event["action"] for event in events}
    assert any(event["build_id"].startswith("f10.") for event in events)
    assert {event.get("trialstate") for event in events} == {
        *("Activated", "Trial", "Expired"),
        None,
    }
    assert any("_l" not in event for event in events)
    assert any("event_id" not in event for event in events)
    users = {machine(event): set() for event in events}
    for event in events:
        users[machine(event)].add(event["inst_id"])
    assert max(map(len, users.values())) == 2
