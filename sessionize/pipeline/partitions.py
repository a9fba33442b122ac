"""A run's results, laid end to end into the files that will be published, and counted.

The files are made on local disk and held against the ledger's equations there: what does not add up
never becomes visible.
"""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sessionize.config import Limits, PipelineConfig
from sessionize.lake.claims import Claim
from sessionize.lake.layout import partition_key
from sessionize.lake.ledger import NO_STATE, Counts, Ledger, ObjectCounts, WrittenFile
from sessionize.lake.parquet import ParquetFile, write_parquet
from sessionize.model.errors import LimitExceededError
from sessionize.model.schemas import Schemas

if TYPE_CHECKING:
    from sessionize.sessions.hour import SessionizedHour

log = logging.getLogger(__name__)

#: The datasets that hang on no state: they are made of batches; the others are made of shards.
OF_BATCHES = ("events", "quarantine")
_STATE = "state/"
#: How many objects and records an error shows, and how much of a record.
_SHOWN, _SHOWN_TEXT = 3, 200
#: Texts that come in runs, since rows stand in the order of machines.
_IN_RUNS = {
    "sessionized_events": ("machine_id", "session_id"),
    f"{_STATE}identities": ("machine_id",),
}


@dataclass(frozen=True)
class AssembledRun:
    """A run that adds up: its ledger, and each file of the ledger on local disk, by key."""

    ledger: Ledger
    files: dict[str, Path]


@dataclass(frozen=True)
class ShardTables:
    """What one shard adds to the files: the tables of `staged_schemas`, and its duplicates."""

    tables: dict[str, pa.Table]
    duplicates: int


@dataclass(frozen=True)
class Tallies:
    """What of a run only a look into its files can tell."""

    quarantined_by_reason: dict[str, int]
    closed_by_reason: dict[str, int]
    events_closed: int
    events_open: int


def staged_schemas(schemas: Schemas) -> dict[str, pa.Schema]:
    """Return the tables that shards add to, as they are between stages, by the name of the file."""
    tables = {name: kind for name, kind in schemas.datasets.items() if name not in OF_BATCHES}
    tables |= {f"{_STATE}{name}": kind for name, kind in schemas.state.items()}
    return {
        name: schemas.between_stages(kind, *_IN_RUNS.get(name, ())) for name, kind in tables.items()
    }


def kept_schemas(schemas: Schemas) -> dict[str, pa.Schema]:
    """Return the schemas of all files of a run, by name; those of the state begin ``state/``."""
    return schemas.datasets | {f"{_STATE}{name}": kind for name, kind in schemas.state.items()}


def tables_of(run: SessionizedHour, schemas: Schemas) -> ShardTables:
    """Return what a shard's run adds to the files."""
    from sessionize.model.frames import to_table

    frames = {
        "sessionized_events": run.settled,
        "late_events": run.late,
        "sessions": run.closed,
        "open_sessions": run.open,
        **{f"{_STATE}{name}": getattr(run.state, name) for name in schemas.state},
    }
    staged = staged_schemas(schemas)
    tables = {name: to_table(frame, staged[name]) for name, frame in frames.items()}
    return ShardTables(tables, run.duplicates)


def write_of_batches(
    name: str, tables: Iterable[pa.Table], schemas: Schemas, folder: Path
) -> WrittenFile:
    """Write a dataset that is made of batches into a folder."""
    return write_parquet(folder / name, schemas.datasets[name], tables, name)


def write_of_shards(
    shards: Iterable[ShardTables], schemas: Schemas, folder: Path
) -> tuple[dict[str, WrittenFile], int]:
    """Write all files that are made of shards, in the shards' order, as they come, side by side.

    Returns
    -------
    files : dict of str to WrittenFile
        By dataset; those of the state begin with ``state/``.
    duplicates : int
    """
    (folder / _STATE).mkdir(exist_ok=True)
    duplicates, kept = 0, kept_schemas(schemas)
    with contextlib.ExitStack() as stack:
        files = {
            name: stack.enter_context(ParquetFile(folder / name, kept[name], name))
            for name in staged_schemas(schemas)
        }
        # They end before the files are closed: where one fails, others are still being written.
        threads = {name: stack.enter_context(ThreadPoolExecutor(1)) for name in files}
        writing: list[Future[None]] = []
        for shard in shards:
            duplicates += shard.duplicates
            _wait_for(writing)  # while a shard is written the next is made, and not one more
            writing = [
                threads[name].submit(file.write, shard.tables[name]) for name, file in files.items()
            ]
        _wait_for(writing)
        finishing = {name: threads[name].submit(file.finish) for name, file in files.items()}
        return {name: future.result() for name, future in finishing.items()}, duplicates


def _wait_for(futures: Iterable[Future[None]]) -> None:
    for future in futures:
        future.result()


def assemble(
    claim: Claim,
    objects: tuple[ObjectCounts, ...],
    previous: Ledger | None,
    config: PipelineConfig,
    folder: Path,
    written: Mapping[str, WrittenFile],
    duplicates: int,
) -> AssembledRun:
    """Count a run whose files have been written into a folder, and name them for the lake.

    Raises
    ------
    UnbalancedError
        If the run does not add up.
    LimitExceededError
        If more is in quarantine, or late, than the operator allows.
    """
    found, quarantine = tallies_of(folder), folder / "quarantine"
    ledger = ledger_of(claim, objects, previous, config, written, found, duplicates)
    check_run(ledger, config.limits, lambda: quarantine)
    paths = {file.key: folder / written[name].key for name, file in ledger.published.items()}
    paths |= {file.key: folder / written[f"{_STATE}{n}"].key for n, file in ledger.state.items()}
    return AssembledRun(ledger, paths)


