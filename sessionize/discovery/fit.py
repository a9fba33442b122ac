"""Whether a pipeline file fits what lands: ``python -m sessionize check --sample``."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from sessionize.config import PipelineConfig
from sessionize.discovery.newest import newest_hour, objects_of
from sessionize.events.absent import AbsentFields, declared_fields, setting_of
from sessionize.events.timestamps import parse_timestamps
from sessionize.events.validate import read_column
from sessionize.lake.storage import Storage, fetch
from sessionize.landing import Kind, Records, read_records
from sessionize.model.hours import Hour

#: How many objects are read at most, and about how many records.
OBJECTS, RECORDS = 10, 5000
_PORTION = 1 << 20
#: Above this share of values that do not fit, a column is not what its values are.
_MOST = 0.5


@dataclass(frozen=True)
class Fit:
    """What has been read, and what does not fit."""

    hour: Hour
    objects: int
    records: int
    warnings: tuple[str, ...]


def check_fit(config: PipelineConfig, raw: Storage) -> Fit:
    """Hold the fields that a file names against the first records of the newest hour.

    Raises
    ------
    NothingFoundError
        If nothing has landed.
    StorageError
        If the raw objects cannot be read.
    """
    hour = newest_hour(config, raw)
    objects = objects_of(config, raw, hour)[:OBJECTS]
    absent = AbsentFields(config)
    values: dict[str, int] = {}
    misfits: dict[str, int] = {}
    with contextlib.closing(fetch(raw, objects)) as fetched:
        for records in read_records(
            fetched,
            config.raw_fields,
            config.landing,
            few_values=config.few_values,
            batch_bytes=_PORTION,
        ):
            absent.add(records)
            for key, (given, unfit) in _misfits(records, config).items():
                values[key] = values.get(key, 0) + given
                misfits[key] = misfits.get(key, 0) + unfit
            if absent.records >= RECORDS:
                break
    warnings = [*absent.warnings] if absent.records else ["no record there can be read"]
    for key, unfit in misfits.items():
        if unfit > _MOST * values[key]:
            warnings.append(
                f"{setting_of(key)}: {unfit:,} of {values[key]:,} values of "
                f"`{config.raw_fields[key]}` {_wanted(config, key)}"
            )
    return Fit(hour, len(objects), absent.records, tuple(warnings))


def _misfits(records: Records, config: PipelineConfig) -> dict[str, tuple[int, int]]:
    """Return, for each field, how many values there are, and how many do not fit."""
    counts = {}
    columns = {column.key: column for column in config.event_columns if column.is_own}
    for key in declared_fields(config):
        kinds = records.kinds[key].to_numpy()
        is_given = kinds != Kind.ABSENT
        if key in columns:
            fits = read_column(records.frame, columns[key], records.kinds).notna().to_numpy()
        elif key == "timestamp":
            fits = parse_timestamps(records.frame[key], kinds).notna().to_numpy()
        else:
            fits = kinds != Kind.OTHER
        counts[key] = int(is_given.sum()), int((is_given & ~fits).sum())
    return counts


def _wanted(config: PipelineConfig, key: str) -> str:
    column = next((one for one in config.event_columns if one.key == key and one.is_own), None)
    if key == "timestamp":
        return "are no time stamps: mend the path"
    if column is None:
        return "are true, false, objects or arrays: mend the path"
    pattern = f" and `{column.pattern.pattern}`" if column.pattern is not None else ""
    return f"do not fit {column.type}{pattern}, and are null: mend the type, pattern or path"
