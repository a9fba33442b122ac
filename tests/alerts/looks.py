"""Hours made up for the tests: their status, without a lake."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sessionize.config import PipelineConfig, parse_config
from sessionize.lake.ledger import Counts, Ledger, ObjectCounts
from sessionize.model.hours import Hour
from sessionize.pipeline.status import HourState, HourStatus

START = Hour(datetime(2017, 2, 4, 22, tzinfo=UTC))


def hour(number: int) -> Hour:
    """The hour so many after the first."""
    return Hour(START.start + timedelta(hours=number))


def at(number: int, minutes: int = 0) -> datetime:
    """So many minutes after the end of an hour."""
    return hour(number).end + timedelta(minutes=minutes)


def configured(**settings: Any) -> PipelineConfig:
    return parse_config(
        {"name": "n", "raw": "raw", "lake": "lake", "start": START.start} | settings
    )


def status(
    number: int,
    state: HourState = HourState.DONE,
    *,
    read: int = 100,
    quarantined: int = 0,
    late: int = 0,
    objects: int = 1,
    reasons: dict[str, int] | None = None,
) -> HourStatus:
    counts = dict.fromkeys(Counts.__dataclass_fields__, 0) | {
        "records_read": read,
        "valid": read - quarantined,
        "quarantined": quarantined,
        "late": late,
        "settled": read - quarantined - late,
    }
    ledger = Ledger(
        pipeline="n",
        hour=hour(number),
        settings="",
        watermark="",
        previous_state="",
        counts=Counts(**counts),
        quarantined_by_reason=reasons or {},
        closed_by_reason={},
        claimed=tuple(ObjectCounts(f"o{n}", 1, read, read, 0) for n in range(objects)),
        published={},
    )
    return HourStatus(hour(number), state, ledger)
