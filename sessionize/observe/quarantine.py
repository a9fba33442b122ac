"""What was refused: why, over time, and record by record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sessionize.config.rules import rule_of
from sessionize.model.errors import RequestError
from sessionize.model.hours import Hour
from sessionize.observe.catalog import Catalog
from sessionize.observe.files import of_dataset
from sessionize.observe.partial import LakeFile, Reader
from sessionize.observe.plain import printable, raw_shown
from sessionize.observe.ranges import checked_text, hour_range, published_hour
from sessionize.observe.rows import WORST
from sessionize.observe.views import (
    QuarantinedRecord,
    QuarantineView,
    ReasonsHour,
    ReasonsView,
    WorstObject,
)

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from sessionize.config import PipelineConfig

_MOST_RECORDS = 1000


def quarantine_reasons(
    catalog: Catalog, first: Hour | str | None = None, end: Hour | str | None = None
) -> ReasonsView:
    """Return why records were refused in the hours ``[first, end)``; costs no request.

    Parameters
    ----------
    catalog : Catalog
        As it was refreshed last.
    first, end : Hour or str, optional
        By default the week up to the newest published hour.

    Raises
    ------
    IntervalError
        If the range is none, or too long.
    """
    first, end = hour_range(catalog, first, end)
    snapshot = catalog.snapshot
    hours, total, worst = [], Counter[str](), []
    for hour, row in snapshot.published(first, end):
        if row.counts is None:
            continue
        quarantined = row.counts.quarantined
        hours.append(
            ReasonsHour(
                str(hour), row.counts.records_read, quarantined, dict(row.quarantined_by_reason)
            )
        )
        total.update(row.quarantined_by_reason)
        worst += [
            WorstObject(str(hour), it.key, it.size, it.records, it.valid, it.quarantined)
            for it in row.worst
        ]
    return ReasonsView(
        first=str(first),
        end=str(end),
        hours=hours,
        by_reason=dict(total.most_common()),
        rules={reason: rule_of(reason, catalog.config) for reason in total},
        # Each row has its worst ones, as many as are shown: so these are the worst of all.
        worst=sorted(worst, key=lambda it: -it.quarantined)[:WORST],
        progress=snapshot.progress,
    )


def quarantined(
    catalog: Catalog,
    hour: Hour | str,
    reason: str | None = None,
    object_key: str | None = None,
    offset: int = 0,
    limit: int = 100,
) -> QuarantineView:
    """Return a page of an hour's refused records, in landed order.

    Reads a file up to the records that are shown; with a filter, two of its columns whole.

    Parameters
    ----------
    catalog : Catalog
        As it was refreshed last.
    hour : Hour or str
        A published hour.
    reason, object_key : str, optional
        Only records with this reason, of this object.
    offset, limit : int
        How many of these are passed over, and shown: at most 1,000.

    Raises
    ------
    IntervalError, RequestError
        If the hour is none of the pipeline's, or not published; if a number is out of bounds.
    ObjectGoneError, StorageError
        If the file cannot be read.
    """
    hour, row = published_hour(catalog, hour)
    for name, text in (("reason", reason), ("object_key", object_key)):
        if text is not None:
            checked_text(name, text)
    if offset < 0 or not 1 <= limit <= _MOST_RECORDS:
        raise RequestError(
            f"a page of {limit} records from {offset} on cannot be had",
            f"Ask for 1 to {_MOST_RECORDS:,} records, from 0 on.",
        )
    file = of_dataset("quarantine", hour, row)
    total, records = 0, []
    if file.rows:
        with Reader(catalog.lake.storage).opened(file) as parquet:
            total, places = _places(parquet, reason, object_key, offset, limit)
            records = list(_records(parquet, places, catalog.config))
    return QuarantineView(
        hour=str(hour),
        reason=reason,
        object_key=object_key,
        offset=offset,
        limit=limit,
        total=total,
        records=records,
        settings_changed=row.settings != catalog.config.fingerprint(),
    )


def records_with_text(
    reader: Reader, file: LakeFile, text: str, most: int, config: PipelineConfig
) -> list[QuarantinedRecord]:
    """Return the first refused records of a file in which a text stands, at most so many.

    Reads the records' texts, all of them.
    """
    import pyarrow.compute as pc

    found: list[QuarantinedRecord] = []
    with reader.opened(file) as parquet:
        for group in range(parquet.num_row_groups):
            raw = parquet.read_row_group(group, columns=["raw"]).column("raw")
            rows = pc.indices_nonzero(pc.match_substring(raw, text)).to_pylist()
            if rows:
                found += _records(parquet, {group: rows[: most - len(found)]}, config)
            if len(found) >= most:
                break
    return found


def _places(
    parquet: pq.ParquetFile, reason: str | None, object_key: str | None, offset: int, limit: int
) -> tuple[int, dict[int, list[int]]]:
    """Return how many rows match, and where those of a page stand: by row group."""
    import numpy as np
    import pyarrow.compute as pc

    asked = {"reason": reason, "object_key": object_key}
    wanted = {name: value for name, value in asked.items() if value is not None}
    before, places = 0, {}
    for group in range(parquet.num_row_groups):
        rows = np.arange(parquet.metadata.row_group(group).num_rows)
        if wanted:
            table = parquet.read_row_group(group, columns=list(wanted))
            for name, value in wanted.items():
                is_wanted = pc.equal(table.column(name), value).fill_null(False).to_numpy()
                rows = rows[is_wanted[rows]]
        within = rows[max(0, offset - before) : max(0, offset + limit - before)]
        if len(within):
            places[group] = within.tolist()
        before += len(rows)
    return before, places


def _records(
    parquet: pq.ParquetFile, places: dict[int, list[int]], config: PipelineConfig
) -> Iterator[QuarantinedRecord]:
    for group, rows in places.items():
        table: pa.Table = parquet.read_row_group(group)
        for row in rows:
            # One by one: a record can be long, and its beginning is shown.
            record = {name: table.column(name)[row].as_py() for name in table.column_names}
            raw, length, is_bytes = raw_shown(record["raw"], record["detail"])
            yield QuarantinedRecord(
                object_key=record["object_key"],
                position=record["position"],
                raw=raw,
                raw_length=length,
                raw_is_bytes=is_bytes,
                reason=record["reason"],
                detail=printable(record["detail"]),
                rule=rule_of(record["reason"], config),
            )
