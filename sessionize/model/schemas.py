"""Every dataset's schema and every table of the state, made from the declared columns.

A dataset's schema is the same in every partition, however empty the hour.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from sessionize.model.columns import (
    DAILY_SESSION_COLUMNS,
    EVENT_COLUMNS,
    INPUT_FIELDS,
    MACHINE_COLUMNS,
    SESSION_COLUMNS,
    SUMMARY_COLUMNS,
    DailyColumn,
    EventColumn,
    InputField,
    SessionColumn,
    Type,
    aggregate_type,
)
from sessionize.model.tables import ENCODED

TIME = pa.timestamp("us", tz="UTC")
ARROW_TYPES: dict[Type, pa.DataType] = {
    "string": pa.string(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": TIME,
}
#: What the declarations call each.
TYPE_NAMES = {kind: name for name, kind in ARROW_TYPES.items()}


def field(name: str, kind: pa.DataType) -> pa.Field:
    """Return a column with its Parquet field id, which stays the same wherever the column stands.

    With it a table format can rename columns and keep reading older files.
    """
    number = zlib.crc32(name.encode()) & 0x7FFFFFFF
    return pa.field(name, kind, metadata={"PARQUET:field_id": str(number)})


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema([field(name, kind) for name, kind in columns.items()])


QUARANTINE = _schema(
    raw=pa.string(),
    reason=pa.string(),
    detail=pa.string(),
    object_key=pa.string(),
    position=pa.int64(),
)

#: A machine with no open session, and the time up to which (inclusive) its events are late.
CLOSED_FRONTIERS = _schema(machine_id=pa.string(), frontier=TIME)

#: What identifies an event (contract §2, *Duplicate*).
IDENTITIES = _schema(machine_id=pa.string(), event_id=pa.string(), event_time=TIME)

#: The session columns that an open session is missing events for: see `lake.migrations`.
INCOMPLETE = field("incomplete", pa.list_(pa.field("element", pa.string())))


@dataclass(frozen=True)
class Schemas:
    """The schemas that a pipeline's columns make.

    Attributes
    ----------
    event_columns : tuple of EventColumn
    session_columns : tuple of SessionColumn
    input_fields : tuple of InputField
        The raw fields that are no columns themselves.

    Raises
    ------
    ValueError
        If a column is declared twice; if a session column aggregates what is no event column, or
        has another type than that gives.
    """

    event_columns: tuple[EventColumn, ...] = EVENT_COLUMNS
    session_columns: tuple[SessionColumn, ...] = SESSION_COLUMNS
    input_fields: tuple[InputField, ...] = INPUT_FIELDS

    def __post_init__(self) -> None:
        for columns in (self.event_columns, self.session_columns):
            declared = names(columns)
            if doubled := {name for name in declared if declared.count(name) > 1}:
                raise ValueError(f"the column {doubled.pop()!r} is declared twice")
        types = {column.name: column.type for column in self.event_columns}
        for column in self.session_columns:
            if column.aggregate is not None:
                _check_type(column, types)

    @functools.cached_property
    def events(self) -> pa.Schema:
        """``events``."""
        return pa.schema([field(c.name, ARROW_TYPES[c.type]) for c in self.event_columns])

    @functools.cached_property
    def sessions(self) -> pa.Schema:
        """``sessions``, and ``open_sessions``."""
        return pa.schema([field(c.name, published_type(c)) for c in self.session_columns])

    @functools.cached_property
    def datasets(self) -> dict[str, pa.Schema]:
        """The published datasets."""
        return {
            "quarantine": QUARANTINE,
            "events": self.events,
            "late_events": self.events.append(field("frontier", TIME)),
            "sessionized_events": self.events.append(field("session_id", pa.string())),
            "sessions": self.sessions,
            "open_sessions": self.sessions,
        }

    @property
    def has_version(self) -> bool:
        """Whether sessions have a product and a version: not with `profile = "none"`."""
        return any(c.name == "build_id" and not c.is_own for c in self.session_columns)

    @functools.cached_property
    def daily_columns(self) -> dict[str, tuple[SessionColumn | DailyColumn, ...]]:
        """The columns of a day's datasets."""
        return {
            "daily_sessions": (*self.session_columns, *DAILY_SESSION_COLUMNS),
            "machines": MACHINE_COLUMNS,
            "daily_summary": tuple(
                c for c in SUMMARY_COLUMNS if self.has_version or not c.of_profile
            ),
        }

    @functools.cached_property
    def daily_datasets(self) -> dict[str, pa.Schema]:
        """The datasets of a day, partitioned by ``dt`` alone."""
        return {
            name: pa.schema([field(c.name, _type_of(c)) for c in columns])
            for name, columns in self.daily_columns.items()
        }

    @functools.cached_property
    def state(self) -> dict[str, pa.Schema]:
        """What a run leaves to the next.

        Rows stand machine by machine (`sessions.machines`); a machine's pending events stand in
        landed order (contract §2).
        """
        carried = [field(c.carried_as, carried_type(c)) for c in self.session_columns]
        return {
            "open_sessions": pa.schema([*carried, INCOMPLETE]),
            "closed_frontiers": CLOSED_FRONTIERS,
            "pending": self.events,
            "identities": IDENTITIES,
        }

    @functools.cached_property
    def validated(self) -> pa.Schema:
        """A valid record as it came, with its event time: what *validate* hands to *enrich*."""
        given: list[EventColumn | InputField] = [
            *(c for c in self.event_columns if c.field is not None and not c.is_read),
            *(raw for raw in self.input_fields if raw.name != "timestamp"),
        ]
        text = [pa.field(raw.name, ENCODED if raw.few_values else pa.string()) for raw in given]
        kept = {"event_time", "extended", "object_key", "position"}
        kept |= {column.name for column in self.event_columns if column.is_read}
        return pa.schema([*text, *(f for f in self.between_stages(self.events) if f.name in kept)])

    def between_stages(self, schema: pa.Schema, *more: str) -> pa.Schema:
        """Return a schema as it is between stages: columns of few values, and more, are encoded."""
        few = {column.name for column in self.event_columns if column.few_values}.union(more)

        def is_encoded(f: pa.Field) -> bool:
            # A session column may be called as an event column is, and hold something else.
            return f.name in few and pa.types.is_string(f.type)

        return pa.schema([f.with_type(ENCODED) if is_encoded(f) else f for f in schema])