def tallies_of(folder: Path) -> Tallies:
    """Count what is in the files of a run that have been written into a folder."""

    def column(name: str, of: str) -> Iterator[pa.Array]:
        """Read a column in pieces: a short file can have more rows than fit in memory."""
        with pq.ParquetFile(folder / name) as file:
            for batch in file.iter_batches(columns=[of]):
                yield batch.column(0)

    def total(name: str) -> int:
        return sum(pc.sum(piece).as_py() or 0 for piece in column(name, "event_count"))

    def tally(name: str, of: str) -> dict[str, int]:
        counts: Counter[str] = Counter()
        for piece in column(name, of):
            for entry in pc.value_counts(piece.cast(pa.string())).to_pylist():
                counts[entry["values"]] += entry["counts"]
        return dict(sorted(counts.items()))

    return Tallies(
        quarantined_by_reason=tally("quarantine", "reason"),
        closed_by_reason=tally("sessions", "end_reason"),
        events_closed=total("sessions"),
        events_open=total("open_sessions"),
    )


def ledger_of(
    claim: Claim,
    objects: tuple[ObjectCounts, ...],
    previous: Ledger | None,
    config: PipelineConfig,
    written: Mapping[str, WrittenFile],
    tallies: Tallies,
    duplicates: int,
) -> Ledger:
    """Count the run from the files that it publishes, and name those for the lake.

    ``written`` are the files of `kept_schemas`, wherever they lie.
    """
    published, state = {}, {}
    for name, file in written.items():
        if name.startswith(_STATE):
            table = name.removeprefix(_STATE)
            # Named by content: a state that is being replaced stays readable beside the new one.
            key = f"_state/{claim.hour.partition}/{table}-{file.sha256[:12]}.parquet"
            state[table] = replace(file, key=key)
        else:
            published[name] = replace(file, key=partition_key(name, claim.hour))
    published = {name: published[name] for name in config.schemas.datasets}
    return Ledger(
        pipeline=config.name,
        hour=claim.hour,
        settings=claim.settings,
        watermark=(claim.hour.end - config.session.max_out_of_orderness).isoformat(),
        previous_state=previous.state_fingerprint if previous else NO_STATE,
        counts=Counts(
            records_read=sum(entry.records for entry in objects),
            valid=published["events"].rows,
            quarantined=published["quarantine"].rows,
            pending_before=previous.counts.pending_after if previous else 0,
            settled=published["sessionized_events"].rows,
            late=published["late_events"].rows,
            duplicates=duplicates,
            pending_after=state["pending"].rows,
            sessions_closed=published["sessions"].rows,
            sessions_open=published["open_sessions"].rows,
            events_open_before=previous.counts.events_open if previous else 0,
            events_closed=tallies.events_closed,
            events_open=tallies.events_open,
        ),
        quarantined_by_reason=tallies.quarantined_by_reason,
        closed_by_reason=tallies.closed_by_reason,
        claimed=objects,
        published=published,
        state=state,
    )


def check_run(ledger: Ledger, limits: Limits, quarantine: Callable[[], Path]) -> None:
    """Make sure that a run adds up, and is within the operator's limits.

    ``quarantine`` returns where the quarantine's file is on local disk; only an error asks for it.

    Raises
    ------
    UnbalancedError, LimitExceededError
    """
    ledger.counts.check()
    _check_limits(ledger, limits, quarantine)


def _check_limits(ledger: Ledger, limits: Limits, quarantine: Callable[[], Path]) -> None:
    counts = ledger.counts
    shares = {
        "quarantined": counts.quarantined / max(counts.records_read, 1),
        "late": counts.late / max(counts.valid, 1),
    }
    for what, share in shares.items():
        fail: float | None = getattr(limits, f"fail_{what}")
        warn: float | None = getattr(limits, f"warn_{what}")
        if fail is not None and share > fail:
            why = _worst(ledger, quarantine()) if what == "quarantined" else f"{counts}"
            raise LimitExceededError(
                f"{ledger.hour}: {share:.1%} {what} is over the limit of {fail:.1%}: {why}",
                "Nothing was published. Look into the objects, mend the settings (`[fields]` above "
                f"all), or raise `limits.fail_{what}`, and run the hour again.",
            )
        if warn is not None and share > warn:
            log.warning(
                "%s: %.1f %% %s is over %.1f %%", ledger.hour, share * 100, what, warn * 100
            )


def _worst(ledger: Ledger, quarantine: Path) -> str:
    """Say what is in quarantine: nothing is published, so nobody could look there."""
    reasons = ", ".join(f"{reason} {n:,}" for reason, n in ledger.quarantined_by_reason.items())
    worst = sorted(ledger.claimed, key=lambda entry: -entry.quarantined)[:_SHOWN]
    objects = ", ".join(f"{o.key} ({o.quarantined:,} of {o.records:,})" for o in worst)
    rows = next(pq.ParquetFile(quarantine).iter_batches(batch_size=_SHOWN)).to_pylist()
    samples = "; ".join(
        f"{row['reason']}: {row['detail']}: {row['raw'][:_SHOWN_TEXT]!r}" for row in rows
    )
    return f"{reasons}; most in {objects}; such as {samples}"
