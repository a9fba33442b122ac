"""The job in Polars: each object becomes a frame of events, all else is done on all of them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl

from bench.job import (
    BUILD_ID,
    EVENT_COLUMNS,
    INST_ID,
    KNOWN_FIELDS,
    MILLISECONDS_FROM,
    OPENING,
    SESSION_COLUMNS,
    THREADS,
    TIMEOUT_S,
    TRIAL_STATES,
    Job,
    job_of,
)

# `read_ndjson` gives up at the first line that is no JSON, also with `ignore_errors`. This tells
# nearly all lines that are; the few others are tried one by one.
_SCALAR = r'(?:"[^"\\[:cntrl:]]*"|-?[1-9][0-9]*(?:\.[0-9]+)?|0|true|false|null)'
_MEMBER = rf'"[a-zA-Z0-9_]+":(?:{_SCALAR}|\{{"[a-zA-Z0-9_]+":{_SCALAR}\}})'
_SURELY_JSON = rf"^\{{{_MEMBER}(?:,{_MEMBER})*\}}$"

_PLACE = ("object_key", "position")


def run(job: Job) -> None:
    """Do the job."""
    unknown = _unknown_fields(job.objects[0])
    # Much of reading an object is done by one thread: two objects are read at a time.
    with ThreadPoolExecutor(THREADS) as pool:
        parts = list(pool.map(lambda path: _read(job, path, unknown), job.objects))
    _write(pl.concat([bad for _, bad in parts]), job, "quarantine")
    events = pl.concat([good for good, _ in parts])
    del parts
    _write(events.select(EVENT_COLUMNS), job, "events")
    tagged = _tagged(events)
    _write(tagged.select(*EVENT_COLUMNS, "session_id"), job, "sessionized_events")
    sessions = _sessions(tagged, job)
    is_open = pl.col("end_reason").is_null()
    _write(sessions.filter(~is_open), job, "sessions")
    _write(sessions.filter(is_open), job, "open_sessions")


def _unknown_fields(path: Path) -> dict[str, pl.DataType]:
    """Return the fields without a column of their own, from a sample."""
    sample = pl.read_lines(path, n_rows=1000).filter(pl.col("line").str.contains(_SURELY_JSON))
    schema = pl.read_ndjson(_text(sample)).schema
    return {name: kind for name, kind in schema.items() if name not in KNOWN_FIELDS}


def _read(
    job: Job, path: Path, unknown: dict[str, pl.DataType]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return an object's events and quarantine."""
    lines = pl.read_lines(path, row_index_name="position")
    lines = lines.filter(pl.col("line") != "").with_columns(
        pl.lit(job.key(path)).alias("object_key"), pl.col("position").cast(pl.Int64)
    )
    odd = lines.filter(~pl.col("line").str.contains(_SURELY_JSON))
    broken = odd.filter(~odd["line"].map_elements(_is_json_object, pl.Boolean))
    readable = lines.filter(~pl.col("position").is_in(broken["position"].implode()))
    fields = pl.read_ndjson(
        _text(readable), schema=dict.fromkeys(KNOWN_FIELDS, pl.String) | unknown
    )
    records = readable.hstack(fields).lazy().with_columns(_event_time()).with_columns(_reason(job))
    columns = ("line", "reason", *_PLACE)
    good, bad = pl.collect_all(
        [
            _enriched(records.filter(pl.col("reason").is_null()), unknown),
            records.filter(pl.col("reason").is_not_null()).select(columns),
        ]
    )
    bad = pl.concat([broken.with_columns(reason=pl.lit("not_json")).select(columns), bad])
    return good, bad.select(
        pl.col("line").alias("raw"), "reason", pl.lit("see reason").alias("detail"), *_PLACE
    )


def _text(lines: pl.DataFrame) -> bytes:
    text: str = lines["line"].str.join("\n").item()
    return text.encode()


def _is_json_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _event_time() -> pl.Expr:
    raw = pl.col("timestamp")
    number = raw.cast(pl.Float64, strict=False)
    scale = pl.when(number < MILLISECONDS_FROM).then(1e6).otherwise(1e3)
    return (
        pl.when(number.is_not_null())
        .then((number * scale).cast(pl.Int64).cast(pl.Datetime("us", "UTC")))
        .otherwise(raw.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False))
        .alias("event_time")
    )


def _reason(job: Job) -> pl.Expr:
    required = ("timestamp", "action", "inst_id", "build_id")
    action, time = pl.col("action"), pl.col("event_time")
    is_pro = action.str.starts_with("pro")
    return (
        pl.when(pl.any_horizontal(pl.col(required).is_null()))
        .then(pl.lit("missing_field"))
        .when(time.is_null())
        .then(pl.lit("bad_timestamp"))
        .when(~(is_pro | action.str.starts_with("reader")))
        .then(pl.lit("bad_action"))
        .when(~pl.col("inst_id").str.contains(INST_ID))
        .then(pl.lit("bad_inst_id"))
        .when(~pl.col("build_id").str.contains(BUILD_ID))
        .then(pl.lit("bad_build_id"))
        .when(is_pro & ~pl.col("trialstate").is_in(TRIAL_STATES).fill_null(False))
        .then(pl.lit("bad_trialstate"))
        .when(time < job.oldest)
        .then(pl.lit("too_old"))
        .when(time > job.newest)
        .then(pl.lit("in_the_future"))
        .alias("reason")
    )


