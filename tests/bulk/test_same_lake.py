"""Whatever the cut: the lake is, to the byte, what running hour by hour leaves."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.events import generate
from local.landing import land, put_folder
from sessionize.bulk import walking
from sessionize.bulk.driver import Cut, bulk, not_done
from sessionize.config import parse_config
from sessionize.lake.storage import S3Credentials
from sessionize.model.errors import LimitExceededError, MissingStateError, ObjectGoneError
from sessionize.model.hours import Hour, hours_between
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline
from tests.bulk.in_process import InProcess
from tests.bulk.lakes import Lakes
from tests.pipeline import scenario, web

FIRST, END = Hour.parse("2017-02-04T20"), Hour.parse("2017-02-05T06")
HOURS = list(hours_between(FIRST, END))

SETTINGS = {
    "as they are": "",
    "another timeout, a longest session": """
[session]
timeout = "7m"
max_duration = "20m"
dedup_window = "30m"
""",
    "waiting for what is out of order": """
[session]
max_out_of_orderness = "90m"
allowed_lateness = "0s"
""",
}
CUTS = {
    "all in one": Cut(stretch=100, shards=1),
    "by what is at hand": Cut(),
    "many shards": Cut(stretch=4, shards=7, at_once=3),
    "hour by hour": Cut(stretch=1, shards=3),
}


@pytest.mark.slow
@pytest.mark.parametrize("rules", SETTINGS)
def test_a_straggler_late_events_copies_and_broken_objects(tmp_path: Path, rules: str):
    """Events of `tests/pipeline/test_end_to_end.py`, which holds hourly runs against an oracle."""
    lakes = Lakes(tmp_path, SETTINGS[rules] + '[run]\nbatch_size = "2KiB"\n', FIRST)
    landing = land(generate(HOURS, seed=5, installations=80), seed=5, straggler_of=HOURS[4])
    put_folder(landing.objects, lakes.raw)
    lakes.hourly("before", HOURS[:6])
    for number in range(len(CUTS)):
        lakes.in_bulk(f"bulk-{number}", HOURS[:6], InProcess(number), [*CUTS.values()][number])
        lakes.assert_same("before", f"bulk-{number}")
    put_folder(landing.stragglers, lakes.raw)
    lakes.copy("hourly", "before")
    last = [published.ledger for published in lakes.hourly("hourly", HOURS[6:])]
    assert any(ledger.counts.late for ledger in last)
    assert any(ledger.counts.duplicates for ledger in last)
    for number, cut in enumerate(CUTS.values()):
        # Upon what an earlier pass has left, and again hour by hour.
        lakes.in_bulk(f"bulk-{number}", HOURS[6:9], InProcess(number), cut)
        lakes.hourly(f"bulk-{number}", HOURS[9:])
        lakes.assert_same("hourly", f"bulk-{number}")


def test_columns_of_ones_own(tmp_path: Path):
    hours = list(hours_between(Hour.parse("2024-03-01T00"), Hour.parse("2024-03-01T05")))
    rules = web.CONFIG.strip().split("\n", 2)[2]  # without name and start
    lakes = Lakes(tmp_path, f"{rules}\n[run]\nbatch_size = '1KiB'\n", hours[0])
    for hour, objects in web.make_events(3, hours).items():
        for number, records in enumerate(objects):
            folder = lakes.raw / f"{hour.start:app=web/year=%Y/month=%m/day=%d/hour=%H}"
            folder.mkdir(parents=True, exist_ok=True)
            content = gzip.compress("".join(records).encode(), mtime=0)
            (folder / f"stream-{number}").write_bytes(content)
    hourly = lakes.hourly("hourly", hours)
    assert any(published.ledger.counts.pending_after for published in hourly)
    assert any("closing_event" in published.ledger.closed_by_reason for published in hourly)
    lakes.in_bulk("bulk", hours, InProcess(), Cut(stretch=3, shards=3))
    lakes.assert_same("hourly", "bulk")


# Anything, in any hour.


@st.composite
def landings(draw: Callable[..., Any]) -> list[list[list[dict[str, Any]]]]:
    """Objects of four hours: events of three machines, around their hour, some of them copies."""
    seconds = st.integers(-5400, 5400)
    of_hour = st.lists(
        st.lists(st.tuples(st.sampled_from("abc"), seconds, st.integers(0, 3)), max_size=8),
        max_size=3,
    )
    landed = []
    for hour in scenario.HOURS:
        landed.append([])
        for entries in draw(of_hour):
            records = []
            for machine, offset, kind in entries:
                time = int(hour.start.timestamp()) + 1800 + offset
                action = ("proedit", "prostarted", "readerview", "no")[kind]
                # The same time and action is a copy, wherever it lands.
                records.append(
                    {
                        "event_id": f"{machine}{time}",
                        "timestamp": time,
                        "action": action,
                        "inst_id": machine * 8,
                        "build_id": "10.3.5.34",
                        "trialstate": "Trial",
                    }
                )
            landed[-1].append(records)
    return landed


RULES = st.fixed_dictionaries(
    {},
    optional={
        "timeout": st.sampled_from(["5m", "30m"]),
        "max_duration": st.just("40m"),
        "closing": st.just("view"),
        "max_out_of_orderness": st.sampled_from(["20m", "70m"]),
        "allowed_lateness": st.just("0s"),
        "dedup_window": st.just("10m"),
    },
)


_REST = '[run]\nbatch_size = "1B"\n[limits]\nfail_quarantined = 1.0\n'


@settings(max_examples=12)
@pytest.mark.slow
@given(
    landings(),
    RULES,
    st.builds(Cut, st.integers(1, 5), st.integers(1, 5), st.integers(1, 3)),
    st.integers(0, 9),
    st.integers(0, 3),
)
def test_any_events_any_rules_any_cut(landed, rules, cut, seed, hourly_before):
    text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in rules.items())
    with tempfile.TemporaryDirectory() as folder:
        lakes = Lakes(Path(folder) / "x", f"[session]\n{text}{_REST}", scenario.START)
        for hour, objects in zip(scenario.HOURS, landed, strict=True):
            (lakes.raw / hour.landing_prefix).mkdir(parents=True)
            for number, records in enumerate(objects):
                content = "\n".join(map(json.dumps, records)).encode()
                (lakes.raw / hour.landing_prefix / f"object-{number}").write_bytes(content)
        lakes.hourly("bulk", scenario.HOURS[:hourly_before])
        lakes.copy("hourly", "bulk") if hourly_before else None
        lakes.hourly("hourly", scenario.HOURS[hourly_before:])
        lakes.in_bulk("bulk", scenario.HOURS[hourly_before:], InProcess(seed), cut)
        lakes.assert_same("hourly", "bulk")


# What is there already.


@pytest.fixture
def lakes(tmp_path: Path) -> Lakes:
    """The four hours of `scenario`."""
    lakes = Lakes(tmp_path / "x", '[run]\nbatch_size = "1B"\n', scenario.START)
    from sessionize.lake.storage import LocalStorage

    scenario.land_all(LocalStorage(lakes.raw))
    return lakes


def test_a_range_is_replaced_and_later_hours_are_outdated(lakes: Lakes):
    lakes.hourly("hourly", scenario.HOURS)
    (lakes.raw / scenario.HOURS[1].landing_prefix / "stream-1-new").write_bytes(
        json.dumps(scenario.event("b2", "23:59:00", "profirstrun")).encode()
    )
    lakes.copy("bulk", "hourly")
    expected = lakes.hourly("hourly", scenario.HOURS[1:3])
    found = lakes.in_bulk("bulk", scenario.HOURS[1:3], InProcess(), Cut(at_once=2))
    lakes.assert_same("hourly", "bulk")
    assert found[-1].outdated == expected[-1].outdated == (scenario.HOURS[3],)
    assert lakes.pipeline("bulk").lake.marks() == {scenario.HOURS[3]: {"outdated"}}
    assert not_done(lakes.pipeline("bulk"), scenario.HOURS) == [scenario.HOURS[3]]
    # The outdated hour is run again, in bulk too, and all is well.
    lakes.hourly("hourly", scenario.HOURS[3:])
    lakes.in_bulk("bulk", scenario.HOURS[3:], InProcess())
    lakes.assert_same("hourly", "bulk")
    assert not_done(lakes.pipeline("bulk"), scenario.HOURS) == []


def test_hours_that_come_out_the_same_change_nothing(lakes: Lakes):
    lakes.hourly("lake", scenario.HOURS)
    before = {path: path.stat().st_mtime_ns for path in (lakes.folder / "lake").rglob("part-0*")}
    published = lakes.in_bulk("lake", scenario.HOURS, InProcess(), Cut(shards=3))
    assert [hour.changed for hour in published] == [False] * 4
    after = {path: path.stat().st_mtime_ns for path in (lakes.folder / "lake").rglob("part-0*")}
    assert after == before


def test_another_rule_from_the_middle_on(lakes: Lakes):
    """The state of other settings is carried on, as hourly runs do."""
    rules = '[session]\ntimeout = "5m"\n'
    lakes.hourly("hourly", scenario.HOURS[:2])
    lakes.copy("bulk", "hourly")
    lakes.hourly("hourly", scenario.HOURS[2:], rules)
    lakes.in_bulk("bulk", scenario.HOURS[2:], InProcess(), Cut(shards=2), rules)
    lakes.assert_same("hourly", "bulk")


def test_a_shard_with_much_in_an_hour_is_settled_in_parts(lakes: Lakes, monkeypatch):
    lakes.hourly("hourly", scenario.HOURS)
    parts = []
    monkeypatch.setattr(walking, "_TOGETHER", 300)
    from sessionize.sessions import machines

    cut = machines.of_shard
    monkeypatch.setattr(machines, "of_shard", lambda *a: (parts.append(a[1:]), cut(*a))[1])
    lakes.in_bulk("bulk", scenario.HOURS, InProcess(), Cut(shards=2))
    lakes.assert_same("hourly", "bulk")
    assert max(shards for _, shards in parts) > 4


# What goes wrong.


def test_a_gap_before_the_range_is_refused(lakes: Lakes):
    with pytest.raises(MissingStateError, match=f"Run {scenario.START} first"):
        lakes.in_bulk("bulk", scenario.HOURS[1:], InProcess())


def test_an_object_that_is_gone_is_named_and_nothing_of_the_stretch_is_published(lakes: Lakes):
    pipeline = lakes.pipeline("bulk")

    class Late(InProcess):
        def assembled(self, stretch, tasks):
            if scenario.HOURS[2] in stretch.hours:
                (gone,) = (lakes.raw / scenario.HOURS[2].landing_prefix).iterdir()
                gone.unlink()
            return super().assembled(stretch, tasks)

    published = bulk(pipeline, Late(), scenario.HOURS, Cut(stretch=2))
    assert [next(published).ledger.hour for _ in range(2)] == scenario.HOURS[:2]
    with pytest.raises(ObjectGoneError, match=f"or run {scenario.HOURS[2]} again from `claim`"):
        next(published)
    assert pipeline.lake.done_hours() == scenario.HOURS[:2]
    # Run again, the hour goes without it.
    lakes.in_bulk("bulk", scenario.HOURS[2:], InProcess())
    assert pipeline.lake.ledger(scenario.HOURS[2]).claimed == ()


def test_of_an_hour_over_its_limit_those_before_it_are_published(lakes: Lakes):
    limit = "[limits]\nfail_quarantined = 0.1\n"
    broken = lakes.raw / scenario.HOURS[2].landing_prefix / "stream-1-broken"
    broken.write_bytes(b"no\nno\nno\n")
    first = lakes.raw / scenario.HOURS[0].landing_prefix / "stream-1-a-1"
    first.write_bytes(json.dumps(scenario.event("a1", "22:10:00")).encode())
    lakes.hourly("hourly", scenario.HOURS[:1], limit)
    second = lakes.raw / scenario.HOURS[1].landing_prefix / "stream-1-b-2"
    second.unlink()
    lakes.hourly("hourly", scenario.HOURS[1:2], limit)
    with pytest.raises(LimitExceededError) as expected:
        lakes.hourly("hourly", scenario.HOURS[2:3], limit)
    with pytest.raises(LimitExceededError) as found:
        lakes.in_bulk("bulk", scenario.HOURS, InProcess(), Cut(at_once=4), limit)
    assert str(found.value) == str(expected.value)
    lake = lakes.pipeline("bulk").lake
    assert lake.done_hours() == scenario.HOURS[:2]
    assert not list(lake.storage.list(f"events/{scenario.HOURS[2].partition}"))


# On S3.


def test_on_s3(bucket: str, s3_credentials: S3Credentials):
    def pipeline(lake: str) -> Pipeline:
        document = {"name": "t", "raw": f"s3://{bucket}/raw", "lake": f"s3://{bucket}/{lake}"}
        return Pipeline.open(
            parse_config(document | {"start": scenario.START.start}), s3_credentials
        )

    hourly, in_bulk = pipeline("hourly"), pipeline("bulk")
    scenario.land_all(hourly.raw)
    for hour in scenario.HOURS:
        run_hour(hourly, hour)
    cut = Cut(stretch=3, shards=2)
    assert list(bulk(in_bulk, InProcess(), scenario.HOURS, cut, s3_credentials))
    assert scenario.content(in_bulk.lake.storage) == scenario.content(hourly.lake.storage)
