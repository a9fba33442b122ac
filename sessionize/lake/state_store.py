"""The state between runs: found, checked, and loaded for a shard, whatever release wrote it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from sessionize.config import PipelineConfig
from sessionize.lake.layout import Lake
from sessionize.lake.ledger import Ledger
from sessionize.lake.migrations import as_declared
from sessionize.lake.storage import side_by_side
from sessionize.model.errors import (
    ClaimChangedError,
    MissingStateError,
    OutdatedStateError,
    SessionizeError,
)
from sessionize.model.hours import Hour


def previous_ledger(lake: Lake, hour: Hour, config: PipelineConfig) -> Ledger | None:
    """Return the ledger of the hour before, once it may be built upon; None before ``start``.

    Costs a listing and, after ``start``, a read.

    Raises
    ------
    IntervalError
        If the hour lies before ``start``.
    MissingStateError
        If the hour before has not been run; the error names the hour to run first.
    OutdatedStateError
        If an earlier hour is outdated or was interrupted; the error names the hours to run again.
    ForeignFileError, NewerFormatError
        If the ledger is not one that this release understands.
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


def load_state(
    lake: Lake,
    previous: Ledger | None,
    schemas: Mapping[str, pa.Schema],
    shard: int = 0,
    shards: int = 1,
) -> dict[str, pa.Table]:
    """Return the machines of one shard from the state that the previous run left.

    Rows keep their order. Costs a read for each table that has rows.

    Parameters
    ----------
    lake : Lake
        Where the state lies.
    previous : Ledger or None
        None: the state before the pipeline's first hour, which is empty.
    schemas : mapping of str to Schema
        The state's tables as they are declared now. What an earlier release, or this one under
        other settings, has written is brought to them: see `migrations.as_declared`. A table that
        the previous run did not leave is empty.
    shard, shards : int
        Which of how many shards; one shard holds all machines.

    Raises
    ------
    MissingStateError
        If a file of the state is gone or is not, to the byte, the one that the ledger names.
    ClaimChangedError
        If that is so because the hour before has been run again meanwhile.
    """

    def load(name: str) -> pa.Table:
        file = previous.state.get(name) if previous else None
        if previous is None or file is None or not file.rows:
            return schemas[name].empty_table()
        content = lake.storage.read(file.key)
        if content is None:
            raise _not_there(lake, previous, file.key, "gone")
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise _not_there(lake, previous, file.key, "damaged")
        try:
            parquet = pq.ParquetFile(io.BytesIO(content))
            groups = [
                as_declared(
                    name,
                    _of_shard(parquet.read_row_group(group), shard, shards),
                    schemas[name],
                    previous.format,
                )
                for group in range(parquet.num_row_groups)
            ]
        except (pa.ArrowException, OSError, KeyError, ValueError) as error:
            raise _not_there(lake, previous, file.key, f"damaged ({error})") from error
        return pa.concat_tables([schemas[name].empty_table(), *groups])

    return dict(zip(schemas, side_by_side(lake.storage, load, schemas), strict=True))


def _of_shard(table: pa.Table, shard: int, shards: int) -> pa.Table:
    if shards == 1:
        return table
    from sessionize.sessions.machines import of_shard  # it imports pandas

    return of_shard(table, shard, shards)


def _not_there(lake: Lake, previous: Ledger, key: str, how: str) -> SessionizeError:
    hour = previous.hour
    now = lake.ledger(hour)
    if now is not None and now.state_fingerprint != previous.state_fingerprint:
        return ClaimChangedError(
            f"{hour.next}: {hour} has been run again meanwhile, with another outcome",
            f"Run {hour.next} again.",
        )
    return MissingStateError(
        f"{lake.storage.url}/{key}, a part of the state that {hour} left, is {how}",
        # A file of the right size is not written again: it must be out of the way.
        f"Restore the file; or remove it, if it is there, and run {hour} again, then {hour.next}.",
    )


def _first_missing(lake: Lake, hour: Hour, config: PipelineConfig) -> Hour:
    """Return the first hour of the gap that ends before ``hour``."""
    done = [earlier for earlier in lake.done_hours() if earlier < hour]
    return max(done[-1].next, config.start) if done else config.start
