"""The job the way most people would write it in plain pandas: a dict a line, then a frame."""

from __future__ import annotations

import gzip
import hashlib
import json
from typing import Any

import numpy as np
import pandas as pd

from bench.job import (
    BUILD_ID,
    EVENT_COLUMNS,
    INST_ID,
    KNOWN_FIELDS,
    MILLISECONDS_FROM,
    OPENING,
    SESSION_COLUMNS,
    TIMEOUT_S,
    TRIAL_STATES,
    Job,
    job_of,
)


def run(job: Job) -> None:
    """Do the job."""
    records, broken = _read(job)
    records["event_time"] = _event_time(records["timestamp"])
    records["reason"] = _reason(records, job)
    is_valid = records["reason"].isna()
    quarantine = pd.concat([broken, records.loc[~is_valid, list(broken.columns)]])
    _write(quarantine.assign(detail="see reason"), job, "quarantine")

    events = _enriched(records[is_valid])
    _write(events[list(EVENT_COLUMNS)], job, "events")
    tagged = _tagged(events)
    _write(tagged[[*EVENT_COLUMNS, "session_id"]], job, "sessionized_events")
    sessions = _sessions(tagged, job)
    is_open = sessions["end_reason"].isna()
    _write(sessions[~is_open], job, "sessions")
    _write(sessions[is_open], job, "open_sessions")


def _read(job: Job) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the lines that are JSON objects, and the others."""
    records: list[dict[str, Any]] = []
    broken: list[dict[str, Any]] = []
    for path in job.objects:
        with gzip.open(path, "rt") as file:
            for position, line in enumerate(file):
                place = {
                    "raw": line.rstrip("\n"),
                    "object_key": job.key(path),
                    "position": position,
                }
                try:
                    fields = json.loads(line)
                except ValueError:
                    broken.append(place | {"reason": "not_json"})
                    continue
                known = {name: fields.pop(name, None) for name in KNOWN_FIELDS}
                known["extended"] = json.dumps(fields) if fields else None
                records.append(known | place)
    columns = ["raw", "reason", "object_key", "position"]
    return pd.DataFrame(records), pd.DataFrame(broken, columns=columns)


def _event_time(raw: pd.Series) -> pd.Series:
    number = pd.to_numeric(raw, errors="coerce")
    milliseconds = number.where(number >= MILLISECONDS_FROM, number * 1000)
    times = pd.to_datetime(milliseconds, unit="ms", utc=True, errors="coerce").astype(
        "datetime64[us, UTC]"
    )
    is_text = number.isna() & raw.notna()
    times[is_text] = pd.to_datetime(raw[is_text], utc=True, errors="coerce", format="ISO8601")
    return times


def _reason(records: pd.DataFrame, job: Job) -> pd.Series:
    action, time = records["action"].astype("str"), records["event_time"]
    is_pro = action.str.startswith("pro", na=False)
    required = ["timestamp", "action", "inst_id", "build_id"]
    faults = {
        "missing_field": records[required].isna().any(axis=1),
        "bad_timestamp": time.isna(),
        "bad_action": ~(is_pro | action.str.startswith("reader", na=False)),
        "bad_inst_id": ~records["inst_id"].astype("str").str.match(INST_ID, na=False),
        "bad_build_id": ~records["build_id"].astype("str").str.match(BUILD_ID, na=False),
        "bad_trialstate": is_pro & ~records["trialstate"].isin(TRIAL_STATES),
        "too_old": time < job.oldest,
        "in_the_future": time > job.newest,
    }
    reason = np.select(list(faults.values()), list(faults), default="")
    return pd.Series(reason, index=records.index, dtype="str").replace("", None)


def _enriched(valid: pd.DataFrame) -> pd.DataFrame:
    events = valid.copy()
    inst_id, length = events["inst_id"], events["_l"]
    events["machine_id"] = [
        whole if pd.isna(cut) else whole[: int(cut)]
        for whole, cut in zip(inst_id, length, strict=True)
    ]
    events["user_id"] = [
        whole[len(machine) :] or None
        for whole, machine in zip(inst_id, events["machine_id"], strict=True)
    ]
    events["product"] = np.where(events["action"].str.startswith("pro"), "pro", "reader")
    events["build_id"] = events["build_id"].str.removeprefix("f")
    versions = events["build_id"].str.split(".", expand=True)
    events["major_version"] = versions[0]
    events["minor_version"] = versions[0] + "." + versions[1]
    events["maint_id"] = events["minor_version"] + "." + versions[2]
    events["p2"] = events["_p2"]
    time = events["event_time"].dt
    events["date_id"] = time.strftime("%Y%m%d").astype("int32")
    events["hour_id"] = time.strftime("%Y%m%d%H").astype("int32")
    events["minute_id"] = time.strftime("%Y%m%d%H%M").astype("int64")
    place = events["object_key"] + ":" + events["position"].astype("str")
    events["event_id"] = events["event_id"].fillna(place)
    return events


def _tagged(events: pd.DataFrame) -> pd.DataFrame:
    """Drop duplicates, put the events in order and give each its session's id."""
    events = events.drop_duplicates(["machine_id", "event_time", "event_id"])
    events = events.sort_values(["machine_id", "event_time"], kind="stable", ignore_index=True)
    gap = events.groupby("machine_id")["event_time"].diff()
    is_opening = events["action"].str.contains(OPENING)
    is_apart = gap > pd.Timedelta(seconds=TIMEOUT_S)
    events["begins_by"] = np.select(
        [gap.isna(), is_apart, is_opening], ["first", "timeout", "opening_event"], default=""
    )
    starts = events["begins_by"] != ""
    firsts = events[starts]
    ids = [
        hashlib.md5(f"{machine}:{event}:{time}".encode()).hexdigest()
        for machine, event, time in zip(
            firsts["machine_id"], firsts["event_id"], firsts["event_time"], strict=True
        )
    ]
    events["session_id"] = pd.Series(ids, index=firsts.index)
    events["session_id"] = events["session_id"].ffill()
    return events


def _sessions(tagged: pd.DataFrame, job: Job) -> pd.DataFrame:
    sessions = tagged.groupby("session_id", sort=False, as_index=False).agg(
        machine_id=("machine_id", "first"),
        started_at=("event_time", "first"),
        ended_at=("event_time", "last"),
        event_count=("event_time", "size"),
        start_action=("action", "first"),
        end_action=("action", "last"),
        product=("product", "first"),
        build_id=("build_id", "first"),
        begins_by=("begins_by", "first"),
    )
    # "first" passes over what is missing; the user is that of the first event all the same.
    starts = tagged["begins_by"] != ""
    sessions["user_id"] = tagged.loc[starts, "user_id"].to_numpy()
    sessions["duration_s"] = (sessions["ended_at"] - sessions["started_at"]).dt.total_seconds()
    following = sessions["begins_by"].shift(-1)
    reason = following.where(following != "first")
    sessions["end_reason"] = reason.where(
        reason.notna() | (sessions["ended_at"] >= job.closed_before), "timeout"
    )
    return sessions[list(SESSION_COLUMNS)]


def _write(frame: pd.DataFrame, job: Job, dataset: str) -> None:
    frame.to_parquet(job.output(dataset), index=False, compression="zstd", compression_level=1)


if __name__ == "__main__":
    run(job_of())
