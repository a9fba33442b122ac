"""The columns that a pipeline file declares, `[[column]]` and `[[session.column]]`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from sessionize.config.section import Section
from sessionize.model.columns import (
    DAILY_SESSION_COLUMNS,
    EVENT_COLUMNS,
    PLAIN_EVENT_COLUMNS,
    PLAIN_SESSION_COLUMNS,
    SESSION_COLUMNS,
    Aggregate,
    EventColumn,
    SessionColumn,
    Type,
    aggregate_type,
)
from sessionize.model.field_paths import parse_path

OwnType = Literal["string", "int64", "double", "bool", "timestamp"]
#: Aggregates that keep every value, and so may be given a limit.
_LIMITED = ("list", "distinct")
#: What stands beside the columns: partitions, what datasets add, and what columns are made from.
_TAKEN = ("dt", "hour", "session_id", "frontier", "machine_length")
_TAKEN_OF_SESSIONS = ("dt", "hour", *(column.name for column in DAILY_SESSION_COLUMNS))


class OwnSessionColumn(Section, frozen=True):
    """A column of ``sessions`` that the file declares (contract §3, *Columns of a session*)."""

    name: str
    aggregate: Aggregate
    of: str | None = None
    where: re.Pattern[str] | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        _check_name(self.name)
        if self.of is None and self.aggregate != "count":
            raise ValueError(f"`of` is missing: name the event column that `{self.name}` is of")
        if self.limit is not None and (self.limit < 1 or self.aggregate not in _LIMITED):
            raise ValueError(
                f"`limit` is {self.limit}: `list` and `distinct` take one, of 1 or more"
            )


class OwnEventColumn(Section, frozen=True):
    """A column of events that the file declares (contract §2, *Columns of one's own*)."""

    name: str
    field: str
    type: OwnType = "string"
    required: bool = False
    pattern: re.Pattern[str] | None = None

    def __post_init__(self) -> None:
        _check_name(self.name)
        parse_path(self.field)
        if self.pattern is not None and self.type != "string":
            raise ValueError(f"`pattern` is for strings: `{self.name}` is of type {self.type}")


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{,99}", name, re.ASCII):
        raise ValueError(
            f"`name` is {name!r}: begin with a small letter, and use small letters, digits and `_`"
        )


def declared_event_columns(
    profile: str, user_id: str | None, own: Iterable[OwnEventColumn]
) -> tuple[EventColumn, ...]:
    """Return the columns of an event: the profile's, then those of the file.

    Raises
    ------
    ValueError
        If a name is taken.
    """
    columns = list(PLAIN_EVENT_COLUMNS if profile == "none" else EVENT_COLUMNS)
    if profile == "none":
        columns = [replace(c, field=user_id) if c.name == "user_id" else c for c in columns]
    for column in own:
        _check_free(f"column `{column.name}`", column.name, columns, _TAKEN)
        columns.append(
            EventColumn(
                column.name,
                f"`{column.field}`",
                column.type,
                field=column.field,
                required=column.required,
                pattern=column.pattern,
                is_own=True,
            )
        )
    return tuple(columns)


def declared_session_columns(
    profile: str, event_columns: tuple[EventColumn, ...], own: Iterable[OwnSessionColumn]
) -> tuple[SessionColumn, ...]:
    """Return the columns of a session: the profile's, then those of the file.

    Raises
    ------
    ValueError
        If a name is taken, or a column aggregates what is no event column or has no such aggregate.
    """
    columns = list(PLAIN_SESSION_COLUMNS if profile == "none" else SESSION_COLUMNS)
    types = {column.name: column.type for column in event_columns}
    for column in own:
        _check_free(f"session.column `{column.name}`", column.name, columns, _TAKEN_OF_SESSIONS)
        columns.append(
            SessionColumn(
                column.name,
                _about(column),
                _type(column, types),
                column.aggregate,
                column.of,
                None if column.where is None else column.where.pattern,
                column.limit,
                is_own=True,
            )
        )
    return tuple(columns)


def _check_free(
    setting: str, name: str, columns: Iterable[EventColumn | SessionColumn], taken: tuple[str, ...]
) -> None:
    if any(column.name == name and column.is_own for column in columns):
        raise ValueError(f"{setting} is declared twice: give one of them another name")
    if name in taken or any(column.name == name for column in columns):
        raise ValueError(f"{setting} has the name of a built-in column: give it another one")


def _type(column: OwnSessionColumn, types: dict[str, Type]) -> Type:
    if column.of is not None and column.of not in types:
        near = difflib.get_close_matches(column.of, types, n=1)
        mend = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(types)}"
        raise ValueError(
            f"session.column `{column.name}`: there is no event column `{column.of}`; {mend}"
        )
    try:
        return aggregate_type(column.aggregate, None if column.of is None else types[column.of])
    except ValueError as error:
        raise ValueError(f"session.column `{column.name}`: `{column.of}`: {error}") from None


def _about(column: OwnSessionColumn) -> str:
    """Say what a column holds, for the tables."""
    of = f" of `{column.of}`" if column.of else ""
    where = f" where the action has `{column.where.pattern}`" if column.where else ""
    return f"{column.aggregate}{of}{where}"
