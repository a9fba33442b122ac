"""The job in DuckDB: one pass from lines to a table of records, and SQL over it."""

from __future__ import annotations

import json

import duckdb

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

_TIME = "%Y-%m-%d %H:%M:%S"

# A line as it stands: the delimiter is a character that JSON text cannot hold.
_LINES = (
    r"read_csv('{files}', columns = {{'line': 'VARCHAR'}}, delim = '\x01', quote = '', "
    "escape = '', header = false, auto_detect = false, filename = true)"
)

# A sample shows which fields there are; those of no column of their own go to `extended`.
_UNKNOWN_FIELDS = """
SELECT DISTINCT unnest(json_keys(line)) AS name
FROM (SELECT line FROM {lines} WHERE json_valid(line) LIMIT 10000)
ORDER BY name
"""

# The table keeps the order of the lines, so that its rowid is the landed order.
_RECORDS = """
CREATE TABLE records AS
WITH parsed AS (
    SELECT filename, line,
        json_transform(CASE WHEN json_valid(line) THEN line END, '{structure}') AS r
    FROM {lines}
), timed AS (
    SELECT *, try_cast(r.timestamp AS DOUBLE) AS number,
        CASE WHEN number IS NULL THEN try_cast(r.timestamp AS TIMESTAMPTZ)::TIMESTAMP
             ELSE make_timestamp((number * if(number < {milliseconds_from}, 1e6, 1e3))::BIGINT)
        END AS event_time
    FROM parsed
), judged AS (
    SELECT *, CASE
        WHEN r IS NULL THEN 'not_json'
        WHEN r.timestamp IS NULL OR r.action IS NULL OR r.inst_id IS NULL OR r.build_id IS NULL
            THEN 'missing_field'
        WHEN event_time IS NULL THEN 'bad_timestamp'
        WHEN NOT regexp_matches(r.action, '^(pro|reader)') THEN 'bad_action'
        WHEN NOT regexp_matches(r.inst_id, '{inst_id}') THEN 'bad_inst_id'
        WHEN NOT regexp_matches(r.build_id, '{build_id}') THEN 'bad_build_id'
        WHEN r.action ^@ 'pro' AND coalesce(r.trialstate NOT IN {trial_states}, true)
            THEN 'bad_trialstate'
        WHEN event_time < '{oldest}' THEN 'too_old'
        WHEN event_time > '{newest}' THEN 'in_the_future' END AS reason
    FROM timed
)
SELECT filename, event_time, reason, if(reason IS NOT NULL, line, NULL) AS raw,
    {known}, {extended} AS extended
FROM judged
"""

_QUARANTINE = """
SELECT raw, reason, 'see reason' AS detail, filename[{prefix}:] AS object_key,
    records.rowid - first AS position
FROM records JOIN objects USING (filename)
WHERE reason IS NOT NULL
"""

# A record without an id is known by its place. Versions are worked out once for each build.
_EVENTS = """
CREATE TABLE builds AS
SELECT DISTINCT records.build_id AS raw_build, ltrim(raw_build, 'f') AS clean_build,
    regexp_extract(clean_build, '^[0-9]+') AS major_version,
    regexp_extract(clean_build, '^[0-9]+.[0-9]+') AS minor_version,
    regexp_extract(clean_build, '^[0-9]+.[0-9]+.[0-9]+') AS maint_id
FROM records WHERE reason IS NULL;

CREATE VIEW events AS
SELECT
    records.rowid AS id,
    filename[{prefix}:] AS object_key,
    records.rowid - first AS position,
    coalesce(event_id, md5(object_key || ':' || position)::UUID::VARCHAR) AS event_id,
    event_time,
    if(_l IS NULL, inst_id, left(inst_id, _l::INT)) AS machine_id,
    nullif(substr(inst_id, length(machine_id) + 1), '') AS user_id,
    inst_id,
    action,
    if(action ^@ 'pro', 'pro', 'reader') AS product,
    clean_build AS build_id, major_version, minor_version, maint_id,
    trialstate, apptoken, installsource, language, nid, ip_address, _p2 AS p2,
    (year(event_time) * 10000 + month(event_time) * 100 + day(event_time))::INT AS date_id,
    (date_id * 100 + hour(event_time))::INT AS hour_id,
    hour_id::BIGINT * 100 + minute(event_time) AS minute_id,
    extended
FROM records
JOIN objects USING (filename)
JOIN builds ON records.build_id = raw_build
WHERE reason IS NULL
"""

# The same id is rare: only where it is found twice are machine and time looked at.
_DUPLICATES = """
CREATE TABLE duplicates AS
WITH repeated AS (SELECT event_id FROM events GROUP BY ALL HAVING count(*) > 1)
SELECT id FROM events SEMI JOIN repeated USING (event_id)
QUALIFY row_number() OVER (PARTITION BY machine_id, event_time, event_id ORDER BY id) > 1
"""

