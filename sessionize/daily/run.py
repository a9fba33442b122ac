"""The whole of a day: what it takes is found and fetched, worked on in parts, and published."""

from __future__ import annotations

import hashlib
import logging
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sessionize.daily.commit import commit_day, look
from sessionize.daily.inputs import Inputs, inputs_of
from sessionize.daily.ledger import DayCounts, DayLedger, columns_fingerprint
from sessionize.daily.parts import PART_ROWS, cuts, deal, read_part, tables_in
from sessionize.daily.records import read_record
from sessionize.lake.layout import Lake, day_key
from sessionize.lake.ledger import WrittenFile
from sessionize.lake.migrations import FORMAT
from sessionize.lake.parquet import ParquetFile
from sessionize.lake.storage import side_by_side
from sessionize.lake.temporary import temporary_folder
from sessionize.model.days import ONE_DAY
from sessionize.model.errors import DayNotReadyError, ObjectGoneError
from sessionize.model.schemas import Schemas
from sessionize.pipeline.stages import Pipeline

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PublishedDay:
    """A published day.

    Attributes
    ----------
    ledger : DayLedger
    changed : bool
        False if the lake already held exactly this day.
    outdated : bool
        Whether the day after goes on from other machines than this day has: run it again.
    """

    ledger: DayLedger
    changed: bool
    outdated: bool


def run_day(pipeline: Pipeline, day: date, *, part_rows: int = PART_ROWS) -> PublishedDay:
    """Make a day's datasets of what its hours have published and of the day before.

    Memory holds a part of some ``part_rows`` sessions and machines, and 16 bytes of each session
    of the day, whose quantiles are exact. Local disk holds the files that it reads and writes.

    Raises
    ------
    DayNotReadyError
        If its hours or the day before are not done; the error names what to run first.
    IntervalError
        If the pipeline has no hour in the day.
    SessionizeError
        If it fails otherwise; running it again completes it.
    """
    lake, config = pipeline.lake, pipeline.config
    lake.take_possession(config.name, config.raw)
    found = look(lake, day)
    inputs = inputs_of(lake, config, day)
    columns = columns_fingerprint(config.schemas.daily_datasets)
    ledger = found.record.ledger
    if ledger is not None and _is_made_of(ledger, inputs, columns) and not found.damaged(lake):
        log.info("%s: nothing changed: %s", day, ledger.counts)
        return PublishedDay(ledger, changed=False, outdated=_outdates(lake, ledger))
    with temporary_folder() as folder:
        written, counts = _Work(lake, config.schemas, inputs, folder, part_rows).write()
        ledger = DayLedger(
            config.name,
            day,
            inputs.fingerprints,
            inputs.machines_before,
            columns,
            counts,
            written,
        )
        counts.check(inputs.sessions)
        commit_day(lake, found, ledger, {name: folder / name for name in written})
    return PublishedDay(ledger, changed=True, outdated=_outdates(lake, ledger))


def _is_made_of(ledger: DayLedger, inputs: Inputs, columns: str) -> bool:
    return (ledger.hours, ledger.machines_before, ledger.columns) == (
        inputs.fingerprints,
        inputs.machines_before,
        columns,
    )


def _outdates(lake: Lake, ledger: DayLedger) -> bool:
    after = read_record(lake, ledger.day + ONE_DAY).ledger
    return after is not None and after.machines_before != ledger.machines.sha256


