"""Awkward events, landed in awkward ways, under awkward rules.

A *scenario* lands valid events in any run in which they are valid: some of them late, some twice.
A *cut* lands events in such runs that none is late; two cuts of the same events must come to the
same sessions.
"""

from __future__ import annotations

import itertools
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st

from sessionize.config import SessionRules
from sessionize.config.units import Duration
from sessionize.model.hours import Hour

from .reference import MICROSECOND, Event, Identity

FIRST_HOUR = Hour.parse("2017-02-04T22")
ONE_HOUR = timedelta(hours=1)
#: Times that would lie further on start again, so that a scenario has a dozen runs, not a hundred.
SPAN = 8 * ONE_HOUR

#: Run together, a machine and an event id could be taken for another pair.
MACHINES = ("a", "ab", "b", "é:1")
EVENT_IDS = ("1", "2", "3", "b1", "1:1", "é")
SOURCES = tuple(itertools.product(MACHINES, EVENT_IDS))
ACTIONS = ("proedit", "proedit", "readerview", "proSTART", "prostarted", "readerfirstrun")
#: What ends a session: actions that also begin one, some that do neither, and hardly any.
CLOSING = tuple(re.compile(pattern) for pattern in ("view", "START|firstrun", "edit", "^$"))
USERS = ("u1", "u2", None)
BUILDS = ("9.1.2.3", "10.3.5.42", None)
CONTENTS = tuple(itertools.product(ACTIONS, USERS, BUILDS))
NUDGES = (timedelta(), timedelta(), MICROSECOND, -MICROSECOND)
#: How many hours after its own an event lands, and in which object: its key is no guide to the run.
LANDINGS = tuple(itertools.product((0, 0, 0, -1, 1, 2, 5), range(3)))
#: How many hours after the one before each further copy lands.
COPIES = (*[()] * 12, (0,), (1,), (4,), (0, 2), (1, 1))
#: How many hours later than need be an event settles in a cut, and how many before that it lands.
WISHES = tuple(itertools.product((0, 0, 0, 1, 2, 5), range(3)))


@dataclass(frozen=True)
class Scenario:
    """The events of consecutive runs, the first of which is that of ``FIRST_HOUR``."""

    rules: SessionRules
    runs: tuple[tuple[Event, ...], ...]

    @property
    def hours(self) -> list[Hour]:
        return [hour_at(index) for index in range(len(self.runs))]

    @property
    def events(self) -> list[Event]:
        return [event for run in self.runs for event in run]


@dataclass(frozen=True)
class Cuts:
    """The same events in two scenarios; the events stand at the same places in the lists."""

    rules: SessionRules
    one: tuple[Event, ...]
    other: tuple[Event, ...]
    empty_runs: int

    @property
    def scenarios(self) -> tuple[Scenario, Scenario]:
        return (
            by_run(self.rules, self.one, self.empty_runs),
            by_run(self.rules, self.other, self.empty_runs),
        )


@dataclass(frozen=True)
class Placed:
    """Where a machine's last event stands in a cut: indices of runs."""

    event_time: datetime
    landing: int
    settling: int
    #: The run that closes the session by the watermark if nothing extends it.
    closing: int


@dataclass(frozen=True)
class Draft:
    """An event before its time is worked out and before it lands."""

    source: tuple[str, str]
    content: tuple[str, str | None, str | None]
    #: The index of the hour that the offset counts from; None: from the machine's previous event.
    time: tuple[int | None, timedelta]
    landing: tuple[int, int]
    copies: tuple[int, ...]

    def event(self, previous: datetime) -> Event:
        machine_id, event_id = self.source
        action, user_id, build_id = self.content
        hour_index, offset = self.time
        anchor = previous if hour_index is None else hour_at(hour_index).start
        passed = anchor + offset - FIRST_HOUR.start
        return Event(
            machine_id=machine_id,
            event_id=event_id,
            event_time=FIRST_HOUR.start + min(passed, passed % SPAN),
            action=action,
            user_id=user_id,
            product="reader" if action.startswith("reader") else "pro",
            build_id=build_id,
            landed=FIRST_HOUR,
            object_key="",
            position=0,
        )


def hour_at(index: int) -> Hour:
    return Hour(FIRST_HOUR.start + index * ONE_HOUR)


def index_at(moment: datetime) -> int:
    """Return the index of the hour that holds the moment."""
    return (moment - FIRST_HOUR.start) // ONE_HOUR


