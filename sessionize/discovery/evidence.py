"""What stands at each path of decoded records: how often, of what kind, how various."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from sessionize.discovery.sample import Record
from sessionize.events.timestamps import parse_timestamps
from sessionize.kernels.timestamps import UNITS
from sessionize.landing import Kind
from sessionize.model.field_paths import shown_path
from sessionize.model.frames import text_array

#: How deep into objects a path reaches, and how many names of one object are told apart: one with
#: more is a mapping of ids to something, not a record.
DEPTH, NAMES = 5, 150

#: How far from the hour of landing an event may be said to have happened: see `SessionRules`.
_BEFORE, _AFTER = timedelta(days=7), timedelta(minutes=15)
_NEAR = timedelta(days=1)
_HOUR = timedelta(hours=1)

_UNIT_NAMES = {6: "seconds", 3: "milliseconds", 0: "microseconds", -3: "nanoseconds"}


@dataclass
class Found:
    """What records hold at one path.

    Attributes
    ----------
    names : tuple of str
        The path.
    values : list of (int, value)
        The number of the record, and what it holds there: texts, numbers, true and false.
    kinds : Counter of str
        ``string``, ``int``, ``double``, ``bool``, ``array``, ``object``; null counts as absent.
    records : int
        All records of the sample.
    """

    names: tuple[str, ...]
    records: int
    values: list[tuple[int, Any]] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)

    @property
    def path(self) -> str:
        """The path as a pipeline file writes it."""
        return shown_path(self.names)

    @property
    def present(self) -> float:
        """The share of records that have a text, a number, true or false there."""
        return len(self.values) / self.records

    @property
    def is_scalar(self) -> bool:
        """Whether there is never an object or array."""
        return len(self.values) == self.kinds.total()

    @property
    def is_text_or_number(self) -> bool:
        """Whether what is there can be an id or a name."""
        return bool(self.values) and self.is_scalar and not self.kinds["bool"]

    @cached_property
    def distinct(self) -> int:
        """How many different values there are."""
        return len({_as_text(value) for _, value in self.values})

    @property
    def variety(self) -> float:
        """Different values per value: 1 if none comes twice."""
        return self.distinct / max(1, len(self.values))

    def commonest(self, count: int) -> list[str]:
        """Return the values that come most often, as texts."""
        counted = Counter(_as_text(value) for _, value in self.values)
        return [text for text, _ in counted.most_common(count)]


@dataclass(frozen=True)
class Times:
    """What the values at a path are, read as time stamps.

    Attributes
    ----------
    read : float
        The share of values that are time stamps.
    near : float
        The share of those that lie within a day before the hour of landing, or in it.
    accepted : float
        The share that a run would take: no more than seven days old, and hardly in the future.
    units : Counter of str
        ``seconds`` … ``nanoseconds``, ``ISO 8601``, ``ISO 8601 without an offset``.
    """

    read: float
    near: float
    accepted: float
    units: Counter[str]


def find_paths(records: Sequence[Record]) -> list[Found]:
    """Return what stands at each path, in the order in which the paths first come."""
    found: dict[tuple[str, ...], Found] = {}
    names_of: Counter[tuple[str, ...]] = Counter()
    crowded: set[tuple[str, ...]] = set()
    for number, record in enumerate(records):
        for names, kind, value in _leaves(record.fields, ()):
            one = found.get(names)
            if one is None:
                if names[:-1] in crowded:
                    continue
                names_of[names[:-1]] += 1
                if names_of[names[:-1]] > NAMES:
                    crowded.add(names[:-1])
                    continue
                one = found[names] = Found(names, len(records))
            one.kinds[kind] += 1
            if kind not in ("array", "object"):
                one.values.append((number, value))
    return [
        one
        for names, one in found.items()
        if not any(names[:depth] in crowded for depth in range(1, len(names)))
    ]


def _leaves(value: dict[str, Any], above: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    for name, inner in value.items():
        if not name or inner is None:  # a path cannot write an empty name
            continue
        names = (*above, name)
        kind = _KINDS[type(inner)]
        yield names, kind, inner
        if kind == "object" and len(names) < DEPTH:
            yield from _leaves(inner, names)


_KINDS = {
    str: "string",
    int: "int",
    float: "double",
    bool: "bool",
    list: "array",
    dict: "object",
}


def read_times(found: Found, records: Sequence[Record]) -> Times:
    """Read the values at a path as time stamps, and hold them against the hours of landing."""
    texts = [_as_text(value) for _, value in found.values]
    is_text = [isinstance(value, str) for _, value in found.values]
    kinds = np.where(is_text, Kind.STRING, Kind.NUMBER).astype(np.uint8)
    kinds[[isinstance(value, bool) for _, value in found.values]] = Kind.OTHER
    read = parse_timestamps(pd.Series(text_array(texts)), kinds)
    is_read = read.notna().to_numpy()
    time = read.to_numpy("M8[us]")[is_read]
    start = np.array([records[number].hour.start.timestamp() for number, _ in found.values])
    landed = (start[is_read] * 1_000_000).astype("int64").view("M8[us]")
    is_past = time <= landed + np.timedelta64(_HOUR + _AFTER)
    near = is_past & (time >= landed - np.timedelta64(_NEAR))
    accepted = is_past & (time >= landed - np.timedelta64(_BEFORE))
    units: Counter[str] = Counter()
    for text, count in Counter(itertools.compress(texts, is_read.tolist())).items():
        units[_unit_of(text)] += count
    total = max(1, len(time))
    return Times(
        len(time) / max(1, len(texts)), int(near.sum()) / total, int(accepted.sum()) / total, units
    )


def _unit_of(text: str) -> str:
    try:
        number = abs(float(text))
    except ValueError:
        return _iso_of(text)
    power = next((power for below, power in UNITS if number < below), UNITS[-1][1])
    return _UNIT_NAMES[power]


def _iso_of(text: str) -> str:
    try:
        has_offset = datetime.fromisoformat(text.strip().upper()).tzinfo is not None
    except ValueError:
        has_offset = True
    return "ISO 8601" if has_offset else "ISO 8601 without an offset"


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)
