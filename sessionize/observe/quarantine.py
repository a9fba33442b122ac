"""What was refused, over time and record by record."""

from __future__ import annotations

from sessionize.model.hours import Hour
from sessionize.observe.catalog import Catalog
from sessionize.observe.views import QuarantineView, ReasonsView


def quarantine_reasons(
    catalog: Catalog, first: Hour | str | None = None, end: Hour | str | None = None
) -> ReasonsView:
    """Return why records were refused in the hours ``[first, end)``, and in which objects."""
    raise NotImplementedError


def quarantined(
    catalog: Catalog,
    hour: Hour | str,
    reason: str | None = None,
    object_key: str | None = None,
    offset: int = 0,
    limit: int = 100,
) -> QuarantineView:
    """Return a page of an hour's refused records."""
    raise NotImplementedError