def _enriched(records: pl.LazyFrame, unknown: dict[str, pl.DataType]) -> pl.LazyFrame:
    length = pl.col("_l").cast(pl.Int64, strict=False).fill_null(1 << 30)
    time = pl.col("event_time").dt
    date = time.year() * 10_000 + time.month().cast(pl.Int32) * 100 + time.day()
    place = pl.concat_str("object_key", "position", separator=":")
    return (
        records.with_columns(
            pl.col("event_id").fill_null(place.hash().cast(pl.String)),
            pl.col("inst_id").str.head(length).alias("machine_id"),
            pl.col("inst_id").str.slice(length).replace("", None).alias("user_id"),
            pl.when(pl.col("action").str.starts_with("pro"))
            .then(pl.lit("pro"))
            .otherwise(pl.lit("reader"))
            .alias("product"),
            pl.col("build_id").str.strip_prefix("f"),
            pl.col("_p2").alias("p2"),
            date.cast(pl.Int32).alias("date_id"),
            (date * 100 + time.hour()).cast(pl.Int32).alias("hour_id"),
            (date.cast(pl.Int64) * 10_000 + time.hour().cast(pl.Int64) * 100 + time.minute()).alias(
                "minute_id"
            ),
            _extended(unknown),
        )
        .with_columns(
            pl.col("build_id").str.extract(r"^([0-9]+)").alias("major_version"),
            pl.col("build_id").str.extract(r"^([0-9]+\.[0-9]+)").alias("minor_version"),
            pl.col("build_id").str.extract(r"^([0-9]+\.[0-9]+\.[0-9]+)").alias("maint_id"),
        )
        .select(EVENT_COLUMNS)
    )


def _extended(unknown: dict[str, pl.DataType]) -> pl.Expr:
    if not unknown:
        return pl.lit(None, pl.String).alias("extended")
    names = list(unknown)
    return (
        pl.when(~pl.all_horizontal(pl.col(names).is_null()))
        .then(pl.struct(names).struct.json_encode())
        .alias("extended")
    )


def _tagged(events: pl.DataFrame) -> pl.DataFrame:
    """Drop duplicates, put the events in order and give each its session's id."""
    # The frame is in landed order, and the sort keeps it among equals.
    same_machine = pl.col("machine_id") == pl.col("machine_id").shift(1)
    is_apart = pl.col("event_time").diff() > pl.duration(seconds=TIMEOUT_S)
    begins_by = (
        pl.when(~same_machine.fill_null(False))
        .then(pl.lit("first"))
        .when(is_apart)
        .then(pl.lit("timeout"))
        .when(pl.col("action").str.contains(OPENING))
        .then(pl.lit("opening_event"))
    )
    first_event = pl.struct("machine_id", "event_id", "event_time")
    session_id = first_event.hash(0).cast(pl.String) + "-" + first_event.hash(1).cast(pl.String)
    return (
        events.lazy()
        .unique(["machine_id", "event_time", "event_id"], keep="first", maintain_order=True)
        .sort("machine_id", "event_time", maintain_order=True)
        .with_columns(begins_by.alias("begins_by"))
        .with_columns(
            pl.when(pl.col("begins_by").is_not_null())
            .then(session_id)
            .forward_fill()
            .alias("session_id")
        )
        .collect()
    )


def _sessions(tagged: pl.DataFrame, job: Job) -> pl.DataFrame:
    # A machine's sessions follow each other, and so do a session's events.
    first = pl.col("begins_by").is_not_null()
    starts = tagged.select(first.arg_true()).to_series()
    ends = pl.concat([starts[1:] - 1, pl.Series([len(tagged) - 1], dtype=starts.dtype)])
    begin, end = tagged[starts], tagged[ends]
    following = pl.col("begins_by").shift(-1)
    return (
        begin.with_columns(
            pl.col("event_time").alias("started_at"),
            end["event_time"].alias("ended_at"),
            (ends - starts + 1).cast(pl.Int64).alias("event_count"),
            pl.col("action").alias("start_action"),
            end["action"].alias("end_action"),
        )
        .with_columns(
            ((pl.col("ended_at") - pl.col("started_at")).dt.total_microseconds() / 1e6).alias(
                "duration_s"
            ),
            pl.when(following != "first")
            .then(following)
            .when(pl.col("ended_at") < job.closed_before)
            .then(pl.lit("timeout"))
            .alias("end_reason"),
        )
        .select(SESSION_COLUMNS)
    )


def _write(frame: pl.DataFrame, job: Job, dataset: str) -> None:
    frame.write_parquet(job.output(dataset), compression="zstd", compression_level=1)


if __name__ == "__main__":
    run(job_of())
