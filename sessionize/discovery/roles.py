"""Which field could be an event's time, machine, user, action and id, by name and by evidence.

A field scores by its name, about 0 to 1, times what its values say. Two that score about the same
are told apart by nobody but the people who send them: then none is chosen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from sessionize.discovery.evidence import Found, Times, read_times
from sessionize.discovery.sample import Record

Role = Literal["timestamp", "action", "machine_id", "user_id", "event_id"]
ROLES: tuple[Role, ...] = ("timestamp", "action", "machine_id", "user_id", "event_id")
#: Those that a pipeline cannot do without.
REQUIRED: tuple[Role, ...] = ("timestamp", "action", "machine_id")

#: Candidates that are no more than this apart are about equal.
_CLOSE = 0.1
#: What a candidate must score to be chosen.
_ENOUGH: dict[Role, float] = {
    "timestamp": 0.25,
    "action": 0.5,
    "machine_id": 0.5,
    "user_id": 0.5,
    "event_id": 0.5,
}
#: What scores less is no candidate at all.
_LEAST = 0.1
#: Below so many records values say little about how various they are.
_MANY = 20
#: A field of so few texts could hold actions, whatever its name: people may want it, but it is
#: never chosen.
_FEW, _NAMELESS = 50, 0.2
#: What a level of nesting takes from a score.
_NESTED = 0.02

#: The names that people use, without case and separators, from 1 (it is made for this) downwards.
_NAMES: dict[Role, dict[float, str]] = {
    "timestamp": {
        1.0: "timestamp eventtimestamp eventtime time ts occurredat happenedat derivedtstamp "
        "eventdate eventts",
        0.8: "createdat datetime dvcecreatedtstamp originaltimestamp clienttimestamp clienttime "
        "date created eventcreatedat loggedat requesttime timeclient starttime",
        0.6: "sentat receivedat collectortstamp servertimestamp servertime ingestedat processedat "
        "etltstamp dvcesenttstamp uploadtime",
    },
    "action": {
        1.1: "eventname",  # more telling than an `event` beside it, which may be a kind of events
        0.98: "event action eventaction",
        0.8: "eventtype actionname activity",
        0.7: "type name actiontype eventlabel",
        0.4: "category verb operation method kind",
    },
    "machine_id": {
        1.0: "anonymousid userpseudoid distinctid domainuserid machineid instid installationid "
        "installid browserid visitorid",
        0.85: "deviceid clientid cookieid networkuserid fullvisitorid ampid trackerid",
        0.7: "deviceuuid idfv idfa gaid advertisingid fingerprint",
        0.45: "sessionid domainsessionid session sid ip ipaddress clientip remoteaddr userip "
        "remoteip userid",
    },
    "user_id": {
        1.0: "userid uid useruid",
        0.85: "customerid accountid memberid profileid personid loginid",
        0.7: "username user login account customer",
        0.5: "email useremail",
    },
    "event_id": {
        1.0: "eventid messageid insertid eventuuid eventguid",
        0.85: "uuid guid recordid",
        0.8: "id requestid",
        0.5: "traceid key",
    },
}
_SCORES: dict[Role, dict[str, float]] = {
    role: {name: score for score, names in scores.items() for name in names.split()}
    for role, scores in _NAMES.items()
}
#: Names that mean something only by themselves, or in an object of such a name.
_BARE = {"id": ("event", "message", "record"), "name": ("event",), "type": ("event",)}
_TIME_LIKE = re.compile(r"time|date|tstamp|(?:^|_)(?:ts|at)$", re.IGNORECASE)


@dataclass(frozen=True)
class Candidate:
    """A field that could play a role, and what speaks for and against it."""

    found: Found
    score: float
    against: tuple[str, ...] = ()
    times: Times | None = None

    @property
    def path(self) -> str:
        """The path as a pipeline file writes it."""
        return self.found.path


@dataclass(frozen=True)
class Choice:
    """The field that plays a role; None where none is good, or two are about equal.

    Attributes
    ----------
    chosen : Candidate or None
    candidates : tuple of Candidate
        All, best first.
    doubt : str
        Why none is chosen, or what should be looked at; empty if nothing.
    is_a_tie : bool
        Whether none is chosen because several are about equally good.
    """

    role: Role
    chosen: Candidate | None
    candidates: tuple[Candidate, ...]
    doubt: str = ""
    is_a_tie: bool = False

    @property
    def others(self) -> tuple[Candidate, ...]:
        """The candidates that are not chosen."""
        return tuple(one for one in self.candidates if one is not self.chosen)


def choose_roles(paths: Sequence[Found], records: Sequence[Record]) -> dict[Role, Choice]:
    """Choose the field of each role; no field plays two, but a user may be the machine."""
    chosen: dict[Role, Choice] = {}
    taken: set[tuple[str, ...]] = set()
    for role in ROLES:
        candidates = [
            one
            for found in paths
            if found.values and found.names not in taken
            if (one := candidate(role, found, records)) is not None and one.score >= _LEAST
        ]
        choice = chosen[role] = choose(role, candidates)
        if choice.chosen is not None:
            taken.add(choice.chosen.found.names)
    return chosen


def choose(role: Role, candidates: Sequence[Candidate]) -> Choice:
    """Choose among candidates, or say why not."""
    ranked = tuple(sorted(candidates, key=lambda one: (-one.score, len(one.found.names))))
    if not ranked:
        return Choice(role, None, (), "no field looks like it")
    best = ranked[0]
    if best.score < _ENOUGH[role]:
        return Choice(role, None, ranked, "none of the candidates is good enough")
    rivals = [
        one
        for one in ranked[1:]
        if best.score - one.score < _CLOSE
        and one.score >= _ENOUGH[role]
        and not _is_the_same(best.found, one.found)
    ]
    if rivals:
        names = " and ".join(f"`{one.path}`" for one in (best, *rivals[:3]))
        return Choice(role, None, ranked, f"{names} are about equally good", is_a_tie=True)
    return Choice(role, best, ranked, "; ".join(best.against) if role in REQUIRED else "")


def candidate(role: Role, found: Found, records: Sequence[Record]) -> Candidate | None:
    """Score a field for a role; None if it cannot play it."""
    if role == "timestamp":
        return _as_time(found, records)
    if not found.is_text_or_number:
        return None
    name = name_score(role, found.names)
    if not name and role == "action":
        name = _NAMELESS if _could_be_actions(found) else 0
    if not name:
        return None
    factor, against = _JUDGES[role](found)
    depth = _NESTED * (len(found.names) - 1)
    return Candidate(found, name * factor - depth, tuple(against))


def name_score(role: Role, names: tuple[str, ...]) -> float:
    """Return how well a name suits a role: that of the field, or of the object and the field."""
    words = [re.sub(r"[^a-z0-9]", "", name.lower()) for name in names]
    scores, last, above = _SCORES[role], words[-1], words[-2] if len(words) > 1 else ""
    if last in _BARE and above and above not in _BARE[last]:
        return scores.get(above + last, 0.0)
    return max(scores.get(last, 0.0), scores.get(above + last, 0.0) if above else 0.0)


def _could_be_actions(found: Found) -> bool:
    """Tell whether texts come again and again, without being the same everywhere."""
    return not found.kinds["int"] and not found.kinds["double"] and 1 < found.distinct <= _FEW


def _as_time(found: Found, records: Sequence[Record]) -> Candidate | None:
    if not found.is_text_or_number:
        return None
    name = name_score("timestamp", found.names)
    if not name:
        name = 0.5 if _TIME_LIKE.search("_".join(found.names)) else 0.3
    times = read_times(found, records)
    # A number near the hour of landing is no chance; a far one may be anything.
    weight = times.read**2 * (0.3 + 0.7 * times.near) * found.present**2
    if not times.near and not name_score("timestamp", found.names):
        return None
    against = [*_gaps(found)]
    if times.read < 1:
        against.append(f"{_percent(1 - times.read)} of its values are no time stamp")
    if times.read and times.accepted < 1:
        against.append(
            f"{_percent(1 - times.accepted)} of its values lie more than 7 days before the hour in "
            "which they landed, or after it: a run puts such records into quarantine (see "
            "`max_event_age` and `max_clock_skew` in docs/configuration.md)"
        )
    score = name * weight - _NESTED * (len(found.names) - 1)
    return Candidate(found, score, tuple(against), times)


def _judge_machine(found: Found) -> tuple[float, list[str]]:
    factor, against = found.present**2, [*_gaps(found)]
    if len(found.values) >= _MANY and found.distinct == len(found.values):
        factor *= 0.6
        against.append("no value comes twice: it looks like the id of an event")
    if len(found.values) >= _MANY and found.distinct == 1:
        factor *= 0.5
        against.append("it has the same value in every record")
    return factor, against


def _judge_action(found: Found) -> tuple[float, list[str]]:
    factor, against = found.present**2, [*_gaps(found)]
    if found.kinds["int"] or found.kinds["double"]:
        factor *= 0.6
        against.append("it holds numbers")
    if len(found.values) >= _MANY and found.variety > 0.5:
        factor *= 0.4
        against.append("nearly every record has another value")
    if len(found.values) >= _MANY and found.distinct == 1:
        factor *= 0.85
        against.append("it has the same value in every record")
    return factor, against


def _judge_user(found: Found) -> tuple[float, list[str]]:
    if len(found.values) >= _MANY and found.distinct == len(found.values):
        return 0.6, ["no value comes twice: it looks like the id of an event"]
    return 1.0, []


def _judge_event_id(found: Found) -> tuple[float, list[str]]:
    against = [*_gaps(found)]
    # The same record comes twice now and then: an id may, too.
    if len(found.values) > 2 and found.variety < 0.8:
        return 0.2, ["its values come again and again"]
    return found.present, against


_JUDGES: dict[Role, Callable[[Found], tuple[float, list[str]]]] = {
    "action": _judge_action,
    "machine_id": _judge_machine,
    "user_id": _judge_user,
    "event_id": _judge_event_id,
}


def _gaps(found: Found) -> list[str]:
    if len(found.values) == found.records:
        return []
    return [f"{_percent(1 - found.present)} of the records have none, and would go to quarantine"]


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.0005 else "less than 0.1%"


def _is_the_same(one: Found, other: Found) -> bool:
    """Tell whether two fields hold the same in every record."""
    return one.values == other.values
