"""Instants as Airflow hands them out, made plain."""

from __future__ import annotations

from datetime import UTC, datetime


def plain(instant: datetime) -> datetime:
    """Return an aware ``datetime`` in UTC, and not a subclass.

    Airflow's are pendulum's, which lose their time zone in ``x.astimezone(UTC) - timedelta(…)``.
    """
    return datetime.fromtimestamp(instant.timestamp(), UTC)
