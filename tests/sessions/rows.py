"""Between the reference's events and the tables of the code under test."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd
import pyarrow as pa

from sessionize.model.frames import to_frame, to_table
from sessionize.model.schemas import DESKTOP, Schemas
from sessionize.sessions.state import State

from .reference import Event

Row = dict[str, Any]


def nothing_more(_: Event) -> Row:
    """Return no values of columns of one's own."""
    return {}


def event_row(event: Event) -> Row:
    """Return the event with every column of ``events``, those that sessions ignore filled too."""
    time = event.event_time
    version = event.build_id.split(".") if event.build_id else None
    filled = {
        "event_id": event.event_id,
        "event_time": time,
        "machine_id": event.machine_id,
        "user_id": event.user_id,
        "inst_id": f"{event.machine_id}{event.user_id or ''}",
        "action": event.action,
        "product": event.product,
        "build_id": event.build_id,
        "major_version": version and ".".join(version[:1]),
        "minor_version": version and ".".join(version[:2]),
        "maint_id": version and ".".join(version[:3]),
        "trialstate": "Trial" if event.product == "pro" else None,
        "date_id": int(f"{time:%Y%m%d}"),
        "hour_id": int(f"{time:%Y%m%d%H}"),
        "minute_id": int(f"{time:%Y%m%d%H%M}"),
        "extended": f'{{"landed": "{event.landed}"}}',
        "object_key": event.object_key,
        "position": event.position,
    }
    return dict.fromkeys(DESKTOP.events.names) | filled


def events_frame(
    events: Iterable[Event],
    schemas: Schemas = DESKTOP,
    more: Callable[[Event], Row] = nothing_more,
) -> pd.DataFrame:
    """Return the events as the frame that a run is given: in landed order."""
    in_order = sorted(events, key=lambda event: event.landed_order)
    rows = [event_row(event) | more(event) for event in in_order]
    table = pa.Table.from_pylist(rows, schemas.events)
    return to_frame(table.cast(schemas.between_stages(schemas.events)))


def rows_of(frame: pd.DataFrame, schema: pa.Schema) -> list[Row]:
    """Return the frame's rows in its own order; it must fit the schema, column for column."""
    assert [name for name in frame.columns if name != "incomplete"] == schema.names
    table = to_table(frame, schema)
    table.validate(full=True)
    return table.to_pylist()


def kept(state: State, schemas: Schemas = DESKTOP) -> dict[str, pa.Table]:
    """Return the state as a lake keeps it."""
    return {name: to_table(getattr(state, name), schema) for name, schema in schemas.state.items()}


def in_any_order(rows: Iterable[Row]) -> list[Row]:
    """Return the rows in an order that depends on nothing but their content."""
    return sorted(rows, key=lambda row: [(name, str(row[name])) for name in sorted(row)])
