"""What a run leaves to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from sessionize.model.frames import to_frame
from sessionize.model.schemas import DESKTOP, Schemas


@dataclass(frozen=True)
class State:
    """The state between two runs; the tables of ``Schemas.state`` as DataFrames.

    Attributes
    ----------
    open_sessions : DataFrame
        The columns of ``sessions`` as they are carried, and ``incomplete``: one row a machine at
        most, ``end_reason`` null. The machine's frontier is ``ended_at``: an event *before* it is
        late.
    closed_frontiers : DataFrame
        ``machine_id``, ``frontier`` of machines that have no open session but had one: an event
        *at or before* it is late.
    pending : DataFrame
        The columns of ``events``: events at or after the watermark; a machine's in landed order.
    identities : DataFrame
        ``machine_id``, ``event_id``, ``event_time``: what copies of events are known by.
    """

    open_sessions: pd.DataFrame
    closed_frontiers: pd.DataFrame
    pending: pd.DataFrame
    identities: pd.DataFrame

    @classmethod
    def empty(cls, schemas: Schemas = DESKTOP) -> State:
        """Return the state before the pipeline's first hour."""
        return cls.of_tables({name: schema.empty_table() for name, schema in schemas.state.items()})

    @classmethod
    def of_tables(cls, tables: Mapping[str, pa.Table]) -> State:
        """Return the state of Arrow tables, by name."""
        return cls(**{name: to_frame(table) for name, table in tables.items()})
