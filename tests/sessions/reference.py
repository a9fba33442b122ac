"""What the contract says about sessions (§2 *Duplicate* and *Landed order*, §3), said plainly.

One event at a time, in dicts and lists, to be read top to bottom beside the contract. Fast code is
right when it agrees with this; nothing here is fast, and nothing is shared with the code under test
but the name space of the session ids.

Two ways to the same sessions: ``play_hour``, one run after another with state carried between them,
and ``one_pass``, which knows no hours at all. That they agree is the law of the project.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sessionize.config import SessionRules
from sessionize.model.hours import Hour
from sessionize.sessions.ids import SESSION_NAMESPACE

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Identity(NamedTuple):
    """Two events with the same identity are copies of each other."""

    machine_id: str
    event_id: str
    event_time: datetime


@dataclass(frozen=True)
class Event:
    """A valid event, with the place where it landed."""

    machine_id: str
    event_id: str
    event_time: datetime
    action: str
    user_id: str | None
    product: str
    build_id: str | None
    landed: Hour
    object_key: str
    position: int

    @property
    def identity(self) -> Identity:
        return Identity(self.machine_id, self.event_id, self.event_time)

    @property
    def landed_order(self) -> tuple[Hour, str, int]:
        return self.landed, self.object_key, self.position

    @property
    def session_order(self) -> tuple[datetime, tuple[Hour, str, int]]:
        return self.event_time, self.landed_order


@dataclass(frozen=True)
class Session:
    """The events of one session, in order; open until there is an ``end_reason``."""

    events: tuple[Event, ...]
    end_reason: str | None = None

    @property
    def first(self) -> Event:
        return self.events[0]

    @property
    def last(self) -> Event:
        return self.events[-1]

    @property
    def session_id(self) -> str:
        machine_id, event_id, started_at = self.first.identity
        time_us = (started_at - EPOCH) // MICROSECOND
        name = f"{time_us}:{len(machine_id)}:{machine_id}:{event_id}"
        return str(uuid.uuid5(SESSION_NAMESPACE, name))

    def extended(self, event: Event) -> Session:
        return replace(self, events=(*self.events, event))

    def closed(self, end_reason: str) -> Session:
        return replace(self, end_reason=end_reason)

    def row(self) -> dict[str, Any]:
        """The session as ``sessions`` and ``open_sessions`` publish it."""
        return {
            "session_id": self.session_id,
            "machine_id": self.first.machine_id,
            "user_id": self.first.user_id,
            "started_at": self.first.event_time,
            "ended_at": self.last.event_time,
            "duration_s": (self.last.event_time - self.first.event_time) / timedelta(seconds=1),
            "event_count": len(self.events),
            "start_action": self.first.action,
            "end_action": self.last.action,
            "end_reason": self.end_reason,
            "product": self.first.product,
            "build_id": self.first.build_id,
        }


@dataclass(frozen=True)
class State:
    """What a run leaves to the next."""

    open_sessions: dict[str, Session] = field(default_factory=dict)
    closed_frontiers: dict[str, datetime] = field(default_factory=dict)
    pending: list[Event] = field(default_factory=list)
    identities: set[Identity] = field(default_factory=set)


@dataclass(frozen=True)
class Played:
    """What a run makes of its events, and the state that it leaves."""

    settled: list[tuple[Event, str]]
    closed: list[Session]
    late: list[tuple[Event, datetime]]
    duplicates: list[Event]
    state: State


def play_hour(state: State, events: Iterable[Event], hour: Hour, rules: SessionRules) -> Played:
    """Play the run of ``hour`` on the events that landed in it."""
    watermark = hour.end - rules.max_out_of_orderness

    # Duplicates: of the copies of an event, the first in landed order counts.
    identities = set(state.identities)
    first_copies = []
    duplicates = []
    for event in sorted(events, key=lambda event: event.landed_order):
        if event.identity in identities:
            duplicates.append(event)
        else:
            identities.add(event.identity)
            first_copies.append(event)

    # Late: behind what earlier runs have settled or closed.
    late = []
    waiting = list(state.pending)
    for event in first_copies:
        frontier = frontier_ahead_of(event, state)
        if frontier is not None:
            late.append((event, frontier))
        else:
            waiting.append(event)

    # Settled: what the watermark has passed; the others wait on.
    ready = [event for event in waiting if event.event_time < watermark]
    pending = [event for event in waiting if event.event_time >= watermark]
    ready.sort(key=lambda event: event.session_order)

    # Sessions: each settled event extends its machine's open session or starts a new one.
    open_sessions = dict(state.open_sessions)
    closed_frontiers = dict(state.closed_frontiers)
    settled = []
    closed = []
    for event in ready:
        session = open_sessions.get(event.machine_id)
        if session is None:
            session = Session((event,))
        elif reason := why_it_ends(session, event, rules):
            closed.append(session.closed(reason))
            session = Session((event,))
        else:
            session = session.extended(event)
        open_sessions[event.machine_id] = session
        closed_frontiers.pop(event.machine_id, None)
        settled.append((event, session.session_id))
        if ends_its_session(event, rules):
            closed.append(open_sessions.pop(event.machine_id).closed("closing_event"))
            closed_frontiers[event.machine_id] = event.event_time

    # The watermark closes the sessions that nothing can extend any more.
    for machine_id, session in list(open_sessions.items()):
        frontier = session.last.event_time + rules.timeout
        if frontier + rules.allowed_lateness < watermark:
            closed.append(session.closed("timeout"))
            closed_frontiers[machine_id] = frontier
            del open_sessions[machine_id]

    # Forgotten: old frontiers; old identities, unless a copy could still pass for an event in time.
    closed_frontiers = {
        machine_id: frontier
        for machine_id, frontier in closed_frontiers.items()
        if frontier >= watermark - rules.max_event_age
    }
    at_open_frontier = {
        (machine_id, session.last.event_time) for machine_id, session in open_sessions.items()
    }
    identities = {
        identity
        for identity in identities
        if identity.event_time >= watermark - rules.dedup_window
        or (identity.machine_id, identity.event_time) in at_open_frontier
    }

    after = State(open_sessions, closed_frontiers, pending, identities)
    return Played(settled, closed, late, duplicates, after)


def frontier_ahead_of(event: Event, state: State) -> datetime | None:
    """Return the frontier that makes the event late; None if it is in time."""
    session = state.open_sessions.get(event.machine_id)
    if session is not None:
        frontier = session.last.event_time
        return frontier if event.event_time < frontier else None
    closed_frontier = state.closed_frontiers.get(event.machine_id)
    if closed_frontier is not None and event.event_time <= closed_frontier:
        return closed_frontier
    return None


def why_it_ends(session: Session, event: Event, rules: SessionRules) -> str | None:
    """Return the ``end_reason`` that the machine's next event gives; None if it extends."""
    if event.event_time - session.last.event_time > rules.timeout:
        return "timeout"
    if rules.opening.search(event.action):
        return "opening_event"
    if (
        rules.max_duration is not None
        and event.event_time - session.first.event_time > rules.max_duration
    ):
        return "max_duration"
    return None


def ends_its_session(event: Event, rules: SessionRules) -> bool:
    return rules.closing is not None and rules.closing.search(event.action) is not None


def one_pass(events: Iterable[Event], rules: SessionRules) -> list[Session]:
    """Return all sessions of the events, none of them late; each machine's last one is open."""
    first_copies: dict[Identity, Event] = {}
    for event in sorted(events, key=lambda event: event.landed_order):
        first_copies.setdefault(event.identity, event)

    ended = []
    running: dict[str, Session] = {}
    for event in sorted(first_copies.values(), key=lambda event: event.session_order):
        session = running.get(event.machine_id)
        if session is None:
            session = Session((event,))
        elif reason := why_it_ends(session, event, rules):
            ended.append(session.closed(reason))
            session = Session((event,))
        else:
            session = session.extended(event)
        running[event.machine_id] = session
        if ends_its_session(event, rules):
            ended.append(running.pop(event.machine_id).closed("closing_event"))
    return [*ended, *running.values()]
