"""What may be asked for: ranges of hours and pages, from texts that anybody may have written."""

from __future__ import annotations

from datetime import timedelta

from sessionize.config.settings import LAST_YEAR
from sessionize.model.errors import IntervalError, RequestError
from sessionize.model.hours import Hour
from sessionize.observe.catalog import Catalog
from sessionize.observe.rows import CatalogRow

#: A week: what is shown where nothing is asked for.
DEFAULT_HOURS = 168
#: More than two years.
MOST_HOURS = 20_000
#: Longer than any key of S3, and than any id that is one.
_MOST_LETTERS = 4096


def one_hour(catalog: Catalog, hour: Hour | str) -> Hour:
    """Return an hour of the pipeline.

    Raises
    ------
    IntervalError
        If it is not an hour, lies before the pipeline's ``start``, or after all time.
    """
    parsed = _parsed(hour)
    catalog.config.check_hour(parsed)
    return parsed


def hour_range(
    catalog: Catalog,
    first: Hour | str | None,
    end: Hour | str | None,
    most: int = MOST_HOURS,
) -> tuple[Hour, Hour]:
    """Return the hours ``[first, end)`` that are asked for, cut off at the pipeline's ``start``.

    Without an end, up to the newest published hour; without a beginning, the week before the end.

    Raises
    ------
    IntervalError
        If one is not an hour, the range is empty, or has more than ``most`` hours.
    """
    start = catalog.config.start
    newest = max(catalog.snapshot.ledgers, default=start)
    until = newest.next if end is None else _parsed(end)
    since = _parsed(first) if first is not None else _before(until, min(DEFAULT_HOURS, most), start)
    if first is not None and end is None:
        until = max(until, since.next)
    if since >= until:
        raise IntervalError(
            f"the range from {since} to {until} has no hours",
            "Give a later end: it does not belong to the range.",
        )
    if (hours := (until.start - since.start) // timedelta(hours=1)) > most:
        raise IntervalError(
            f"the range from {since} to {until} has {hours:,} hours",
            f"Ask for {most:,} or fewer.",
        )
    since = max(since, start)
    return since, max(since, until)


def _before(until: Hour, hours: int, start: Hour) -> Hour:
    if until <= start:
        return until
    return max(start, Hour(until.start - timedelta(hours=hours)))


def _parsed(hour: Hour | str) -> Hour:
    parsed = hour if isinstance(hour, Hour) else Hour.parse(hour)
    if parsed.start.year > LAST_YEAR:
        raise IntervalError(f"{parsed} is far away", f"Give an hour up to the year {LAST_YEAR}.")
    return parsed


def published_hour(catalog: Catalog, hour: Hour | str) -> tuple[Hour, CatalogRow]:
    """Return a published hour and its row, which is read now if it has not been yet.

    Raises
    ------
    IntervalError, RequestError
        If it is none of the pipeline's, or not published, or its ledger is damaged.
    """
    hour = one_hour(catalog, hour)
    row = catalog.row(hour)
    if row is None:
        raise RequestError(f"{hour} has not been published", "Run it, or ask for another hour.")
    if row.problem is not None:
        raise RequestError(f"{hour} cannot be looked into: {row.problem}", "Then ask again.")
    return hour, row


def checked_text(name: str, text: str) -> str:
    """Return a text that is only ever compared with what the lake holds.

    Raises
    ------
    RequestError
        If it is empty or too long to be found.
    """
    if not 0 < len(text) <= _MOST_LETTERS:
        raise RequestError(
            f"`{name}` has {len(text):,} characters", f"Give 1 to {_MOST_LETTERS:,} of them."
        )
    return text
