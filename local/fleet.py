"""The installations of a desktop PDF product: who they are, how they are used, how they connect."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum, auto

_LANGUAGES = ("en-US", "de-DE", "fr-FR", "ja-JP", "pt-BR", "es-ES", "nl-NL", None)
_SOURCES = ("web", "store", "partner", "volume", None)
_BUILDS = ("9.5.3.8", "10.0.2.40", "10.3.5.1", "10.3.5.12", "f10.3.6.2", "f10.5.0.40", "8.5.7.3")
_HEX = "0123456789abcdef"


class Usage(Enum):
    """How somebody works with the program."""

    BOUTS = auto()  #: works for a while, is away for longer
    ALL_DAY = auto()  #: never away for as long as a session's timeout: one session over many hours
    RESTARTS = auto()  #: starts the program again and again
    NEWCOMER = auto()  #: installs it in these hours
    CLOCKWORK = auto()  #: exactly the timeout between two events, then one second more


class Link(Enum):
    """How events reach Firehose."""

    ONLINE = auto()  #: within seconds
    OFFLINE = auto()  #: hours later, in order
    FLAKY = auto()  #: mostly within seconds, now and then one alone is hours late


class Clock(Enum):
    """How the program writes a time stamp."""

    SECONDS = auto()
    MILLISECONDS = auto()
    FRACTION = auto()
    NUMERIC_TEXT = auto()
    ISO_UTC = auto()
    ISO_OFFSET = auto()


@dataclass(frozen=True)
class Installation:
    """One user's program on one machine."""

    inst_id: str
    machine_length: int | None
    product: str
    build_id: str
    trialstate: str | None
    apptoken: str
    installsource: str | None
    language: str | None
    nid: str
    ip_address: str
    p2: str | None
    usage: Usage
    link: Link
    clock: Clock
    has_event_ids: bool


def make_fleet(rng: random.Random, size: int) -> list[Installation]:
    """Make installations; every usage, link and clock is among any 60 of them."""
    fleet: list[Installation] = []
    machine = ""
    for number in range(size):
        # Every tenth is a second user of the machine before.
        if number % 10 != 9:
            machine = _hex(rng, rng.choice((16, 32)))
        fleet.append(_installation(rng, number, machine))
    return fleet


def _installation(rng: random.Random, number: int, machine: str) -> Installation:
    product = "reader" if number % 3 == 2 else "pro"
    usages = (Usage.BOUTS,) * 6 + (Usage.ALL_DAY,) * 2 + (Usage.RESTARTS, Usage.NEWCOMER)
    usage = Usage.CLOCKWORK if number % 60 == 7 else usages[number % len(usages)]
    links = (Link.ONLINE,) * 9 + (Link.OFFLINE,) * 2 + (Link.FLAKY,) * 2
    inst_id = machine + _hex(rng, 32)
    return Installation(
        inst_id=inst_id.upper() if number % 17 == 3 else inst_id,
        machine_length=None if number % 23 == 5 else len(machine),
        product=product,
        build_id=rng.choice(_BUILDS),
        trialstate=rng.choice(("Activated", "Activated", "Trial", "Expired"))
        if product == "pro"
        else None,
        apptoken=_hex(rng, 12),
        installsource=rng.choice(_SOURCES),
        language=rng.choice(_LANGUAGES),
        nid=_hex(rng, 8),
        # Addresses that are kept for documentation: nobody's.
        ip_address=f"203.0.113.{rng.randint(1, 254)}",
        p2=rng.choice(("a", "b", None)),
        usage=usage,
        link=links[number % len(links)],
        clock=tuple(Clock)[number % len(Clock)],
        has_event_ids=number % 29 != 11,
    )


def _hex(rng: random.Random, length: int) -> str:
    return "".join(rng.choices(_HEX, k=length))
