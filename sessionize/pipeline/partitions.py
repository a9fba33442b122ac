"""A run's staged results, laid end to end into the files that will be published, and counted.

The files are made on local disk and held against the ledger's equations there: what does not add up
never becomes visible.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sessionize.config import Limits, PipelineConfig
from sessionize.lake.claims import Claim
from sessionize.lake.layout import partition_key
from sessionize.lake.ledger import NO_STATE, Counts, Ledger, ObjectCounts, WrittenFile
from sessionize.lake.parquet import write_parquet
from sessionize.lake.staging import Staging
from sessionize.model.errors import LimitExceededError
from sessionize.model.schemas import STAGED_DATASETS, STAGED_STATE
from sessionize.sessions.dealing import gather

log = logging.getLogger(__name__)

#: The files of a run, those that take longest first: datasets, and states, one of which is a
#: dataset as well.
_WRITTEN = (
    *("sessionized_events", "events", "state/identities"),
    *("quarantine", "late_events", "sessions"),
    *("state/open_sessions", "state/closed_frontiers", "state/pending"),
)
#: Those that are made of batches; the others are made of shards.
_OF_BATCHES = ("events", "quarantine")


#: Returns files by dataset, once they are written.
EarlyFiles = Callable[[], Mapping[str, WrittenFile]]


@dataclass(frozen=True)
class AssembledRun:
    """A run that adds up: its ledger, and each file of the ledger on local disk, by key."""

    ledger: Ledger
    files: dict[str, Path]


def dealt_name(batch: int, shard: int) -> str:
    """Name the staged events of one batch that belong to one shard."""
    return f"events-{batch:05}-{shard:03}"


def hands_name(batch: int) -> str:
    """Name what tells in which shard each event of a batch is."""
    return f"hands-{batch:05}"


def shard_name(previous: Ledger | None, table: str, shard: int) -> str:
    """Name a staged result of one shard, which hangs on the state before."""
    return f"upon-{_fingerprint(previous)}/{table}-{shard:03}"


def write_events(claim: Claim, staging: Staging, folder: Path) -> dict[str, WrittenFile]:
    """Write the files that hang on no state into a folder, by dataset: they need not wait for it.

    Raises
    ------
    StagingError
        If a stage has not run.
    """
    sources = _Sources(claim, staging, None)
    return {name: _write(name, sources, folder) for name in _OF_BATCHES}


def assemble(
    claim: Claim,
    staging: Staging,
    previous: Ledger | None,
    config: PipelineConfig,
    folder: Path,
    early: EarlyFiles | None = None,
) -> AssembledRun:
    """Lay the staged results of a run end to end, as files in a folder on local disk.

    ``early`` waits for what `write_events` writes there, if it has been called; the other files are
    written in the meantime.

    Raises
    ------
    StagingError
        If a stage has not run, or has run upon another state than ``previous`` left.
    UnbalancedError
        If the run does not add up.
    LimitExceededError
        If more is in quarantine, or late, than the operator allows.
    """
    sources = _Sources(claim, staging, previous)
    (folder / "state").mkdir(exist_ok=True)
    own = [name for name in _WRITTEN if early is None or name not in _OF_BATCHES]
    with ThreadPoolExecutor(config.run.workers) as pool:
        files = list(pool.map(lambda name: _write(name, sources, folder), own))
    written = dict(zip(own, files, strict=True)) | dict(early() if early else {})

    paths: dict[str, Path] = {}
    state, published = {}, {}
    for name in STAGED_STATE:
        file = written[f"state/{name}"]
        # Named by content: a state that is being replaced stays readable beside the new one.
        key = f"_state/{claim.hour.partition}/{name}-{file.sha256[:12]}.parquet"
        paths[key] = folder / file.key
        state[name] = replace(file, key=key)
    for name in STAGED_DATASETS:
        # What is open is the state's own list.
        file = written["state/open_sessions" if name == "open_sessions" else name]
        key = partition_key(name, claim.hour)
        paths[key] = folder / file.key
        published[name] = replace(file, key=key)

    ledger = _ledger(claim, sources, previous, config, published, state, paths)
    ledger.counts.check()
    _check_limits(ledger, config.limits)
    return AssembledRun(ledger, paths)


def _write(name: str, sources: _Sources, folder: Path) -> WrittenFile:
    kind, _, table = name.rpartition("/")
    schema = (STAGED_STATE if kind else STAGED_DATASETS)[table]
    staged = f"state-{table}" if kind else table
    if name in _OF_BATCHES:
        tables = sources.events() if name == "events" else sources.quarantine()
    else:
        tables = sources.of_shards(staged)
    return write_parquet(folder / name, schema, tables, name)


class _Sources:
    """The staged tables, in the order in which they are published."""

    def __init__(self, claim: Claim, staging: Staging, previous: Ledger | None) -> None:
        self._staging = staging
        self._previous = previous
        self._batches = range(len(claim.batches))
        self._shards = range(claim.shards)

    def quarantine(self) -> Iterator[pa.Table]:
        for batch in self._batches:
            yield from self._staging.read_batches(f"quarantine-{batch:05}")

    def events(self) -> Iterator[pa.Table]:
        for batch in self._batches:
            dealt = [self._staging.read_batches(dealt_name(batch, shard)) for shard in self._shards]
            yield from gather(self._staging.read_batches(hands_name(batch)), dealt)

    def of_shards(self, name: str) -> Iterator[pa.Table]:
        for shard in self._shards:
            yield from self._staging.read_batches(shard_name(self._previous, name, shard))

    def duplicates(self) -> int:
        names = (shard_name(self._previous, "duplicates", shard) for shard in self._shards)
        return sum(self._staging.read_record(name) for name in names)

    def objects(self) -> Iterator[ObjectCounts]:
        for batch in self._batches:
            for entry in self._staging.read_record(f"counts-{batch:05}"):
                yield ObjectCounts(**entry)


def _ledger(
    claim: Claim,
    sources: _Sources,
    previous: Ledger | None,
    config: PipelineConfig,
    published: dict[str, WrittenFile],
    state: dict[str, WrittenFile],
    files: dict[str, Path],
) -> Ledger:
    """Count the run from the files that it publishes."""
    objects = tuple(sources.objects())

    def column(name: str, of: str) -> pa.ChunkedArray:
        return pq.read_table(files[published[name].key], columns=[of]).column(of)

    def total(name: str) -> int:
        return pc.sum(column(name, "event_count")).as_py() or 0

    def tally(name: str, of: str) -> dict[str, int]:
        return dict(sorted(Counter(column(name, of).to_pylist()).items()))

    return Ledger(
        pipeline=config.name,
        hour=claim.hour,
        settings=claim.settings,
        watermark=(claim.hour.end - config.session.max_out_of_orderness).isoformat(),
        previous_state=_fingerprint(previous),
        counts=Counts(
            records_read=sum(entry.records for entry in objects),
            valid=published["events"].rows,
            quarantined=published["quarantine"].rows,
            pending_before=previous.counts.pending_after if previous else 0,
            settled=published["sessionized_events"].rows,
            late=published["late_events"].rows,
            duplicates=sources.duplicates(),
            pending_after=state["pending"].rows,
            sessions_closed=published["sessions"].rows,
            sessions_open=published["open_sessions"].rows,
            events_open_before=previous.counts.events_open if previous else 0,
            events_closed=total("sessions"),
            events_open=total("open_sessions"),
        ),
        quarantined_by_reason=tally("quarantine", "reason"),
        closed_by_reason=tally("sessions", "end_reason"),
        claimed=objects,
        published=published,
        state=state,
    )


def _check_limits(ledger: Ledger, limits: Limits) -> None:
    counts = ledger.counts
    shares = {
        "quarantined": counts.quarantined / max(counts.records_read, 1),
        "late": counts.late / max(counts.valid, 1),
    }
    for what, share in shares.items():
        fail: float | None = getattr(limits, f"fail_{what}")
        warn: float | None = getattr(limits, f"warn_{what}")
        if fail is not None and share > fail:
            raise LimitExceededError(
                f"{ledger.hour}: {share:.1%} {what} is over the limit of {fail:.1%} "
                f"({ledger.quarantined_by_reason or counts})",
                f"Nothing was published. Look into the objects, or raise `limits.fail_{what}`, and "
                "run the hour again.",
            )
        if warn is not None and share > warn:
            log.warning(
                "%s: %.1f %% %s is over %.1f %%", ledger.hour, share * 100, what, warn * 100
            )


def _fingerprint(previous: Ledger | None) -> str:
    return previous.state_fingerprint if previous else NO_STATE
