"""The stages of a run: claim → validate → enrich → sessionize → publish.

Each is idempotent and takes only small arguments; data passes through the staging area. Airflow's
tasks call these functions and nothing else, and the command line those that they are made of: see
`pipeline.runner`. What only one stage needs, pandas and the kernels above all, is imported by it:
the tasks are many, and each is a process of its own.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from sessionize.config import PipelineConfig
from sessionize.lake.claims import (
    Claim,
    check_claim,
    claim_changed,
    claim_objects,
    read_claim,
)
from sessionize.lake.commit import Published, commit_run, remove_leftovers
from sessionize.lake.layout import Lake
from sessionize.lake.ledger import NO_STATE, Ledger, ObjectCounts, WrittenFile
from sessionize.lake.staging import Staging, StoredStaging
from sessionize.lake.state_store import load_state, previous_ledger
from sessionize.lake.storage import S3Credentials, Storage, fetch, open_storage
from sessionize.lake.temporary import temporary_folder
from sessionize.model.errors import ClaimChangedError, ObjectGoneError
from sessionize.model.hours import Hour
from sessionize.model.schemas import QUARANTINE
from sessionize.pipeline.partitions import (
    OF_BATCHES,
    ShardTables,
    assemble,
    staged_schemas,
    tables_of,
    write_of_batches,
    write_of_shards,
)
from sessionize.pipeline.shuffle import Shuffle, StoredShuffle

if TYPE_CHECKING:
    import pandas as pd

    from sessionize.sessions.hour import SessionizedHour

log = logging.getLogger(__name__)

#: Events take some three times as much in memory as the objects that bring them, compressed; what
#: takes more than this is taken in parts,
_EXPANSION = 8
#: but not in more than so many: each reads the whole shard, and one machine is not divided.
_MOST_PARTS = 64


@dataclass(frozen=True)
class Pipeline:
    """A configured pipeline: its raw objects, its lake, and where work in progress is kept."""

    config: PipelineConfig
    raw: Storage
    lake: Lake
    staging: Storage

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
            raise claim_changed(hour)
        return claim

    def work(self, hour: Hour, claim_id: str) -> Work:
        """Return the work that a claim names, in the pipeline's staging area.

        Raises
        ------
        ClaimChangedError
            If the claim or the settings are not those that ``claim_id`` names any more.
        """
        claim = self.claim_of(hour)
        if claim.id != claim_id:
            raise claim_changed(hour)
        return Work.stored(self, claim)


@dataclass(frozen=True)
class Work:
    """The run of one hour under way: what it reads, and where its stages leave their results."""

    pipeline: Pipeline
    claim: Claim
    staging: Staging
    shuffle: Shuffle

    @classmethod
    def stored(cls, pipeline: Pipeline, claim: Claim) -> Work:
        """Keep what passes between the stages in the pipeline's staging area."""
        staging = StoredStaging(pipeline.staging, claim.hour, claim.id)
        schemas = pipeline.config.schemas
        schema = schemas.between_stages(schemas.events)
        shuffle = StoredShuffle(staging, schema, len(claim.batches), claim.shards)
        return cls(pipeline, claim, staging, shuffle)

    @property
    def config(self) -> PipelineConfig:
        """The pipeline's settings."""
        return self.pipeline.config

    def previous(self) -> Ledger | None:
        """Return the ledger of the hour before.

        Raises
        ------
        MissingStateError, OutdatedStateError
            If the hour before has not been run, or an earlier one must be run again.
        """
        return previous_ledger(self.pipeline.lake, self.claim.hour, self.config)


def claim(pipeline: Pipeline, hour: Hour) -> Claim:
    """Decide which objects the run reads, and write the decision down.

    Raises
    ------
    IntervalError, StorageError, ForeignFileError
    """
    pipeline.raw.check()
    pipeline.lake.take_possession(pipeline.config.name, pipeline.config.raw)
    claim = claim_objects(pipeline.raw, pipeline.lake, hour, pipeline.config)
    log.info(
        "%s: %d objects claimed, %d batches, %d shards",
        hour,
        len(claim.objects),
        len(claim.batches),
        claim.shards,
    )
    return claim


def check_previous(pipeline: Pipeline, hour: Hour) -> Ledger | None:
    """Make sure that the hour before has left a state that can be built upon; return its ledger.

    Raises
    ------
    MissingStateError, OutdatedStateError
    """
    return previous_ledger(pipeline.lake, hour, pipeline.config)


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
    from sessionize.model.frames import to_table

    work = pipeline.work(hour, claim_id)
    schema = work.config.schemas.validated
    with work.staging.writing(f"valid-{batch:05}", schema) as valid:
        for frame in validated(work, batch):
            valid.write_table(to_table(frame, schema))
    counts = _object_counts(work.staging, batch)
    return {
        "records": sum(count.records for count in counts),
        "valid": sum(count.valid for count in counts),
        "quarantined": sum(count.quarantined for count in counts),
    }


