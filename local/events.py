"""Made-up events of desktop PDF software, as they reach Firehose: the same for the same seed.

Sessions cross hour boundaries, laptops are offline and upload hours later, single events come late,
records come twice, and some are not valid.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from local.fleet import Clock, Installation, Link, Usage, make_fleet
from local.mishaps import INVALID
from sessionize.model.hours import Hour

_ACTIONS = {
    "pro": ("proedit", "proedit", "proview", "proconvert", "prosave", "proprint", "prosign"),
    "reader": ("readerview", "readerview", "readersearch", "readerprint"),
}
_TITLES = ("Vertrag „Müller“.pdf", "レポート.pdf", 'The "final" draft.pdf', "C:\\scan\\0001.pdf")
_DUPLICATES = {
    "duplicate_at_once": timedelta(0),
    "duplicate_soon": timedelta(minutes=15),
    "duplicate_next_hour": timedelta(hours=1),
}
_MOST_INVALID = 3


@dataclass(frozen=True)
class Sent:
    """A record on its way.

    Attributes
    ----------
    arrived : datetime
        When Firehose got it.
    body : dict or bytes
        The record; bytes are what no JSON object could say.
    kind : str
        ``ordinary``, ``offline``, ``late``, ``duplicate_…`` or the name of a fault in ``INVALID``.
    """

    arrived: datetime
    body: dict[str, Any] | bytes
    kind: str


def generate(hours: Sequence[Hour], *, seed: int = 0, installations: int = 240) -> list[Sent]:
    """Make the records that arrive in these consecutive hours, in the order of their arrival.

    What arrives in an hour does not depend on how many hours follow: one can go on later.
    """
    begin, end = hours[0].start, hours[-1].end
    good: list[Sent] = []
    for number, installation in enumerate(make_fleet(random.Random(seed), installations)):
        good += _sent_by(installation, f"{seed}/{number}", begin, end)
    sent = list(good)
    for hour in hours:
        rng = random.Random(f"{seed}/{hour}")
        of_hour = [record for record in good if hour.start <= record.arrived < hour.end]
        sent += _duplicates(rng, of_hour)
        sent += _invalid(rng, of_hour)
    return sorted(
        (record for record in sent if record.arrived < end), key=lambda record: record.arrived
    )


def _sent_by(
    installation: Installation, seed: str, begin: datetime, end: datetime
) -> Iterator[Sent]:
    # Each has its own source of chance, so that more hours change nothing in those before.
    times = list(_times(random.Random(f"{seed}/times"), installation.usage, begin, end))
    events = _events(random.Random(f"{seed}/events"), installation, times)
    return _sending(random.Random(f"{seed}/link"), installation.link, times, events)


def _times(
    rng: random.Random, usage: Usage, begin: datetime, end: datetime
) -> Iterator[tuple[datetime, bool]]:
    """Yield when something is done, and whether the program is started by it."""
    time = begin + timedelta(seconds=rng.randint(5, 2400))
    is_start = rng.random() < 0.8
    while time < end:
        yield time, is_start
        is_start = False
        match usage:
            case Usage.ALL_DAY:
                pause = rng.randint(120, 1500)
            case Usage.CLOCKWORK:
                pause = 1800 + rng.randint(0, 1)
            case Usage.RESTARTS:
                pause = rng.randint(60, 900)
                is_start = True
            case _:
                pause = rng.randint(5, 400)
                if rng.random() < 0.08:
                    pause = rng.randint(2400, 9000)
                    # Some leave the program open meanwhile: then only the pause ends the session.
                    is_start = rng.random() < 0.7
        time += timedelta(seconds=pause)


def _events(
    rng: random.Random, installation: Installation, times: Sequence[tuple[datetime, bool]]
) -> Iterator[dict[str, Any]]:
    product = installation.product
    for number, (time, is_start) in enumerate(times):
        action = f"{product}started" if is_start else rng.choice(_ACTIONS[product])
        if number == 0 and installation.usage is Usage.NEWCOMER:
            action = f"{product}firstrun"
        event: dict[str, Any] = {
            "event_id": _uuid(rng),
            "timestamp": _stamp(time, installation.clock),
            "action": action,
            "inst_id": installation.inst_id,
            "_l": installation.machine_length,
            "build_id": installation.build_id,
            "trialstate": installation.trialstate,
            "apptoken": installation.apptoken,
            "installsource": installation.installsource,
            "language": installation.language,
            "nid": installation.nid,
            "ip_address": installation.ip_address,
            "_p2": installation.p2,
            # What the pipeline has never heard of.
            "pages": rng.randint(1, 400),
            "window": {"width": 1920, "height": 1080, "title": rng.choice(_TITLES)},
        }
        if not installation.has_event_ids:
            del event["event_id"]
        yield {name: value for name, value in event.items() if value is not None}


def _stamp(time: datetime, clock: Clock) -> int | float | str:
    seconds = int(time.timestamp())
    match clock:
        case Clock.SECONDS:
            return seconds
        case Clock.MILLISECONDS:
            return seconds * 1000 + 250
        case Clock.FRACTION:
            return seconds + 0.5
        case Clock.NUMERIC_TEXT:
            return str(seconds)
        case Clock.ISO_UTC:
            return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.125Z")
        case Clock.ISO_OFFSET:
            return time.astimezone(timezone(timedelta(hours=2))).isoformat()


def _sending(
    rng: random.Random,
    link: Link,
    times: Sequence[tuple[datetime, bool]],
    events: Iterable[dict[str, Any]],
) -> Iterator[Sent]:
    """Send an installation's events, each as late as the link makes it."""
    offline_until = times[0][0] + timedelta(minutes=rng.randint(90, 300)) if times else None
    for (time, _), event in zip(times, events, strict=True):
        arrived, kind = time + timedelta(seconds=rng.randint(0, 20)), "ordinary"
        is_flaky = rng.random() < 0.05
        if link is Link.OFFLINE and offline_until is not None and time < offline_until:
            arrived, kind = offline_until, "offline"
        elif link is Link.FLAKY and is_flaky:
            arrived, kind = time + timedelta(minutes=rng.randint(130, 200)), "late"
        yield Sent(arrived, event, kind)


def _duplicates(rng: random.Random, sent: Sequence[Sent]) -> Iterator[Sent]:
    """Send some records a second time: at once, a quarter of an hour later, an hour later."""
    originals = [record for record in sent if "event_id" in record.body]
    for kind, delay in _DUPLICATES.items():
        for record in rng.sample(originals, -(-len(originals) // 150)):
            yield replace(record, arrived=record.arrived + delay, kind=kind)


def _invalid(rng: random.Random, sent: Sequence[Sent]) -> Iterator[Sent]:
    """Send records with every fault there is, made from good records."""
    for kind, spoil in INVALID.items():
        for record in rng.sample(sent, min(len(sent), rng.randint(1, _MOST_INVALID))):
            assert isinstance(record.body, dict)
            event = record.body | {"event_id": _uuid(rng)}
            yield Sent(record.arrived, spoil(event), kind)


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))