def _check_type(column: SessionColumn, event_types: dict[str, Type]) -> None:
    """Make sure that a session column has the type that its aggregate gives."""
    assert column.aggregate is not None
    if column.aggregate != "count" and column.of not in event_types:
        raise ValueError(f"session column {column.name!r}: there is no event column {column.of!r}")
    try:
        expected = aggregate_type(column.aggregate, event_types.get(column.of or ""))
    except ValueError as error:
        raise ValueError(f"session column {column.name!r}: {error}") from None
    if column.type != expected:
        raise ValueError(
            f"session column {column.name!r}: {column.aggregate} of {column.of} is {expected}, "
            f"not {column.type}"
        )


def _type_of(column: SessionColumn | DailyColumn) -> pa.DataType:
    if isinstance(column, DailyColumn):
        return ARROW_TYPES[column.type]
    return published_type(column)


def published_type(column: SessionColumn) -> pa.DataType:
    """Return the type of a session column in the lake: ``distinct`` is a number of values."""
    return pa.int64() if column.aggregate == "distinct" else carried_type(column)


def carried_type(column: SessionColumn) -> pa.DataType:
    """Return the type of a session column in the state: ``distinct`` carries the values it has."""
    kind = ARROW_TYPES[column.type]
    is_list = column.aggregate in ("distinct", "list")
    return pa.list_(pa.field("element", kind)) if is_list else kind


def names(columns: Iterable[EventColumn | SessionColumn]) -> list[str]:
    """Return the columns' names, in order."""
    return [column.name for column in columns]


#: Those of the desktop profile.
DESKTOP = Schemas()
#: The published datasets, whatever a pipeline's columns are.
DATASETS: tuple[str, ...] = tuple(DESKTOP.datasets)
#: Those of a day.
DAILY_DATASETS: tuple[str, ...] = tuple(DESKTOP.daily_datasets)