def enrich_batch(pipeline: Pipeline, hour: Hour, claim_id: str, batch: int) -> dict[str, int]:
    """Clean and enrich one batch of valid records, and shuffle the events to their shards.

    Returns
    -------
    dict
        The count ``events``.
    """
    from sessionize.model.frames import to_frame

    work = pipeline.work(hour, claim_id)
    valid = map(to_frame, work.staging.read_batches(f"valid-{batch:05}"))
    return {"events": add_events(work, batch, valid)}


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
    work = pipeline.work(hour, claim_id)
    previous = work.previous()
    counts = dict.fromkeys(("settled", "late", "duplicates", "pending", "closed", "open"), 0)
    with contextlib.ExitStack() as stack:
        writers = {
            name: stack.enter_context(work.staging.writing(_upon(previous, name, shard), schema))
            for name, schema in staged_schemas(work.config.schemas).items()
        }
        for run in sessionized(work, previous, shard, work.config.run.shard_size):
            for name, table in tables_of(run, work.config.schemas).tables.items():
                writers[name].write_table(table)
            counts["settled"] += len(run.settled)
            counts["late"] += len(run.late)
            counts["duplicates"] += run.duplicates
            counts["pending"] += len(run.state.pending)
            counts["closed"] += len(run.closed)
            counts["open"] += len(run.open)
    work.staging.write_record(_upon(previous, "duplicates", shard), counts["duplicates"])
    return counts


def publish(pipeline: Pipeline, hour: Hour, claim_id: str) -> Published:
    """Check the run's equations, then make its partitions, state and ledger visible.

    Raises
    ------
    UnbalancedError, LimitExceededError, ForeignFileError
        Before anything has become visible.
    MissingStateError, OutdatedStateError
        If the hour before is not what the hour was sessionized upon.
    StagingError
        If a stage has not run, or has run upon another state than the hour before has left.
    """
    work = pipeline.work(hour, claim_id)
    previous = work.previous()

    schemas = staged_schemas(work.config.schemas)

    def of_shard(shard: int) -> Iterator[ShardTables]:
        duplicates = work.staging.read_record(_upon(previous, "duplicates", shard))
        nothing = {name: schema.empty_table() for name, schema in schemas.items()}
        yield ShardTables(nothing, duplicates)
        staged = [work.staging.read_batches(_upon(previous, name, shard)) for name in schemas]
        for pieces in itertools.zip_longest(*staged):
            tables = zip(schemas, pieces, strict=True)
            yield ShardTables({name: piece or nothing[name] for name, piece in tables}, 0)

    with temporary_folder() as folder:
        with ThreadPoolExecutor(work.config.run.workers) as pool:
            shards = itertools.chain.from_iterable(map(of_shard, range(work.claim.shards)))
            of_shards = pool.submit(write_of_shards, shards, work.config.schemas, folder)
            batches = range(len(work.claim.batches))
            of_batches = [
                pool.submit(write_batches, work, name, folder, batches) for name in OF_BATCHES
            ]
            files, duplicates = of_shards.result()
            files |= {file.key: file for file in (future.result() for future in of_batches)}
        return publish_files(work, previous, folder, files, duplicates)


# What the stages are made of; the command line puts it together in another way.


def validated(work: Work, batch: int) -> Iterator[pd.DataFrame]:
    """Read a batch of objects; yield the valid records, and set the others aside.

    Raises
    ------
    ObjectGoneError
        If a claimed object is gone or has been replaced.
    """
    from sessionize.events.absent import ENOUGH, AbsentFields
    from sessionize.events.validate import validate
    from sessionize.landing import read_records
    from sessionize.model.frames import to_table

    objects = work.claim.batches[batch]
    counts = {entry.key: [0, 0] for entry in objects}
    fields = work.config.raw_fields
    absent = AbsentFields(work.config) if batch == 0 else None  # the hour's first records
    with (
        _gone_explained(work),
        contextlib.closing(fetch(work.pipeline.raw, objects)) as fetched,
        work.staging.writing(f"quarantine-{batch:05}", QUARANTINE) as quarantine,
    ):
        few_values = work.config.few_values
        for records in read_records(fetched, fields, work.config.landing, few_values=few_values):
            if absent is not None:
                absent.add(records)
                if absent.records >= ENOUGH:
                    for warning in absent.warnings:
                        log.warning("%s: %s", work.claim.hour, warning)
                    absent = None
            result = validate(records.frame, work.claim.hour, work.config, records.kinds)
            quarantine.write_table(to_table(result.quarantine, QUARANTINE))
            for place, frame in enumerate((result.valid, result.quarantine)):
                for key, rows in frame["object_key"].value_counts(sort=False).items():
                    counts[str(key)][place] += rows
            yield result.valid
    work.staging.write_record(
        f"counts-{batch:05}",
        [
            asdict(ObjectCounts(entry.key, entry.size, sum(counts[entry.key]), *counts[entry.key]))
            for entry in objects
        ],
    )


