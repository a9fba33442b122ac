"""A machine's sessions, and what has become of an event."""

from __future__ import annotations

from sessionize.model.hours import Hour
from sessionize.observe.catalog import Catalog
from sessionize.observe.views import EventView, MachineView

#: The most hours that a search reads unless told otherwise.
LIMIT_HOURS = 168


def machine(
    catalog: Catalog,
    machine_id: str,
    first: Hour | str,
    end: Hour | str,
    limit_hours: int = LIMIT_HOURS,
) -> MachineView:
    """Return a machine's sessions, late and pending events in the hours ``[first, end)``."""
    raise NotImplementedError


def event(
    catalog: Catalog,
    event_id: str,
    first: Hour | str,
    end: Hour | str,
    limit_hours: int = LIMIT_HOURS,
) -> EventView:
    """Return what has become of the records with this event id in the hours ``[first, end)``."""
    raise NotImplementedError