def settling_index(moment: datetime, rules: SessionRules) -> int:
    """Return the first run whose watermark is after the moment."""
    return max(0, index_at(moment + rules.max_out_of_orderness))


def first_landing(event: Event, rules: SessionRules) -> int:
    """Return the first run that the event, ahead by clock skew at most, is valid in."""
    return max(0, index_at(event.event_time - rules.max_clock_skew - MICROSECOND))


def last_landing(event: Event, rules: SessionRules) -> int:
    """Return the last run that the event is not too old for."""
    return index_at(event.event_time + rules.max_event_age)


def durations(*texts: str) -> st.SearchStrategy[Duration]:
    return st.sampled_from([Duration.parse(text) for text in texts])


session_rules = st.builds(
    SessionRules,
    timeout=durations("30m", "1h", "10m", "2h30m", "30m", "0s"),
    closing=st.none() | st.none() | st.sampled_from(CLOSING),
    max_duration=st.none() | durations("1h", "10m", "45m", "3h", "0s"),
    allowed_lateness=durations("1h", "0s", "30m", "1s", "3h"),
    max_out_of_orderness=durations("0s", "10m", "1s", "1h", "90m"),
    dedup_window=durations("2h", "0s", "10m", "1h", "5h"),
    max_event_age=durations("7d", "0s", "1h", "150m"),
    max_clock_skew=durations("15m", "0s", "1h", "2h"),
)


