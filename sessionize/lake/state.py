"""The state between runs: found, checked, loaded for a shard, laid end to end again."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from sessionize.config import PipelineConfig
from sessionize.lake.layout import Lake
from sessionize.lake.ledger import Ledger, WrittenFile
from sessionize.model.errors import MissingStateError, OutdatedStateError
from sessionize.model.hours import Hour
from sessionize.model.schemas import STATE
from sessionize.sessions.hour import SessionState
from sessionize.sessions.shards import shard_of


def previous_ledger(lake: Lake, hour: Hour, config: PipelineConfig) -> Ledger | None:
    """Return the ledger of the hour before, once it may be built upon; None before ``start``.

    Raises
    ------
    IntervalError
        If the hour lies before ``start``.
    MissingStateError
        If the hour before has not been run; the error names the hour to run first.
    OutdatedStateError
        If an earlier hour is outdated or was interrupted; the error names the hours to run again.
    """
    config.check_hour(hour)
    marked = {marked for marked in lake.marks() if marked < hour}
    if marked:
        first = min(marked)
        raise OutdatedStateError(
            f"{hour} cannot be run: since {first} was run, an earlier hour has been run again with "
            "another outcome, or its own publication was interrupted",
            f"Run the hours {first} to {hour.previous} again, in order.",
        )
    if hour == config.start:
        return None
    ledger = lake.ledger(hour.previous)
    if ledger is None:
        first = _first_missing(lake, hour, config)
        raise MissingStateError(
            f"{hour} needs the state of {hour.previous}, which has not been run",
            f"Run {first} first"
            + (f", then on to {hour.previous}, in order." if first < hour.previous else "."),
        )
    return ledger


def load_state(lake: Lake, previous: Ledger | None, shard: int, shards: int) -> SessionState:
    """Return the machines of one shard from the state that the previous run left.

    Raises
    ------
    MissingStateError
        If a file of the state is gone or is not the one that the ledger names.
    """
    if previous is None:
        return SessionState.empty()
    tables = {
        name: pa.concat_tables(
            _of_shard(lake, previous.state[name], schema, previous, shard, shards)
        )
        for name, schema in STATE.items()
    }
    return SessionState(**tables)


def _of_shard(
    lake: Lake, file: WrittenFile, schema: pa.Schema, ledger: Ledger, shard: int, shards: int
) -> Iterator[pa.Table]:
    content = lake.storage.read(file.key)
    if content is None or len(content) != file.bytes:
        raise MissingStateError(
            f"{lake.storage.url}/{file.key}, a part of the state that {ledger.hour} left, is "
            f"{'gone' if content is None else 'damaged'}",
            f"Restore the file, or run {ledger.hour} again.",
        )
    yield schema.empty_table()
    parquet = pq.ParquetFile(io.BytesIO(content))
    for group in range(parquet.num_row_groups):
        table = parquet.read_row_group(group)
        if shards > 1:
            ids = table.column("machine_id").combine_chunks()
            table = table.filter(pa.array(shard_of(ids, shards) == shard))
        yield table.cast(schema)


def _first_missing(lake: Lake, hour: Hour, config: PipelineConfig) -> Hour:
    """Return the first hour of the gap that ends before ``hour``."""
    done = [earlier for earlier in lake.done_hours() if earlier < hour]
    return max(done[-1].next, config.start) if done else config.start
