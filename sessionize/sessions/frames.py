"""Sessions of events in a pandas DataFrame: one pass in memory, for notebooks.

The pipeline itself works on Arrow tables and does not need this; the sessions, their ids and tags
are the same.
"""

from __future__ import annotations

from datetime import UTC

import pandas as pd
import pyarrow as pa
from msgspec import structs

from sessionize.config import SessionRules
from sessionize.config.units import Duration
from sessionize.model.hours import Hour
from sessionize.model.schemas import EVENTS, SESSIONIZED_EVENTS, SESSIONS
from sessionize.sessions.hour import SessionState, sessionize_hour

_NEEDED = ("machine_id", "event_id", "event_time", "action")


def sessionize_frame(
    events: pd.DataFrame, rules: SessionRules | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cut events into sessions, all at once.

    Parameters
    ----------
    events : DataFrame
        In landed order; columns of the ``events`` dataset, at least ``machine_id``, ``event_id``,
        ``event_time`` (with a time zone) and ``action``. Others are left out.
    rules : SessionRules, optional
        When a session ends; the contract's defaults unless given.

    Returns
    -------
    sessions : DataFrame
        The columns of the ``sessions`` dataset; ``end_reason`` is null where a session may go on
        after the last event.
    tagged : DataFrame
        The columns of ``sessionized_events``: the events without copies, each with its session.

    Raises
    ------
    ValueError
        If a column is missing, or null where it must not be.
    """
    for name in _NEEDED:
        if name not in events:
            raise ValueError(f"the events have no column {name!r}")
        if events[name].isna().any():
            raise ValueError(f"the column {name!r} has nulls")
    given = [name for name in EVENTS.names if name in events]
    columns = {
        name: pa.Array.from_pandas(events[name], type=EVENTS.field(name).type)
        if name in given
        else pa.nulls(len(events), EVENTS.field(name).type)
        for name in EVENTS.names
    }
    rules = structs.replace(rules or SessionRules(), max_out_of_orderness=Duration.parse("0s"))
    run = sessionize_hour(
        SessionState.empty(), pa.table(columns, schema=EVENTS), _last_hour(events), rules
    )
    sessions = pa.concat_tables([run.closed, run.state.open_sessions]).cast(SESSIONS)
    tagged = run.settled.table().cast(SESSIONIZED_EVENTS)
    return sessions.to_pandas(), tagged.select([*given, "session_id"]).to_pandas()


def _last_hour(events: pd.DataFrame) -> Hour:
    """Return the hour of the last event: all are before its end."""
    if events.empty:
        return Hour.parse("1970-01-01T00")
    last = events["event_time"].max().to_pydatetime().astimezone(UTC)
    return Hour(last.replace(minute=0, second=0, microsecond=0))