def options(rules: SessionRules) -> dict[str, Sequence[Any]]:
    """Return what a draft is made of; times lie on and beside every boundary of the rules."""
    max_duration = rules.max_duration or Duration()
    steps = (
        *(timedelta(), timedelta(), timedelta(), timedelta(minutes=1), rules.timeout / 2),
        *(rules.timeout, -rules.timeout / 2, -rules.timeout, timedelta(minutes=-1)),
        *(max_duration, max_duration - rules.timeout, max_duration / 2),
        *(ONE_HOUR, 5 * ONE_HOUR),
    )
    closing = rules.timeout + rules.allowed_lateness
    edges: tuple[timedelta, ...] = (
        *(timedelta(), -rules.timeout, -closing, -rules.dedup_window, -rules.max_event_age),
        *(rules.max_clock_skew, ONE_HOUR / 2),
    )
    edges += tuple(edge - rules.max_out_of_orderness for edge in edges)
    after_previous = [(None, step + nudge) for step in steps for nudge in NUDGES]
    near_edges = [(hour, edge + nudge) for hour in range(7) for edge in edges for nudge in NUDGES]
    return {
        "source": SOURCES,
        "content": CONTENTS,
        "time": [*after_previous * (4 * len(near_edges) // len(after_previous)), *near_edges],
        "landing": LANDINGS,
        "copies": COPIES,
    }


@st.composite
def many_drafts(draw: st.DrawFn, rules: SessionRules) -> list[Draft]:
    """Draft the events of a few machines, and at times of a herd of machines beside them.

    A herd tries many histories in one scenario. It shrinks away where a failure does not need it.
    """
    choices = options(rules)
    least, herd = draw(st.sampled_from(((0, 0), (8, 0), (4, 30), (16, 0), (0, 60))))
    draft = st.builds(Draft, **{name: st.sampled_from(each) for name, each in choices.items()})
    drafted = draw(st.lists(draft, min_size=least, max_size=24))
    chance = random.Random(draw(st.integers(0, 2**16)) if herd else 0)
    for number in range(herd):
        for _ in range(chance.randint(1, 12)):
            chosen = Draft(**{name: chance.choice(each) for name, each in choices.items()})
            _, event_id = chosen.source
            drafted.append(replace(chosen, source=(f"machine {number}", event_id)))
    return drafted


def dated(drafted: Sequence[Draft]) -> list[Event]:
    """Return the drafted events, not landed yet, each after its machine's previous one."""
    previous: defaultdict[str, datetime] = defaultdict(lambda: FIRST_HOUR.start)
    events = []
    for draft in drafted:
        machine_id, _ = draft.source
        event = draft.event(previous[machine_id])
        previous[machine_id] = event.event_time
        events.append(event)
    return events


def landed(event: Event, index: int, object_number: int, position: int) -> Event:
    hour = hour_at(index)
    key = f"{object_number}/{hour.partition}"
    return replace(event, landed=hour, object_key=key, position=position)


def by_run(rules: SessionRules, events: Iterable[Event], empty_runs: int) -> Scenario:
    """Return the landed events run by run: the runs that settle them all, and empty ones after."""
    runs: defaultdict[int, list[Event]] = defaultdict(list)
    last = 0
    for event in sorted(events, key=lambda event: event.landed_order):
        index = index_at(event.landed.start)
        runs[index].append(event)
        last = max(last, index, settling_index(event.event_time, rules))
    return Scenario(rules, tuple(tuple(runs[index]) for index in range(last + 1 + empty_runs)))


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Land events in any run in which they are valid, and copies of them in later ones."""
    rules = draw(session_rules)
    drafted = draw(many_drafts(rules))
    #: Machines that are offline from one hour to another, and upload then.
    offline = draw(
        st.dictionaries(
            st.sampled_from(MACHINES), st.tuples(st.integers(0, 3), st.integers(2, 7)), max_size=2
        )
    )
    oldest = FIRST_HOUR.start - rules.max_event_age
    events: list[Event] = []
    for draft, event in zip(drafted, dated(drafted), strict=True):
        event = replace(event, event_time=max(event.event_time, oldest))
        index = index_at(event.event_time)
        went, returned = offline.get(event.machine_id, (index, index))
        if went <= index < returned:
            index = returned
        delay, object_number = draft.landing
        for copy_number, copy_delay in enumerate((delay, *draft.copies)):
            index = max(index + copy_delay, first_landing(event, rules))
            index = min(index, last_landing(event, rules))
            copy_object = (object_number + copy_number) % 3
            events.append(landed(event, index, copy_object, position=len(events)))
            event = replace(event, action="procopy")
    return by_run(rules, events, draw(st.integers(0, 1)))


@st.composite
def cuts(draw: st.DrawFn) -> Cuts:
    """Land the same events twice in different runs, none of them late."""
    rules = msgspec.structs.replace(draw(session_rules), max_event_age=Duration.parse("7d"))
    drafted = draw(many_drafts(rules))
    events = [
        copy
        for draft, event in zip(drafted, dated(drafted), strict=True)
        for copy in (event, *(replace(event, action="procopy") for _ in draft.copies))
    ]
    wishes = st.lists(st.sampled_from(WISHES), min_size=1, max_size=24).map(itertools.cycle)
    return Cuts(
        rules,
        one=tuple(on_time(rules, events, draw(wishes))),
        other=tuple(on_time(rules, events, draw(wishes))),
        empty_runs=draw(st.integers(0, 1)),
    )


def on_time(
    rules: SessionRules, events: Sequence[Event], wishes: Iterator[tuple[int, int]]
) -> list[Event]:
    """Land each event, none of them late, as near as can be to what is wished for it.

    A wish is how many runs later than need be the event settles, and how many before that it lands.
    A machine's events settle in the order of their times, and before the watermark closes a session
    that they extend. The landed order of simultaneous events, copies among them, is always that of
    ``events``.
    """
    landings = [0] * len(events)
    last: dict[str, Placed] = {}
    originals: dict[Identity, int] = {}
    for place in sorted(range(len(events)), key=lambda place: (events[place].event_time, place)):
        event, (delay, lead) = events[place], next(wishes)
        if event.identity in originals:
            original = originals[event.identity]
            landings[place] = last_remembered(event, rules, original, original + delay)
            continue
        first_settling = settling_index(event.event_time, rules)
        settling = first_settling + delay
        landing = max(first_landing(event, rules), first_settling - lead)
        previous = last.get(event.machine_id)
        if previous is not None:
            settling = max(settling, previous.settling)
            if event.event_time - previous.event_time <= rules.timeout:
                settling = min(settling, previous.closing)
            if event.event_time == previous.event_time:
                if rules.closing is not None:  # in a later run it may be late
                    settling = previous.settling
                landing = max(landing, previous.landing)
        if settling > first_settling:
            landing = settling
        closing = settling_index(event.event_time + rules.timeout + rules.allowed_lateness, rules)
        last[event.machine_id] = Placed(event.event_time, landing, settling, max(settling, closing))
        originals[event.identity] = landing
        landings[place] = landing
    return [
        landed(event, landing, object_number=0, position=place)
        for place, (event, landing) in enumerate(zip(events, landings, strict=True))
    ]


def last_remembered(event: Event, rules: SessionRules, original: int, wished: int) -> int:
    """Return the last run up to the wished one in which the identity is still remembered."""
    horizon = settling_index(event.event_time + rules.dedup_window, rules)
    return max(original, min(wished, horizon))
