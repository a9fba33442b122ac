"""What a published hour was, as metrics of Airflow's own: StatsD or OpenTelemetry, if it is on.

What runs add up to are counters, and what an hour has left is a gauge. A run that changes nothing
counts nothing; one that replaces an hour counts again, for counters cannot be taken back: they are
for rates, and the ledgers for sums. Gauges are those of the hour published last, whichever it is.

How long a stage takes is measured by Airflow: ``dag.<dag>.<task>.duration``.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sessionize.lake.commit import Published

log = logging.getLogger(__name__)

#: Of `Counts`: what runs add up to, and what an hour has left.
COUNTERS = ("records_read", "valid", "late", "duplicates", "settled")
GAUGES = ("sessions_open", "pending_after")


def count_published(pipeline: str, published: Published, now: datetime) -> None:
    """Send a published hour's metrics; whatever goes wrong with them, the hour does not.

    Parameters
    ----------
    pipeline : str
        Its name. A dot in it would divide the metrics' names: it becomes ``_``.
    published : Published
        The run.
    now : datetime
        When it was published; aware.
    """
    try:
        from airflow.sdk.observability import stats as module

        stats = module if hasattr(module, "incr") else module.Stats  # a class, in Airflow 3.2
        prefix = f"sessionize.{pipeline.replace('.', '_')}"
        for name, count in counters_of(published).items():
            stats.incr(f"{prefix}.{name}", count)
        for name, value in gauges_of(published, now).items():
            stats.gauge(f"{prefix}.{name}", value)
    except Exception:
        log.warning("The hour's metrics could not be sent", exc_info=True)


def counters_of(published: Published) -> dict[str, int]:
    """Return what the run adds, by the metric's name."""
    if not published.changed:
        return {}
    ledger = published.ledger
    return {
        "hours": 1,
        **{name: getattr(ledger.counts, name) for name in COUNTERS},
        **{f"quarantined.{reason}": n for reason, n in ledger.quarantined_by_reason.items()},
        **{f"sessions_closed.{reason}": n for reason, n in ledger.closed_by_reason.items()},
    }


def gauges_of(published: Published, now: datetime) -> dict[str, float]:
    """Return what the hour has left, and how long after its end it was published."""
    counts = published.ledger.counts
    return {
        **{name: getattr(counts, name) for name in GAUGES},
        "outdated_hours": len(published.outdated),
        "lag_seconds": (now - published.ledger.hour.end).total_seconds(),
    }
