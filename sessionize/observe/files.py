"""Which files of a published hour a question is put to: their keys come from the layout alone."""

from __future__ import annotations

from sessionize.lake.layout import Lake, partition_key
from sessionize.model.hours import Hour
from sessionize.observe.partial import LakeFile
from sessionize.observe.rows import CatalogRow


def of_dataset(dataset: str, hour: Hour, row: CatalogRow) -> LakeFile:
    """Return an hour's file of a dataset; one of no rows where its run has not published it."""
    file = row.file(dataset)
    return LakeFile(partition_key(dataset, hour), file.rows, file.bytes, file.sha256)


def of_pending(lake: Lake, hour: Hour) -> LakeFile | None:
    """Return the file of the events that wait in the state which an hour has left; costs a read."""
    ledger = lake.ledger(hour)
    file = ledger.state.get("pending") if ledger else None
    return None if file is None else LakeFile(file.key, file.rows, file.bytes, file.sha256)
