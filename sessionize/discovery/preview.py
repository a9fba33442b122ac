"""What a pipeline file would make of an hour that has landed; nothing is written anywhere."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from sessionize.config import PipelineConfig
from sessionize.discovery.newest import newest_hour, objects_of
from sessionize.events.absent import declared_fields
from sessionize.events.enrich import enrich
from sessionize.events.validate import validate
from sessionize.lake.storage import Storage, StoredObject, fetch
from sessionize.landing import read_records
from sessionize.model.frames import concat, to_frame
from sessionize.model.hours import Hour
from sessionize.sessions.hour import SessionizedHour, sessionize
from sessionize.sessions.state import State

#: Records of the quarantine that are kept as examples, of each reason.
EXAMPLES = 3
#: Sessions that are shown.
_LONGEST, _COLUMNS = 5, 3
_WIDTH, _CELL = 100, 40
_OPEN = "open at the end of the hour"


@dataclass(frozen=True)
class Example:
    """A record that would go to quarantine."""

    object_key: str
    position: int
    detail: str
    raw: str


@dataclass(frozen=True)
class Preview:
    """What an hour would give, by itself: upon empty state.

    Attributes
    ----------
    hour : Hour
    objects, all_objects : int
        How many objects have been read, and how many the hour has.
    records, valid : int
    reasons : Counter of str
        The quarantine by reason; ``examples`` has the first records of each.
    unfilled : tuple of str
        Columns that the file fills, and in which all valid events have null.
    run : SessionizedHour
    sessions : DataFrame
        Those closed in the hour and those open at its end, as one.
    """

    hour: Hour
    objects: int
    all_objects: int
    records: int
    valid: int
    reasons: Counter[str]
    examples: dict[str, list[Example]]
    unfilled: tuple[str, ...]
    run: SessionizedHour
    sessions: pd.DataFrame


def preview(
    config: PipelineConfig, raw: Storage, hour: Hour | None = None, objects: int | None = None
) -> Preview:
    """Run an hour in memory: upon empty state, without stragglers of earlier hours.

    Parameters
    ----------
    config : PipelineConfig
        What is tried.
    raw : Storage
        The raw objects.
    hour : Hour, optional
        The newest that has landed unless given.
    objects : int, optional
        How many objects to read; unless given, as many as `[run] in_memory` lets in.

    Raises
    ------
    NothingFoundError
        If nothing has landed in the hour.
    StorageError, ObjectGoneError
        If the raw objects cannot be listed or read.
    """
    hour = newest_hour(config, raw) if hour is None else hour
    landed = objects_of(config, raw, hour)
    chosen = landed[:objects] if objects is not None else _in_memory(landed, config)
    reasons: Counter[str] = Counter()
    examples: dict[str, list[Example]] = {}
    schemas = config.schemas
    events = [to_frame(schemas.between_stages(schemas.events).empty_table())]
    records = 0
    with contextlib.closing(fetch(raw, chosen)) as fetched:
        for read in read_records(
            fetched, config.raw_fields, config.landing, few_values=config.few_values
        ):
            records += len(read)
            divided = validate(read.frame, hour, config, read.kinds)
            reasons.update(divided.quarantine["reason"].tolist())
            _keep_examples(examples, divided.quarantine)
            events.append(enrich(divided.valid, config))
    all_events = concat(events)
    run = sessionize(
        State.empty(schemas), all_events, hour, config.session, schemas.session_columns
    )
    return Preview(
        hour=hour,
        objects=len(chosen),
        all_objects=len(landed),
        records=records,
        valid=len(all_events),
        reasons=reasons,
        examples=examples,
        unfilled=tuple(_unfilled(all_events, config)),
        run=run,
        sessions=pd.concat([run.closed, run.open], ignore_index=True),
    )


def shown(found: Preview) -> str:
    """Write a preview for the screen."""
    return "\n".join(_one_line(line) for line in _lines(found)) + "\n"


def _lines(found: Preview) -> Iterator[str]:
    run, sessions = found.run, found.sessions
    yield (
        f"{found.hour}: {found.objects:,} of {found.all_objects:,} objects read, upon empty state; "
        "nothing is written"
    )
    if found.objects < found.all_objects:
        yield "WARNING not all objects are read: sessions lack the events of the others"
    yield (
        f"records {found.records:,}  valid {found.valid:,}  quarantined "
        f"{found.reasons.total():,}  settled {len(run.settled):,}  late {len(run.late):,}  "
        f"duplicates {run.duplicates:,}  pending {len(run.state.pending):,}"
    )
    for column in found.unfilled:
        yield f"WARNING {column} is null in every event: does its path name anything?"
    for reason, count in found.reasons.most_common():
        yield ""
        yield f"quarantine: {reason}, {count:,} ({count / found.records:.1%} of the records)"
        for example in found.examples[reason]:
            yield f"  {example.object_key} record {example.position}: {example.detail}"
            yield f"    {example.raw[:_WIDTH]}{'…' if len(example.raw) > _WIDTH else ''}"
    yield ""
    yield f"sessions: {len(run.closed):,} closed, {len(run.open):,} open at the end of the hour"
    if not len(sessions):
        return
    yield _spread("  seconds", sessions["duration_s"])
    yield _spread("  events ", sessions["event_count"])
    reasons = Counter(sessions["end_reason"].astype("object").fillna(_OPEN).tolist())
    yield "  ended by: " + ", ".join(f"{name} {count:,}" for name, count in reasons.most_common())
    yield ""
    yield "the longest sessions:"
    by_length = sessions.sort_values("duration_s", ascending=False, kind="stable")
    yield from _table(by_length.head(_LONGEST), _SHORT)
    yield ""
    yield "every column of a few sessions:"
    few = sessions.sort_values("event_count", ascending=False, kind="stable").head(_COLUMNS)
    width = max(map(len, few.columns))
    for name in few.columns:
        cells = " | ".join(_cell(value).ljust(_CELL) for value in few[name].tolist())
        yield f"  {name.ljust(width)}  {cells}".rstrip()


_SHORT = ["machine_id", "started_at", "duration_s", "event_count", "start_action", "end_action"]


def _spread(name: str, values: pd.Series) -> str:
    numbers = values.astype("float64")
    return (
        f"{name}: median {numbers.median():,.0f}  p95 {numbers.quantile(0.95):,.0f}  "
        f"longest {numbers.max():,.0f}"
    )


def _table(frame: pd.DataFrame, columns: list[str]) -> Iterator[str]:
    rows = [columns, *([_cell(row[name]) for name in columns] for _, row in frame.iterrows())]
    widths = [max(len(row[place]) for row in rows) for place in range(len(columns))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  " + "  ".join(cells).rstrip()


def _cell(value: object) -> str:
    if isinstance(value, list):
        text = str(value)
    elif value is None or pd.isna(value):  # type: ignore[call-overload]
        text = ""
    elif isinstance(value, pd.Timestamp):
        text = value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    else:
        text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _CELL else f"{text[: _CELL - 1]}…"


def _in_memory(objects: list[StoredObject], config: PipelineConfig) -> list[StoredObject]:
    """Return the first objects that go into memory together; one in any case."""
    size = 0
    chosen: list[StoredObject] = []
    for entry in objects:
        size += entry.size
        if chosen and size > config.run.in_memory:
            break
        chosen.append(entry)
    return chosen


def _keep_examples(examples: dict[str, list[Example]], quarantine: pd.DataFrame) -> None:
    for reason, rows in quarantine.groupby("reason", sort=False, observed=True):
        kept = examples.setdefault(str(reason), [])
        for row in rows.head(EXAMPLES - len(kept)).to_dict("records"):
            text = " ".join(str(row["raw"])[: 4 * _WIDTH].split())
            kept.append(Example(str(row["object_key"]), row["position"], str(row["detail"]), text))


def _unfilled(events: pd.DataFrame, config: PipelineConfig) -> Iterator[str]:
    """Yield the columns that a field of the file fills, and never does."""
    if not len(events):
        return
    declared = declared_fields(config)
    for column in config.event_columns:
        if column.key in declared and events[column.name].isna().all():
            yield f"`{column.name}` (from `{declared[column.key]}`)"


def _one_line(text: str) -> str:
    """Leave out what would steer a terminal."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)