_TAGGED = """
CREATE TABLE tagged AS
WITH ordered AS (
    SELECT id, machine_id, event_id, event_time, regexp_matches(action, '{opening}') AS opens,
        row_number() OVER machine AS place,
        event_time - lag(event_time) OVER machine > INTERVAL {timeout} SECOND AS is_apart
    FROM events ANTI JOIN duplicates USING (id)
    WINDOW machine AS (PARTITION BY machine_id ORDER BY event_time, id)
), marked AS (
    SELECT id, machine_id, event_time, place,
        CASE WHEN place = 1 THEN 'first' WHEN is_apart THEN 'timeout'
             WHEN opens THEN 'opening_event' END AS begins_by,
        if(begins_by IS NOT NULL, md5(concat_ws(':', machine_id, event_id, event_time))::UUID, NULL)
            AS first_id
    FROM ordered
)
SELECT id, machine_id, event_time, place, begins_by,
    last_value(first_id IGNORE NULLS) OVER (PARTITION BY machine_id ORDER BY place) AS session_id
FROM marked
"""

_SESSIONS = """
CREATE TABLE all_sessions AS
WITH spans AS (
    SELECT session_id, any_value(machine_id) AS machine_id, min(place) AS place,
        min(event_time) AS started_at, max(event_time) AS ended_at, count(*) AS event_count,
        arg_min(id, place) AS first_event, arg_max(id, place) AS last_event,
        arg_min(begins_by, place) AS begins_by
    FROM tagged GROUP BY session_id
), following AS (
    SELECT *, lead(begins_by) OVER (PARTITION BY machine_id ORDER BY place) AS ended_by
    FROM spans
)
SELECT session_id::VARCHAR AS session_id, following.machine_id, first.user_id,
    started_at AT TIME ZONE 'UTC' AS started_at, ended_at AT TIME ZONE 'UTC' AS ended_at,
    epoch(following.ended_at) - epoch(following.started_at) AS duration_s, event_count,
    first.action AS start_action, last.action AS end_action,
    coalesce(ended_by, if(following.ended_at < TIMESTAMP '{closed_before}', 'timeout', NULL))
        AS end_reason,
    first.product, first.build_id
FROM following
JOIN events AS first ON first_event = first.id
JOIN events AS last ON last_event = last.id
"""


def run(job: Job) -> None:
    """Do the job."""
    con = duckdb.connect()
    con.execute(f"SET threads = {THREADS}; SET timezone = 'UTC'")
    lines = _LINES.format(files=job.prefix / "*.gz")
    sample = _LINES.format(files=job.objects[0])
    names = [name for (name,) in con.execute(_UNKNOWN_FIELDS.format(lines=sample)).fetchall()]
    unknown = [name for name in names if name not in KNOWN_FIELDS]
    structure = dict.fromkeys(KNOWN_FIELDS, "VARCHAR") | dict.fromkeys(unknown, "JSON")
    prefix = len(str(job.raw)) + 2
    con.execute(
        _RECORDS.format(
            lines=lines,
            structure=json.dumps(structure),
            known=", ".join(f"r.{name}" for name in KNOWN_FIELDS),
            extended=_extended(unknown),
            milliseconds_from=MILLISECONDS_FROM,
            inst_id=INST_ID,
            build_id=BUILD_ID,
            trial_states=TRIAL_STATES,
            oldest=f"{job.oldest:{_TIME}}",
            newest=f"{job.newest:{_TIME}}",
        )
    )
    con.execute(
        "CREATE TABLE objects AS SELECT filename, min(rowid) AS first FROM records GROUP BY 1"
    )
    con.execute("SET preserve_insertion_order = false")
    con.execute(_EVENTS.format(prefix=prefix))
    _copy(con, job, "quarantine", _QUARANTINE.format(prefix=prefix))
    columns = ", ".join(EVENT_COLUMNS)
    in_utc = "REPLACE (event_time AT TIME ZONE 'UTC' AS event_time)"
    _copy(con, job, "events", f"SELECT * {in_utc} FROM (SELECT {columns} FROM events)")
    con.execute(_DUPLICATES)
    con.execute(_TAGGED.format(opening=OPENING, timeout=TIMEOUT_S))
    con.execute(_SESSIONS.format(closed_before=f"{job.closed_before:{_TIME}}"))
    columns = ", ".join(f"events.{column}" for column in EVENT_COLUMNS)
    tagged = (
        f"SELECT {columns}, session_id::VARCHAR AS session_id FROM events JOIN tagged USING (id)"
    )
    _copy(con, job, "sessionized_events", f"SELECT * {in_utc} FROM ({tagged})")
    columns = ", ".join(SESSION_COLUMNS)
    sessions = f"SELECT {columns} FROM all_sessions WHERE end_reason IS"
    _copy(con, job, "sessions", f"{sessions} NOT NULL")
    _copy(con, job, "open_sessions", f"{sessions} NULL")


def _extended(unknown: list[str]) -> str:
    if not unknown:
        return "NULL::VARCHAR"
    names = ", ".join(f'r."{name}"' for name in unknown)
    fields = ", ".join(f"'{name}': r.\"{name}\"" for name in unknown)
    return f"if(coalesce({names}) IS NULL, NULL, json_strip_nulls(to_json({{{fields}}}))::VARCHAR)"


def _copy(con: duckdb.DuckDBPyConnection, job: Job, dataset: str, query: str) -> None:
    con.execute(
        f"COPY ({query}) TO '{job.output(dataset)}' "
        "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
    )


if __name__ == "__main__":
    run(job_of())
