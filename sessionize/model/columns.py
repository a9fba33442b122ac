"""Every column of an event and of a session, declared here and nowhere else.

The settings' field names, all schemas, what passes between stages, and the tables of the README
follow from these declarations.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Literal

Type = Literal["string", "int32", "int64", "double", "bool", "timestamp"]

Aggregate = Literal["count", "sum", "min", "max", "first", "last", "distinct", "list"]


@dataclass(frozen=True)
class EventColumn:
    """A column of ``events``, and of every dataset that has event columns."""

    name: str
    about: str
    """What it holds: a cell of the README's table."""
    type: Type = "string"
    field: str | None = None
    """The path of the raw field that fills it, unless `[fields]` names another one.

    None: `enrich` derives it."""
    few_values: bool = False
    """Whether few texts come again and again: such a column is a categorical between stages."""
    fixable: bool = False
    """Whether a `[[fix]]` rule may clean it."""
    required: bool = False
    """Whether a record without a fitting value is not valid; built-in columns have own rules."""
    pattern: re.Pattern[str] | None = None
    """What a text must match as a whole in order to fit; None: anything."""
    is_own: bool = False
    """Whether the pipeline file declares it."""
    is_strict: bool = False
    """Whether only what fits its type is taken, though it is built in and of texts."""

    @property
    def is_read(self) -> bool:
        """Whether *validate* reads its values, as of its type; others are taken as texts."""
        return self.field is not None and (self.type != "string" or self.is_own or self.is_strict)

    @property
    def key(self) -> str:
        """What its raw values are called among the records: no name of a column has a dot."""
        return f"column.{self.name}" if self.is_own else self.name


@dataclass(frozen=True)
class InputField:
    """A raw field from which columns are derived, without being one itself."""

    name: str
    field: str
    few_values: bool = False


@dataclass(frozen=True)
class SessionColumn:
    """A column of ``sessions`` and ``open_sessions``: an aggregate over the session's events.

    An aggregate is carried in the open session and goes on with the events of the next run, in
    session order; so it is exact over the whole session.
    """

    name: str
    about: str
    type: Type
    """Of the values that it aggregates, so that of ``of``; of its own where it has no ``of``.

    ``sum`` of any whole numbers is int64. ``list`` is a list of this type; ``distinct`` is int64.
    """
    aggregate: Aggregate | None = None
    """None: it says what the session itself is (its id, why it ended, how long it took)."""
    of: str | None = None
    """The event column that is aggregated; ``count`` needs none."""
    where: str | None = None
    """Only events whose action has this pattern in it count; None: all."""
    limit: int | None = None
    """The most values that ``list`` and ``distinct`` keep; a list keeps the first ones."""
    skip_nulls: bool = True
    """False: ``first`` and ``last`` take that event's value, null or not (not with ``where``)."""
    is_own: bool = False
    """Whether the pipeline file declares it."""

    @property
    def carried_as(self) -> str:
        """What it is called in the state.

        A column of the pipeline file that is declared anew under its old name is another column:
        sessions that were open then miss events in it.
        """
        if not self.is_own:
            return self.name
        declared = repr((self.type, self.aggregate, self.of, self.where, self.limit))
        return f"{self.name}:{hashlib.sha256(declared.encode()).hexdigest()[:12]}"


@dataclass(frozen=True)
class DailyColumn:
    """A column of a day's datasets that is no column of a session."""

    name: str
    about: str
    type: Type = "string"
    of_profile: bool = False
    """Whether it is made of the session's ``build_id``, which not every pipeline has."""


def aggregate_type(aggregate: Aggregate, of: Type | None) -> Type:
    """Return the type of the values that an aggregate of a column of this type carries.

    Raises
    ------
    ValueError
        If there is no such aggregate of the type.
    """
    if aggregate == "count":
        return "int64"
    if of is None:
        raise ValueError(f"{aggregate} needs a column that it is of")
    if aggregate != "sum":
        return of
    if of not in ("int32", "int64", "double"):
        raise ValueError(f"{of} cannot be summed: only int32, int64 and double can")
    return "double" if of == "double" else "int64"


_AS_SENT = "as sent; a value that is not a text, as its JSON text"

EVENT_COLUMNS: tuple[EventColumn, ...] = (
    EventColumn(
        "event_id",
        "as sent; where it is missing, a UUID derived from the record and its place",
        field="event_id",
    ),
    EventColumn("event_time", "from the raw `timestamp`", "timestamp"),
    EventColumn(
        "machine_id", "`inst_id`, cut after `_l` characters; without `_l` all of it is the machine"
    ),
    EventColumn("user_id", "the rest of `inst_id`; null without a usable `_l`"),
    EventColumn("inst_id", "as sent", field="inst_id", fixable=True),
    EventColumn("action", "as sent", field="action", few_values=True, fixable=True),
    EventColumn("product", "`pro` or `reader`, from the action", few_values=True),
    EventColumn(
        "build_id",
        "`10.3.5.34`, without the leading `f` that some builds send",
        field="build_id",
        few_values=True,
        fixable=True,
    ),
    EventColumn("major_version", "`10`", few_values=True),
    EventColumn("minor_version", "`10.3`", few_values=True),
    EventColumn("maint_id", "`10.3.5`", few_values=True),
    EventColumn("trialstate", _AS_SENT, field="trialstate", few_values=True, fixable=True),
    EventColumn("apptoken", _AS_SENT, field="apptoken", few_values=True),
    EventColumn("installsource", _AS_SENT, field="installsource", few_values=True, fixable=True),
    EventColumn("language", _AS_SENT, field="language", few_values=True, fixable=True),
    EventColumn("nid", _AS_SENT, field="nid"),
    EventColumn("ip_address", _AS_SENT, field="ip_address"),
    EventColumn("p2", _AS_SENT, field="_p2", few_values=True),
    EventColumn("date_id", "`20170204`, of the event time in UTC", "int32"),
    EventColumn("hour_id", "`2017020423`", "int32"),
    EventColumn("minute_id", "`201702042323`", "int64"),
    EventColumn(
        "extended", "all other fields as one JSON object, values as they came; null without any"
    ),
    EventColumn("object_key", "the object, below `raw`", few_values=True),
    EventColumn("position", "the record's place in its object, from 0", "int64"),
)

