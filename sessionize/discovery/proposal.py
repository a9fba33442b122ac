"""From a sample to what a pipeline file should say, and what is left to people to decide."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sessionize.discovery.browse import FoundPrefix
from sessionize.discovery.evidence import Found, find_paths, read_times
from sessionize.discovery.roles import REQUIRED, Choice, Role, choose_roles
from sessionize.discovery.sample import Record, Sample
from sessionize.model.columns import (
    DEFAULT_FIELDS,
    EVENT_COLUMNS,
    PLAIN_EVENT_COLUMNS,
    SESSION_COLUMNS,
)
from sessionize.model.field_paths import parse_path
from sessionize.model.hours import Hour
from sessionize.model.landing_prefix import LandingPrefix

#: The most columns that are proposed.
COLUMNS = 100
#: What a field must have in common with a type: the share of its values that fit.
_FITS = 0.99
#: A field in fewer records than this becomes no column.
_RARE = 0.005

_INT64 = 2**63
#: Names that columns of the file must not have.
BUILT_IN = frozenset(
    [
        *(column.name for column in (*EVENT_COLUMNS, *PLAIN_EVENT_COLUMNS)),
        *(column.name for column in SESSION_COLUMNS),
        *("dt", "hour", "session_id", "frontier", "machine_length"),
    ]
)
_DESKTOP = ("timestamp", "action", "inst_id", "build_id")
#: The share of records that must have those fields for the desktop profile.
_MOST = 0.5

_OPENS = re.compile(
    r"start|firstrun|first[_ ]?(open|visit|run)|log(ged)?[_ ]?in|sign(ed)?[_ ]?in|launch|landing"
    r"|app[_ ]?open|open(ed)?[_ ]?app",
    re.IGNORECASE,
)
_CLOSES = re.compile(
    r"log(ged)?[_ ]?out|sign(ed)?[_ ]?out|session[_ ]?end|app[_ ]?(close|exit|terminat)"
    r"|^(exit|quit|close)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ProposedColumn:
    """A column for a field that plays no role."""

    name: str
    field: str
    type: str
    present: float
    note: str = ""


@dataclass(frozen=True)
class Proposal:
    """What a pipeline file should say.

    Attributes
    ----------
    prefix : FoundPrefix
        Where hours land.
    other_prefixes : tuple of LandingPrefix
        Where else something lands below the same URL.
    profile : str
        ``desktop`` or ``none``.
    start : Hour
        The first hour under which anything has landed.
    roles : mapping of str to Choice
        Empty with the desktop profile.
    columns : tuple of ProposedColumn
    left_out : tuple of str
        Fields that become no column, each with the reason.
    actions : tuple of str
        The actions that come most often.
    opening, closing : tuple of str
        Actions that by their names might begin or end a session.
    doubts : tuple of str
        What people must decide before the pipeline runs.
    remarks : tuple of str
        What they should know.
    """

    prefix: FoundPrefix
    other_prefixes: tuple[LandingPrefix, ...]
    profile: str
    start: Hour
    sample: Sample
    paths: tuple[Found, ...]
    roles: Mapping[Role, Choice]
    columns: tuple[ProposedColumn, ...]
    left_out: tuple[str, ...]
    actions: tuple[str, ...]
    opening: tuple[str, ...]
    closing: tuple[str, ...]
    doubts: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every field that a pipeline needs has been found."""
        return all(self.roles[role].chosen is not None for role in REQUIRED if role in self.roles)


def propose(sample: Sample, prefixes: Sequence[FoundPrefix]) -> Proposal:
    """Decide what can be decided, and name what cannot.

    Parameters
    ----------
    sample : Sample
        At least one record that can be read.
    prefixes : sequence of FoundPrefix
        The one that the sample is of, then others below the same URL.
    """
    paths = find_paths(sample.records)
    profile = "desktop" if is_desktop(sample.records) else "none"
    roles = {} if profile == "desktop" else choose_roles(paths, sample.records)
    used = (
        {parse_path(path) for path in DEFAULT_FIELDS.values()}
        if profile == "desktop"
        else {choice.chosen.found.names for choice in roles.values() if choice.chosen}
    )
    columns, left_out = propose_columns([one for one in paths if one.names not in used], sample)
    actions = _actions(paths, profile, roles)
    return Proposal(
        prefix=prefixes[0],
        other_prefixes=tuple(other.prefix for other in prefixes[1:]),
        profile=profile,
        start=sample.hours[0],
        sample=sample,
        paths=tuple(paths),
        roles=roles,
        columns=tuple(columns),
        left_out=tuple(left_out),
        actions=tuple(actions[:12]),
        opening=tuple(action for action in actions if _OPENS.search(action)),
        closing=tuple(action for action in actions if _CLOSES.search(action)),
        doubts=tuple(_doubts(prefixes, roles)),
        remarks=tuple(_remarks(sample, roles)),
    )


