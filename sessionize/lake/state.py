"""The old name of `state_store`, until its users have moved."""

from __future__ import annotations

from sessionize.lake.layout import Lake
from sessionize.lake.ledger import Ledger
from sessionize.lake.state_store import load_state as _load_state
from sessionize.lake.state_store import previous_ledger
from sessionize.model.schemas import STATE
from sessionize.sessions.hour import SessionState

__all__ = ["load_state", "previous_ledger"]


def load_state(lake: Lake, previous: Ledger | None, shard: int, shards: int) -> SessionState:
    """Return the machines of one shard from the state that the previous run left."""
    return SessionState(**_load_state(lake, previous, STATE, shard, shards))
