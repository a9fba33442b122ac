"""The newest hour that has landed, and its objects."""

from __future__ import annotations

from sessionize.config import PipelineConfig
from sessionize.discovery.browse import is_of_records, landed_hours
from sessionize.lake.storage import Storage, StoredObject
from sessionize.model.errors import NothingFoundError
from sessionize.model.hours import Hour


def newest_hour(config: PipelineConfig, raw: Storage) -> Hour:
    """Return the newest hour of a pipeline under which anything has landed.

    Where the listing requests do not reach any, it is ``start``.

    Raises
    ------
    StorageError
        If the raw objects cannot be listed.
    """
    raw.check()
    landed = next(landed_hours(raw, config.landing.prefix, newest_first=True), None)
    return config.start if landed is None else landed.hour


def objects_of(config: PipelineConfig, raw: Storage, hour: Hour) -> list[StoredObject]:
    """Return the objects of an hour that can hold records, in landed order.

    Raises
    ------
    NothingFoundError
        If there is none.
    StorageError
        If the raw objects cannot be listed.
    """
    raw.check()
    prefix = config.landing.prefix
    objects = [
        entry
        for entry in raw.list(prefix.of(hour))
        if is_of_records(entry) and prefix.hour_of(entry.key) == hour
    ]
    if not objects:
        raise NothingFoundError(
            f"{raw.url}/{prefix.of(hour)}: nothing has landed there",
            "Give another --hour, or mend `raw` or `[landing] prefix`: "
            "`python -m sessionize init --explain` shows where hours land.",
        )
    return objects
