"""Figures over time."""

from __future__ import annotations

from typing import Literal

from sessionize.model.hours import Hour
from sessionize.observe.catalog import Catalog
from sessionize.observe.views import TrendsView


def trends(
    catalog: Catalog,
    first: Hour | str | None = None,
    end: Hour | str | None = None,
    by: Literal["hour", "day"] | str = "hour",
    read_files: int = 100,
) -> TrendsView:
    """Return the figures of the hours ``[first, end)``, an hour or a day to a bucket."""
    raise NotImplementedError