@contextlib.contextmanager
def _gone_explained(work: Work) -> Iterator[None]:
    """Say of an object that is gone what can be done: that depends on what is published."""
    try:
        yield
    except ObjectGoneError as error:
        hour, lake = work.claim.hour, work.pipeline.lake
        if lake.ledger(hour) is None:
            raise ObjectGoneError(
                error.fault,
                f"Restore the object as it was, or run {hour} again from `claim`: it then goes "
                "without an object that is gone, and reads one that was replaced as it is now.",
            ) from error
        raise ObjectGoneError(
            f"{error.fault}; {hour} is published with its events, and stays so",
            f"Restore the object as it was, then run {hour} again. If it is lost for good, and the "
            f"hour is to be published without its events, move {lake.ledger_url(hour)} away and "
            f"run {hour} again.",
        ) from error


def add_events(work: Work, batch: int, valid: Iterable[pd.DataFrame]) -> int:
    """Enrich the valid records of a batch, and shuffle them; return how many there are."""
    from sessionize.events.enrich import enrich

    events = 0
    with work.shuffle.adding(batch) as add:
        for frame in valid:
            add(enrich(frame, work.config))
            events += len(frame)
    return events


def sessionized(
    work: Work, previous: Ledger | None, shard: int, planned: int
) -> Iterator[SessionizedHour]:
    """Settle the events of one shard's machines upon the state that the hour before has left.

    Yields
    ------
    SessionizedHour
        One; or, where the events are far more than ``planned`` (compressed bytes of objects), of
        one part of the shard after the other, in the order of machines: how well an object was
        compressed shows only when it has been read.
    """
    from sessionize.model.frames import to_frame
    from sessionize.sessions.hour import sessionize
    from sessionize.sessions.machines import of_shard
    from sessionize.sessions.state import State

    schemas, bound = work.config.schemas, planned * _EXPANSION
    nothing = schemas.between_stages(schemas.events).empty_table()
    pieces: list[pa.Table] = []
    size = 0
    for piece in work.shuffle.of_shard(shard):
        size += piece.nbytes
        if size <= bound:
            pieces.append(piece)
        else:
            pieces.clear()
    parts = min(max(1, -(-size // bound)), _MOST_PARTS)
    shards = work.claim.shards * parts
    for part in range(shard * parts, (shard + 1) * parts):
        if parts > 1:
            pieces = [of_shard(piece, part, shards) for piece in work.shuffle.of_shard(shard)]
        state = load_state(work.pipeline.lake, previous, schemas.state, part, shards)
        events = to_frame(pa.concat_tables([nothing, *pieces]))
        pieces = []
        yield sessionize(
            State.of_tables(state),
            events,
            work.claim.hour,
            work.config.session,
            schemas.session_columns,
        )


def write_batches(work: Work, name: str, folder: Path, batches: Iterable[int]) -> WrittenFile:
    """Write the file of ``events`` or ``quarantine`` into a folder, batch by batch."""

    def of_batch(batch: int) -> Iterator[pa.Table]:
        if name == "events":
            return work.shuffle.of_batch(batch)
        return work.staging.read_batches(f"quarantine-{batch:05}")

    tables = (table for batch in batches for table in of_batch(batch))
    return write_of_batches(name, tables, work.config.schemas, folder)


def publish_files(
    work: Work,
    previous: Ledger | None,
    folder: Path,
    files: Mapping[str, WrittenFile],
    duplicates: int,
) -> Published:
    """Publish the files of a run that have been written into a folder."""
    objects = [
        count
        for batch in range(len(work.claim.batches))
        for count in _object_counts(work.staging, batch)
    ]
    run = assemble(work.claim, tuple(objects), previous, work.config, folder, files, duplicates)
    lake = work.pipeline.lake

    def check() -> None:
        check_claim(lake, work.claim)
        if work.previous() != previous:
            hour = work.claim.hour
            raise ClaimChangedError(
                f"{hour}: {hour.previous} has been run again meanwhile, with another outcome",
                f"Run {hour} again.",
            )

    published = commit_run(lake, run.ledger, run.files, check)
    remove_leftovers(lake, work.pipeline.staging, run.ledger)
    if not run.ledger.claimed:
        warn_of_nothing(work.pipeline, work.claim.hour, previous)
    return published


def warn_of_nothing(pipeline: Pipeline, hour: Hour, previous: Ledger | None) -> None:
    """Say that nothing has landed: a quiet hour and a delivery that has stopped look alike."""
    raw = pipeline.raw.url
    if previous is None:
        before = "it is the first"
    elif previous.claimed:
        before = f"for {previous.hour} {len(previous.claimed):,} had"
    else:
        before = f"nor for {previous.hour}"
    log.warning(
        "%s: no object has landed for the hour; %s. If events were sent, see that the delivery "
        "stream delivers to %s/%s, and that `raw` is right; what comes later is claimed by a later "
        "hour",
        *(hour, before, raw, pipeline.config.landing.prefix.of(hour)),
    )


def _object_counts(staging: Staging, batch: int) -> list[ObjectCounts]:
    return [ObjectCounts(**entry) for entry in staging.read_record(f"counts-{batch:05}")]


def _upon(previous: Ledger | None, name: str, shard: int) -> str:
    """Name a staged result of one shard, which hangs on the state before."""
    fingerprint = previous.state_fingerprint if previous else NO_STATE
    return f"upon-{fingerprint}/{name.replace('/', '-')}-{shard:03}"
