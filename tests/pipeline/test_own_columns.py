"""Events of another kind, by the settings alone: against what the contract says, hour by hour."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from sessionize.config import PipelineConfig, load_config, parse_config
from sessionize.model.hours import Hour, hours_between
from sessionize.pipeline import stages
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline
from tests.pipeline import web
from tests.sessions import reference

PRICE = {"name": "price", "field": "price", "type": "double"}
HOURS = list(hours_between(Hour.parse("2024-03-01T00"), Hour.parse("2024-03-01T05")))


def config_in(folder: Path, more: str = "") -> PipelineConfig:
    file = folder / "web.toml"
    file.write_text(f'raw = "raw"\nlake = "lake"\n{web.CONFIG}{more}')
    return load_config(file)


def land(folder: Path, hour: Hour, objects: list[list[str]], prefix: str) -> dict[str, list[str]]:
    landed = {}
    for number, records in enumerate(objects):
        key = f"{hour.start.strftime(prefix)}stream-{number}"
        path = folder / "raw" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress("".join(records).encode(), mtime=0))
        landed[key] = records
    return landed


def rows(folder: Path, dataset: str, hour: Hour) -> list[dict[str, Any]]:
    partition = f"dt={hour.start:%Y-%m-%d}/hour={hour.start:%H}"
    return (
        pq.ParquetFile(folder / "lake" / dataset / partition / "part-0.parquet").read().to_pylist()
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("run", ["", '[run]\nshards = 3\nbatch_size = "1KiB"\nin_memory = "1B"\n'])
def test_every_hour_is_what_the_contract_says(tmp_path: Path, seed: int, run: str):
    config = config_in(tmp_path, run)
    landed = web.make_events(seed, HOURS)
    state, seen = reference.State(), {}
    for hour in HOURS:
        texts = land(tmp_path, hour, landed[hour], config.landing.prefix)
        run_hour(Pipeline.open(config), hour)
        played, events, reasons = web.play(state, texts, hour, config)
        seen |= {(hour, *place): row for place, row in events.items()}
        state = played.state

        found = rows(tmp_path, "events", hour)
        assert [(row["object_key"], row["position"]) for row in found] == [*events]
        for row, expected in zip(found, events.values(), strict=True):
            rest = row["extended"]
            assert {name: row[name] for name in expected} | {
                "extended": None if rest is None else json.loads(rest)
            } == expected
        assert sorted(row["reason"] for row in rows(tmp_path, "quarantine", hour)) == sorted(
            reasons
        )

        for dataset, sessions in (
            ("sessions", played.closed),
            ("open_sessions", played.state.open_sessions.values()),
        ):
            wanted = {
                session.session_id: (
                    session.end_reason,
                    web.session_columns(
                        seen[event.landed, event.object_key, event.position]
                        for event in session.events
                    ),
                )
                for session in sessions
            }
            published = rows(tmp_path, dataset, hour)
            assert {
                row["session_id"]: (row["end_reason"], dict([*row.items()][-10:]))
                for row in published
            } == wanted
    schema = pq.read_schema(tmp_path / f"lake/events/{HOURS[0].partition}/part-0.parquet")
    assert schema.names[-8:] == [
        *("page_url", "path", "price", "items", "is_new", "sent_at", "reason", "price_text"),
    ]
    assert "bad_value" in {row["reason"] for h in HOURS for row in rows(tmp_path, "quarantine", h)}


def test_tasks_one_by_one_publish_the_same_files(tmp_path: Path):
    folders = tmp_path / "at-once", tmp_path / "by-task"
    landed = web.make_events(1, HOURS)
    for folder in folders:
        folder.mkdir()
        pipeline = Pipeline.open(config_in(folder, '[run]\nshards = 2\nbatch_size = "1KiB"\n'))
        for hour in HOURS[:3]:
            land(folder, hour, landed[hour], pipeline.config.landing.prefix)
            if folder == folders[0]:
                run_hour(pipeline, hour)
            else:
                run_by_task(pipeline, hour)
    at_once, by_task = (
        {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in (folder / "lake").rglob("*.parquet")
        }
        for folder in folders
    )
    assert by_task == at_once


def run_by_task(pipeline: Pipeline, hour: Hour) -> None:
    claim = stages.claim(pipeline, hour)
    for batch in range(len(claim.batches)):
        stages.validate_batch(pipeline, hour, claim.id, batch)
        stages.enrich_batch(pipeline, hour, claim.id, batch)
    for shard in range(claim.shards):
        stages.sessionize_shard(pipeline, hour, claim.id, shard)
    stages.publish(pipeline, hour, claim.id)


def test_sessions_that_were_open_when_a_column_came_or_changed_have_null_there(tmp_path: Path):
    first, second, third, fourth = HOURS[:4]

    def run(hour: Hour, aggregate: str | None, clocks: list[str]) -> dict[str, Any]:
        columns = [{"name": "x", "aggregate": aggregate, "of": "price"}] if aggregate else []
        config = parse_config(
            {
                **{"name": "web", "raw": str(tmp_path / "raw"), "lake": str(tmp_path / "lake")},
                **{"start": first.start, "profile": "none", "column": [PRICE]},
                "session": {"column": columns, "timeout": "2h", "opening": "^begin$"},
            }
        )
        records = [
            json.dumps(
                {
                    "timestamp": f"2024-03-01T{clock}:00Z",
                    "action": action,
                    "machine_id": machine,
                    "price": 2,
                }
            )
            for clock, machine, action in (text.split() for text in clocks)
        ]
        land(tmp_path, hour, [records], config.landing.prefix)
        run_hour(Pipeline.open(config), hour)
        return {
            row["machine_id"]: row.get("x", "no such column")
            for row in rows(tmp_path, "open_sessions", hour)
        }

    assert run(first, None, ["00:10 a view"]) == {"a": "no such column"}
    assert run(second, "sum", ["01:10 a view", "01:10 b view"]) == {"a": None, "b": 2.0}
    assert run(third, "max", ["02:10 b view", "02:10 c view"]) == {"a": None, "b": None, "c": 2.0}
    assert run(fourth, "max", ["03:05 c view", "03:05 b begin"]) == {"a": None, "b": 2.0, "c": 2.0}
