"""The calendar of hours: how each stands, and what its ledger says."""

from __future__ import annotations

from datetime import datetime

from sessionize.model.hours import Hour
from sessionize.observe.catalog import Catalog
from sessionize.observe.views import HoursView, HourView


def hours(
    catalog: Catalog,
    first: Hour | str | None = None,
    end: Hour | str | None = None,
    now: datetime | None = None,
) -> HoursView:
    """Return the hours ``[first, end)``; by default the last week up to the newest hour."""
    raise NotImplementedError


def hour(catalog: Catalog, hour: Hour | str) -> HourView:
    """Return one hour with its objects and files; costs a read."""
    raise NotImplementedError