INPUT_FIELDS: tuple[InputField, ...] = (
    InputField("timestamp", "timestamp"),
    InputField("machine_length", "_l", few_values=True),
)

SESSION_COLUMNS: tuple[SessionColumn, ...] = (
    SessionColumn("session_id", "a UUID that depends only on the session's first event", "string"),
    SessionColumn("machine_id", "whose session it is", "string", "first", "machine_id"),
    SessionColumn("user_id", "of the first event", "string", "first", "user_id", skip_nulls=False),
    SessionColumn("started_at", "time of the first event", "timestamp", "first", "event_time"),
    SessionColumn("ended_at", "time of the last event", "timestamp", "last", "event_time"),
    SessionColumn("duration_s", "from the first to the last event, in seconds", "double"),
    SessionColumn("event_count", "its events", "int64", "count"),
    SessionColumn("start_action", "of the first event", "string", "first", "action"),
    SessionColumn("end_action", "of the last event", "string", "last", "action"),
    SessionColumn(
        "end_reason",
        "`timeout`, `opening_event`, `max_duration` or `closing_event`; null while open",
        "string",
    ),
    SessionColumn("product", "of the first event", "string", "first", "product", skip_nulls=False),
    SessionColumn(
        "build_id", "of the first event", "string", "first", "build_id", skip_nulls=False
    ),
)

#: What `daily_sessions` has behind the columns of a session.
DAILY_SESSION_COLUMNS: tuple[DailyColumn, ...] = (
    DailyColumn(
        "session_number", "the number of the machine's session, over all days, from 1", "int64"
    ),
    DailyColumn("previous_session_id", "the machine's session before it; null for its first"),
    DailyColumn(
        "since_previous_s",
        "from the end of that session to the start of this one, in seconds; null for the first",
        "double",
    ),
)

MACHINE_COLUMNS: tuple[DailyColumn, ...] = (
    DailyColumn("machine_id", "the machine"),
    DailyColumn("first_seen", "start of its first session", "timestamp"),
    DailyColumn("last_seen", "end of its last session", "timestamp"),
    DailyColumn("sessions", "its sessions up to and with this day", "int64"),
    DailyColumn("events", "their events", "int64"),
    DailyColumn("user_id", "of the last session that has a user"),
    DailyColumn("last_session_id", "its last session"),
)

SUMMARY_COLUMNS: tuple[DailyColumn, ...] = (
    DailyColumn(
        "scope", "`total`: the one row of all sessions; `version`: a product's version", "string"
    ),
    DailyColumn("product", "of the sessions' first events", of_profile=True),
    DailyColumn("minor_version", "`10.3`, from their `build_id`", of_profile=True),
    DailyColumn("sessions", "sessions closed in the day's hours", "int64"),
    DailyColumn("machines", "machines that have one", "int64"),
    DailyColumn(
        "new_machines", "those that have no session of an earlier day, in any version", "int64"
    ),
    DailyColumn("returning_machines", "the others", "int64"),
    DailyColumn("events", "events of the sessions", "int64"),
    DailyColumn(
        "median_duration_s",
        "the median of `duration_s`, exact: between two sessions the mean",
        "double",
    ),
    DailyColumn(
        "p95_duration_s",
        "its 95th percentile, exact: between two sessions by linear interpolation",
        "double",
    ),
    DailyColumn("events_per_session", "the mean; null without a session", "double"),
)

#: What `[fields]` names: each name, and the raw field that it stands for by default.
DEFAULT_FIELDS: dict[str, str] = {
    **{column.name: column.field for column in EVENT_COLUMNS if column.field is not None},
    **{given.name: given.field for given in INPUT_FIELDS},
}

#: The names of `[fields]`, and the columns, in which few texts come again and again.
FEW_VALUES: frozenset[str] = frozenset(
    [
        *(column.name for column in EVENT_COLUMNS if column.few_values),
        *(given.name for given in INPUT_FIELDS if given.few_values),
    ]
)

#: The columns that a `[[fix]]` rule may clean.
FIXABLE: tuple[str, ...] = tuple(column.name for column in EVENT_COLUMNS if column.fixable)

# With `profile = "none"` (contract §2) nothing of the desktop profile is left.
_NOT_DESKTOP = {
    "machine_id": EventColumn("machine_id", "as sent; of a number, its text", field="machine_id"),
    "user_id": EventColumn(
        "user_id", "as sent; null unless `[fields] user_id` names a field", is_strict=True
    ),
}

#: The columns of an event without a profile.
PLAIN_EVENT_COLUMNS: tuple[EventColumn, ...] = tuple(
    _NOT_DESKTOP.get(column.name, column)
    for column in EVENT_COLUMNS
    if column.name
    in (
        *("event_id", "event_time", "machine_id", "user_id", "action"),
        *("date_id", "hour_id", "minute_id", "extended", "object_key", "position"),
    )
)
PLAIN_INPUT_FIELDS: tuple[InputField, ...] = (InputField("timestamp", "timestamp"),)

#: Those of a session without a profile.
PLAIN_SESSION_COLUMNS: tuple[SessionColumn, ...] = tuple(
    column for column in SESSION_COLUMNS if column.name not in ("product", "build_id")
)
