"""The third stage: what an hour publishes, laid end to end into its files, and counted."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path

import msgspec

from sessionize.bulk.reading import COUNTS
from sessionize.bulk.rows import Row
from sessionize.bulk.stretch import Stretch
from sessionize.bulk.walking import DUPLICATES
from sessionize.lake.ledger import ObjectCounts, WrittenFile
from sessionize.lake.parquet import ParquetFile
from sessionize.lake.staging import staging_prefix
from sessionize.lake.temporary import temporary_folder
from sessionize.pipeline.partitions import Tallies, kept_schemas, tallies_of


@dataclass(frozen=True)
class AssembledHour:
    """An hour whose files lie in the staging area, to be published.

    Attributes
    ----------
    objects : tuple of ObjectCounts
    duplicates : int
    written : dict of str to WrittenFile
        By the names of `partitions.kept_schemas`; their keys are those in the staging area.
    tallies : Tallies
    """

    objects: tuple[ObjectCounts, ...]
    duplicates: int
    written: dict[str, WrittenFile]
    tallies: Tallies


def assemble_hours(rows: Iterable[Row], stretch: Stretch) -> Iterator[Row]:
    """Write the files of whole hours into the staging area.

    They are named by their content: whatever attempts there are, none disturbs another.

    Parameters
    ----------
    rows : iterable of Row
        Those of one or more hours, all of each, in the order of `rows.ORDER`.
    stretch : Stretch
        What the rows are of.

    Yields
    ------
    Row
        One an hour: see `assembled`.
    """
    for place, of_hour in itertools.groupby(rows, attrgetter("hour")):
        payload = msgspec.json.encode(_assemble(stretch, place, of_hour))
        yield Row(stretch.hour_keys[place], place, 0, 0, "assembled", 0, payload)


def assembled(payload: bytes) -> AssembledHour:
    """Return what a row of `assemble_hours` says of its hour."""
    return msgspec.json.decode(payload, type=AssembledHour)


def _assemble(stretch: Stretch, place: int, rows: Iterable[Row]) -> AssembledHour:
    """Lay the pieces of an hour end to end, as they come: batch by batch, shard by shard."""
    staging, prefix = stretch.pipeline().staging, staging_prefix(stretch.hours[place])
    objects: list[ObjectCounts] = []
    duplicates = 0
    with temporary_folder() as folder:
        (folder / "state").mkdir()
        with contextlib.ExitStack() as stack:
            files = {
                name: stack.enter_context(ParquetFile(folder / name, kind, name))
                for name, kind in kept_schemas(stretch.config.schemas).items()
            }
            for row in rows:
                if row.name == COUNTS:
                    objects += [ObjectCounts(**entry) for entry in row.record()]
                elif row.name == DUPLICATES:
                    duplicates += row.record()
                else:
                    files[row.name].write(row.table())
            written = {name: file.finish() for name, file in files.items()}
        tallies = tallies_of(folder)
        for name, file in written.items():
            key = f"{prefix}bulk/{Path(name).name}-{file.sha256}.parquet"
            staging.upload(key, folder / name)
            written[name] = replace(file, key=key)
    return AssembledHour(tuple(objects), duplicates, written, tallies)