def is_desktop(records: Sequence[Record]) -> bool:
    """Tell whether records are those of the desktop profile (contract §2)."""
    having = sum(all(record.fields.get(name) for name in _DESKTOP) for record in records)
    return having >= _MOST * len(records)


def propose_columns(
    paths: Iterable[Found], sample: Sample
) -> tuple[list[ProposedColumn], list[str]]:
    """Return columns for fields with one type, and the fields that become none, with the reason."""
    columns: list[ProposedColumn] = []
    left_out: list[str] = []
    taken = set(BUILT_IN)
    for found in paths:
        if not found.values:
            if found.kinds["array"]:
                left_out.append(f"{found.path}: an array; it stays in `extended`")
            continue
        if not found.is_scalar:
            left_out.append(f"{found.path}: at times an object or array; it stays in `extended`")
        elif found.present < _RARE:
            left_out.append(f"{found.path}: in {found.present:.1%} of the records only")
        elif len(columns) == COLUMNS:
            left_out.append(f"{found.path}: more than {COLUMNS} columns")
        else:
            kind, note = type_of(found, sample.records)
            name = column_name(found.names, taken)
            taken.add(name)
            columns.append(ProposedColumn(name, found.path, kind, found.present, note))
    return columns, left_out


def type_of(found: Found, records: Sequence[Record]) -> tuple[str, str]:
    """Return the type of a field's values, and what is to be said of it."""
    count, kinds = len(found.values), found.kinds
    if kinds["bool"] >= _FITS * count:
        return "bool", ""
    if kinds["int"] + kinds["double"] >= _FITS * count:
        times = read_times(found, records)
        if times.near >= _FITS and times.read >= _FITS:
            return "timestamp", f"in {times.units.most_common(1)[0][0]}"
        whole = all(
            isinstance(value, int) and -_INT64 <= value < _INT64
            for _, value in found.values
            if not isinstance(value, str)
        )
        return ("int64" if whole else "double"), ""
    if kinds["string"] >= _FITS * count:
        if _is_like_a_date(found):
            times = read_times(found, records)
            if times.read >= _FITS:
                return "timestamp", f"in {times.units.most_common(1)[0][0]}"
        return "string", ""
    mixed = ", ".join(f"{kind} {share / count:.0%}" for kind, share in kinds.most_common())
    return "string", f"of several types: {mixed}"


def _is_like_a_date(found: Found) -> bool:
    """Tell whether texts are dates with a time: a number in a text may be anything."""
    return all(
        re.match(r"\d{4}-\d\d-\d\d[T ]\d", value, re.ASCII) is not None
        for _, value in found.values
        if isinstance(value, str)
    )


def column_name(names: tuple[str, ...], taken: Iterable[str]) -> str:
    """Make a free column name of a path: ``context.page.URL`` → ``context_page_url``."""
    taken = set(taken)
    words = [re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name) for name in names]
    name = re.sub(r"[^a-z0-9]+", "_", "_".join(words).lower()).strip("_")[:80]
    if not name[:1].isalpha():
        name = f"field_{name}".rstrip("_")
    if name in BUILT_IN:
        name = f"raw_{name}"
    numbered = (f"{name}_{number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(one for one in numbered if one not in taken)


def _actions(paths: Sequence[Found], profile: str, roles: Mapping[Role, Choice]) -> list[str]:
    if profile == "desktop":
        found = next((one for one in paths if one.names == ("action",)), None)
    else:
        chosen = roles["action"].chosen
        found = chosen.found if chosen else None
    return [] if found is None else found.commonest(200)


def _doubts(prefixes: Sequence[FoundPrefix], roles: Mapping[Role, Choice]) -> Iterable[str]:
    if prefixes[1:]:
        others = ", ".join(str(other.prefix) for other in prefixes[1:6])
        yield (
            f"hours land in several places; this file is for {prefixes[0].prefix}, and there are "
            f"{others}"
        )
    if prefixes[0].also:
        yield (
            f"{prefixes[0].prefix} could be {' or '.join(prefixes[0].also)}: nothing tells day and "
            "month apart"
        )
    for role, choice in roles.items():
        if choice.chosen is None:
            if role in REQUIRED:
                yield f"[fields] {role}: {choice.doubt}{_named(choice)}; name the field"
            elif choice.is_a_tie:
                yield f"[fields] {role}: {choice.doubt}; name the field, or leave it out"


def _remarks(sample: Sample, roles: Mapping[Role, Choice]) -> Iterable[str]:
    for role, choice in roles.items():
        if choice.chosen is not None and choice.doubt:
            yield f"[fields] {role} = {choice.chosen.path}: {choice.doubt}"
    bad = sample.unreadable.total()
    if bad:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sample.unreadable.items())
        share = bad / (bad + len(sample.records))
        yield f"{share:.1%} of the records cannot be read ({reasons}), and would go to quarantine"


def _named(choice: Choice) -> str:
    if not choice.candidates or choice.is_a_tie:
        return ""
    return " (" + ", ".join(f"`{one.path}`" for one in choice.candidates[:4]) + ")"