@dataclass(frozen=True)
class _Work:
    """A day under way, in a folder on local disk."""

    lake: Lake
    schemas: Schemas
    inputs: Inputs
    folder: Path
    part_rows: int

    def write(self) -> tuple[dict[str, WrittenFile], DayCounts]:
        """Write the day's files, each named for its dataset, and count what is in them."""
        from sessionize.daily.summary import Tally
        from sessionize.model.frames import to_table

        datasets, before = self.schemas.daily_datasets, self.inputs.before
        tally, machines_after = Tally(by_version=self.schemas.has_version), 0
        with ExitStack() as stack:
            files = {
                name: stack.enter_context(
                    ParquetFile(
                        self.folder / name,
                        schema,
                        day_key(name, self.inputs.day),
                        None if name == "daily_summary" else "machine_id",
                    )
                )
                for name, schema in datasets.items()
            }
            for numbered, machines in self._parts():
                tally.add(numbered)
                files["daily_sessions"].write(to_table(numbered, datasets["daily_sessions"]))
                files["machines"].write(to_table(machines, datasets["machines"]))
                machines_after += len(machines)
            summary = tally.summary()
            files["daily_summary"].write(to_table(summary, datasets["daily_summary"]))
            written = {name: file.finish() for name, file in files.items()}
        counts = {
            name: int(summary[name].iloc[0])
            for name in ("sessions", "events", "machines", "new_machines")
        }
        rows_before = before.machines.rows if before else 0
        return written, DayCounts(
            **counts, machines_before=rows_before, machines_after=machines_after
        )

    def _parts(self):  # type: ignore[no-untyped-def]
        """Yield each part's sessions and machines, as `day.number_on` returns them."""
        from sessionize.daily.day import number_on
        from sessionize.model.frames import to_frame

        hours, machines = self._fetched()
        rows = sum(file.rows for _, file, _ in [*hours, *machines])
        cut_before = cuts([path for path, *_ in [*hours, *machines]], rows, self.part_rows)
        schemas = {
            "sessions": self.schemas.sessions,
            "machines": self.schemas.daily_datasets["machines"],
        }
        dealt = []
        for name, files in (("machines", machines), ("sessions", hours)):
            folder = self.folder / f"{name}-parts"
            folder.mkdir()
            tables = (
                table
                for path, _, written_in in files
                for table in tables_in(path, name, schemas[name], written_in)
            )
            dealt.append(deal(tables, schemas[name], cut_before, folder))
        for of_machines, of_sessions in zip(*dealt, strict=True):
            yield number_on(to_frame(read_part(of_machines)), to_frame(read_part(of_sessions)))
            of_machines.unlink()
            of_sessions.unlink()

    def _fetched(self) -> tuple[list[_Fetched], list[_Fetched]]:
        """Fetch the hours' sessions, and the machines of the day before."""
        day, before = self.inputs.day, self.inputs.before
        hours: list[_Fetched] = [
            (self.folder / f"sessions-{hour.hour}", hour.published["sessions"], hour.format)
            for hour in self.inputs.hours
        ]
        faults = side_by_side(self.lake.storage, lambda it: self._fetch(it[1], it[0]), hours)
        for hour, wrong in zip(self.inputs.hours, faults, strict=True):
            if wrong:
                raise DayNotReadyError(
                    f"{day} cannot be made: {wrong}",
                    f"Run the hour {hour.hour} again, then the day {day}.",
                )
        machines: list[_Fetched] = []
        if before is not None:
            path = self.folder / "machines-before"
            if wrong := self._fetch(before.machines, path):
                raise DayNotReadyError(
                    f"{day} cannot be made: {wrong}", f"Run the day {before.day} again, then {day}."
                )
            machines.append((path, before.machines, FORMAT))
        return hours, machines

    def _fetch(self, file: WrittenFile, path: Path) -> str | None:
        """Fetch a file; return what is wrong with it, if anything is."""
        place, digest = f"{self.lake.storage.url}/{file.key}", hashlib.sha256()
        try:
            with path.open("wb") as target:
                for chunk in self.lake.storage.stream(file.key):
                    digest.update(chunk)
                    target.write(chunk)
        except ObjectGoneError:
            return f"{place} is gone"
        is_right = digest.hexdigest() == file.sha256
        return None if is_right else f"{place} is not the one that its ledger names"


#: A file on local disk, what its ledger says of it, and the format that it was written in.
_Fetched = tuple[Path, WrittenFile, int]
