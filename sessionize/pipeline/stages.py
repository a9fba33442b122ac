"""The stages of a run: claim → validate → enrich → sessionize → publish.

Each is idempotent and takes only small arguments; data passes through the staging area. Airflow's
tasks and the command line call these functions and nothing else.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa

from sessionize.config import PipelineConfig
from sessionize.events.enrich import enrich
from sessionize.events.validate import validate
from sessionize.lake.claims import Claim, claim_objects, read_claim
from sessionize.lake.commit import Published, remove_leftovers, reveal
from sessionize.lake.layout import Lake
from sessionize.lake.ledger import ObjectCounts, WrittenFile
from sessionize.lake.parquet import ROW_GROUP_ROWS
from sessionize.lake.staging import HeldStaging, Staging
from sessionize.lake.state import load_state, previous_ledger
from sessionize.lake.storage import S3Credentials, Storage, open_storage
from sessionize.landing import read_batches
from sessionize.model.errors import ClaimChangedError
from sessionize.model.hours import Hour
from sessionize.model.schemas import (
    ENCODED_EVENTS,
    HANDS,
    QUARANTINE,
    SETTLED_EVENTS,
    STATE,
    VALIDATED,
)
from sessionize.pipeline import partitions
from sessionize.pipeline.partitions import EarlyFiles, assemble, dealt_name, hands_name, shard_name
from sessionize.sessions.dealing import deal
from sessionize.sessions.hour import sessionize_hour

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pipeline:
    """A configured pipeline: its raw objects, its lake, and where work in progress is kept.

    ``held`` is the staging area of the one piece of work that this process does by itself.
    """

    config: PipelineConfig
    raw: Storage
    lake: Lake
    staging: Storage
    held: HeldStaging | None = None

    @classmethod
    def open(
        cls,
        config: PipelineConfig,
        credentials: S3Credentials | None = None,
        staging: Storage | None = None,
    ) -> Pipeline:
        """Open the pipeline's stores; work in progress is kept in the lake unless told otherwise.

        No request is made yet.
        """
        lake = open_storage(config.lake, credentials)
        return cls(config, open_storage(config.raw, credentials), Lake(lake), staging or lake)

    def claim_of(self, hour: Hour) -> Claim:
        """Return the hour's claim as it is written down.

        Raises
        ------
        ClaimChangedError
            If there is none.
        """
        claim = read_claim(self.lake, hour, self.config)
        if claim is None:
            raise _claim_changed(hour)
        return claim

    def work(self, hour: Hour, claim_id: str) -> tuple[Claim, Staging]:
        """Return the hour's claim and the staging area of the work that it names.

        Raises
        ------
        ClaimChangedError
            If the claim or the settings are not those that ``claim_id`` names any more.
        """
        claim = self.claim_of(hour)
        if claim.id != claim_id:
            raise _claim_changed(hour)
        return claim, self.held or Staging(self.staging, hour, claim_id)


def claim(pipeline: Pipeline, hour: Hour) -> Claim:
    """Decide which objects the run reads, and write the decision down.

    Raises
    ------
    IntervalError, StorageError, ForeignFileError
    """
    pipeline.raw.check()
    pipeline.lake.take_possession(pipeline.config.name)
    claim = claim_objects(pipeline.raw, pipeline.lake, hour, pipeline.config)
    log.info(
        "%s: %d objects claimed, %d batches, %d shards",
        hour,
        len(claim.objects),
        len(claim.batches),
        claim.shards,
    )
    return claim


def check_previous(pipeline: Pipeline, hour: Hour) -> None:
    """Make sure that the hour before has left a state that can be built upon.

    Raises
    ------
    MissingStateError, OutdatedStateError
    """
    previous_ledger(pipeline.lake, hour, pipeline.config)


def validate_batch(pipeline: Pipeline, hour: Hour, claim_id: str, batch: int) -> dict[str, int]:
    """Read one batch of objects; divide their records into valid ones and quarantine.

    Returns
    -------
    dict
        The counts ``records``, ``valid`` and ``quarantined``.

    Raises
    ------
    ObjectGoneError
        If a claimed object is gone or has been replaced.
    """
    claim, staging = pipeline.work(hour, claim_id)
    config = pipeline.config
    counts = []
    with (
        staging.writing(f"valid-{batch:05}", VALIDATED) as valid,
        staging.writing(f"quarantine-{batch:05}", QUARANTINE) as quarantine,
    ):
        for entry in claim.batches[batch]:
            records = good = bad = 0
            chunks = pipeline.raw.stream(entry.key, entry.etag)
            for read in read_batches(chunks, config.fields, config.landing):
                divided = validate(read, entry.key, hour, config)
                valid.write_table(divided.valid)
                quarantine.write_table(divided.quarantine)
                records += len(read)
                good += len(divided.valid)
                bad += len(divided.quarantine)
            counts.append(ObjectCounts(entry.key, entry.size, records, good, bad))
            log.info("%s: %s: %d valid, %d in quarantine", hour, entry.key, good, bad)
    staging.write_record(f"counts-{batch:05}", [asdict(count) for count in counts])
    return {
        "records": sum(count.records for count in counts),
        "valid": sum(count.valid for count in counts),
        "quarantined": sum(count.quarantined for count in counts),
    }


def enrich_batch(pipeline: Pipeline, hour: Hour, claim_id: str, batch: int) -> dict[str, int]:
    """Clean and enrich one batch of valid records, and deal the events out to the shards.

    Returns
    -------
    dict
        The count ``events``.
    """
    claim, staging = pipeline.work(hour, claim_id)
    events = 0
    with contextlib.ExitStack() as stack:
        writers = [
            stack.enter_context(staging.writing(dealt_name(batch, shard), ENCODED_EVENTS))
            for shard in range(claim.shards)
        ]
        hands = stack.enter_context(staging.writing(hands_name(batch), HANDS))
        for valid in staging.read_batches(f"valid-{batch:05}"):
            table = enrich(valid, pipeline.config)
            events += len(table)
            shards, parts = deal(table, claim.shards)
            hands.write_table(shards)
            for writer, part in zip(writers, parts, strict=True):
                writer.write_table(part)
    return {"events": events}


def sessionize_shard(pipeline: Pipeline, hour: Hour, claim_id: str, shard: int) -> dict[str, int]:
    """Settle the events of one shard's machines upon the state that the hour before has left.

    Returns
    -------
    dict
        The counts ``settled``, ``late``, ``duplicates``, ``pending``, ``closed`` and ``open``.

    Raises
    ------
    MissingStateError, OutdatedStateError
        If the hour before has not been run, or an earlier one must be run again.
    """
    claim, staging = pipeline.work(hour, claim_id)
    previous = previous_ledger(pipeline.lake, hour, pipeline.config)
    state = load_state(pipeline.lake, previous, shard, claim.shards)
    workers = pipeline.config.run.workers
    result = sessionize_hour(
        state,
        _events_of(staging, claim, shard),
        hour,
        pipeline.config.session,
        threads=max(1, workers // claim.shards),
    )
    staging.write_pieces(
        shard_name(previous, "sessionized_events", shard),
        SETTLED_EVENTS,
        lambda: result.settled.tables(ROW_GROUP_ROWS),
    )
    tables = {
        "sessions": result.closed,
        "late_events": result.late,
        **{f"state-{name}": getattr(result.state, name) for name in STATE},
    }
    for name, table in tables.items():
        staging.write(shard_name(previous, name, shard), table)
    staging.write_record(shard_name(previous, "duplicates", shard), result.duplicates)
    return {
        "settled": len(result.settled),
        "late": len(result.late),
        "duplicates": result.duplicates,
        "pending": len(result.state.pending),
        "closed": len(result.closed),
        "open": len(result.state.open_sessions),
    }


def write_events(
    pipeline: Pipeline, hour: Hour, claim_id: str, folder: Path
) -> dict[str, WrittenFile]:
    """Write early what hangs on no state; `publish` does it where this has not been done."""
    claim, staging = pipeline.work(hour, claim_id)
    return partitions.write_events(claim, staging, folder)


def publish(
    pipeline: Pipeline,
    hour: Hour,
    claim_id: str,
    folder: Path | None = None,
    early: EarlyFiles | None = None,
) -> Published:
    """Check the run's equations, then make its partitions, state and ledger visible.

    ``early`` waits for what `write_events` writes into ``folder``, if it has been called.

    Raises
    ------
    UnbalancedError, LimitExceededError, ForeignFileError
        Before anything has become visible.
    MissingStateError, OutdatedStateError
        If the hour before is not what the hour was sessionized upon.
    """
    claim, staging = pipeline.work(hour, claim_id)
    previous = previous_ledger(pipeline.lake, hour, pipeline.config)
    with tempfile.TemporaryDirectory(prefix="sessionize-") as temporary:
        run = assemble(claim, staging, previous, pipeline.config, folder or Path(temporary), early)
        published = reveal(pipeline.lake, run)
    remove_leftovers(pipeline.lake, pipeline.staging, run.ledger)
    return published


def _claim_changed(hour: Hour) -> ClaimChangedError:
    return ClaimChangedError(
        f"{hour}: the claimed objects or the settings have changed while the hour was run",
        "Run the hour again from `claim`.",
    )


def _events_of(staging: Staging, claim: Claim, shard: int) -> pa.Table:
    """Return the events of a shard in landed order."""
    landed = (staging.read(dealt_name(batch, shard)) for batch in range(len(claim.batches)))
    return pa.concat_tables([ENCODED_EVENTS.empty_table(), *landed])
