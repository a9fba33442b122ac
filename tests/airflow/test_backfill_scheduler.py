"""Backfills from the command line, by a real scheduler on PostgreSQL, with S3 over HTTP."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from local.processes import stopping
from local.stack import Stack, running_stack
from sessionize.model.hours import Hour, hours_between
from tests.airflow.live import PATIENCE_SECONDS, ask_database, states, store, wait_until
from tests.pipeline.scenario import START, content, event, land

HOURS = list(hours_between(START, Hour(START.start + timedelta(hours=4))))

_PIPELINE = """\
name  = "{name}"
raw   = "s3://events/raw"
lake  = "s3://events/{name}"
start = {start:%Y-%m-%dT%H:%M:%SZ}
end   = {end:%Y-%m-%dT%H:%M:%SZ}

[run]
batch_size = "1B"  # a batch an object
shards     = 2

[airflow]
aws_conn_id = "aws_default"
retry_delay = "1s"
"""

# Sessions across hours, a late event, a duplicate, one that is not valid, an hour without events.
_EVENTS = {
    "22": [event("a1", "22:10:00", "prostarted"), event("b2", "22:50:00"), {"no": "event"}],
    "23": [event("a1", "22:35:00"), event("b2", "22:50:00"), event("b2", "23:15:00")],
    "00": [event("b2", "23:40:00"), event("b2", "00:05:00"), event("a1", "22:20:00")],
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    pipelines = folder / "pipelines"
    pipelines.mkdir()
    for name, end in (
        ("steady", HOURS[-1].end),
        ("faulty", HOURS[2].end),
        ("paused", HOURS[0].end),
        ("created", HOURS[1].end),
    ):
        settings = _PIPELINE.format(name=name, start=START.start, end=end)
        (pipelines / f"{name}.toml").write_text(settings)
    with running_stack(folder / "airflow", pipelines) as stack:
        raw = store(stack, "raw")
        for hour in HOURS:
            if records := _EVENTS.get(f"{hour.start:%H}"):
                land(raw, hour, "object", records)
        land(raw, START, "another", [event("d4", "22:30:00")])
        for name in ("steady", "faulty", "paused", "created"):
            stack.wait_for_dag(f"sessionize_{name}")
        yield stack


def _backfill(stack: Stack, name: str, last: Hour, *options: str) -> tuple[int | None, str]:
    """Run the command from the pipeline's first hour on; return its exit code and output."""
    dates = ("-s", f"{START}:00", "-e", f"{last}:00")
    return _run(stack, "dags", "backfill", f"sessionize_{name}", *dates, *options)


def _run(stack: Stack, *arguments: str) -> tuple[int | None, str]:
    """Run a command of Airflow's; return its exit code and output."""
    command = stack.start("backfill", *arguments)
    with stopping([command]):
        command.wait(PATIENCE_SECONDS)
        print(command.output)
        return command.exit_code, command.output


def _run_without_airflow(stack: Stack, name: str, end: Hour, folder: Path) -> dict[str, bytes]:
    """Run the same hours with the command line; return what its lake then holds."""
    settings = _PIPELINE.format(name=name, start=START.start, end=end.start)
    file = folder / "pipeline.toml"
    file.write_text(settings.replace(f"s3://events/{name}", f"s3://events/{name}-alone"))
    subprocess.run(
        [
            sys.executable,
            "-m",
            "sessionize",
            "run",
            f"--config={file}",
            f"--from={START}",
            f"--to={end}",
        ],
        env=stack.env,
        check=True,
    )
    return content(store(stack, f"{name}-alone"))


def _task_times(stack: Stack, task_id: str) -> dict[Hour, tuple[float, float]]:
    """When a task of each hour of `steady` began and ended, over all its mapped instances."""
    rows = ask_database(
        stack,
        "select r.data_interval_start, min(t.start_date), max(t.end_date)"
        " from task_instance t join dag_run r using (dag_id, run_id)"
        f" where dag_id = 'sessionize_steady' and task_id = '{task_id}' group by 1",
    )
    return {Hour(start): (began.timestamp(), ended.timestamp()) for start, began, ended in rows}


def test_the_runs_of_a_paused_dag_are_refused_before_anything_is_created(stack: Stack):
    code, said = _backfill(stack, "paused", START)

    assert code == 1
    assert "--unpause" in said
    assert stack.api.runs("sessionize_paused") == []


def test_a_backfill_runs_the_hours_in_order_and_equals_the_command_line(
    stack: Stack, tmp_path: Path
):
    code, said = _backfill(stack, "steady", HOURS[-1], "--unpause")

    assert code == 0
    assert "Done: 4 runs succeeded" in said
    claim, sessionize, publish = (
        _task_times(stack, task_id) for task_id in ("claim", "sessionize", "publish")
    )
    for hour in HOURS[1:]:
        assert claim[hour.previous][1] < claim[hour][0]
        assert publish[hour.previous][1] < sessionize[hour][0]

    stamped = ask_database(
        stack,
        "select e.partition_key from asset_event e join asset a on a.id = e.asset_id"
        " where a.name = 'sessionize_steady' order by 1",
    )
    assert [key for (key,) in stamped] == [str(hour) for hour in HOURS]

    lake = content(store(stack, "steady"))
    assert any(key.startswith("sessions/") for key in lake)
    assert not any(key.startswith("_staging/") for key in lake)
    assert lake == _run_without_airflow(stack, "steady", HOURS[-1].next, tmp_path)

    code, said = _backfill(stack, "steady", HOURS[-1])
    assert code == 0
    assert "Nothing to do" in said


@pytest.mark.slow
def test_a_failed_hour_holds_the_later_ones_until_it_is_mended(stack: Stack, tmp_path: Path):
    lake = store(stack, "faulty")
    foreign = f"sessions/{HOURS[1].partition}/foreign.parquet"
    lake.write(foreign, b"not ours")

    options = ("--unpause", "--reset-dagruns", "--yes")
    code, said = _backfill(stack, "faulty", HOURS[2], *options)
    assert code == 1
    assert f"{HOURS[1]}:00Z did not succeed" in said
    assert "failed: publish" in said
    assert f"Held: {HOURS[2]}:00Z" in said
    assert not any(f"sessions/{HOURS[2].partition}" in key for key in content(lake))

    # Mended, and then the command that it names, to the letter.
    lake.delete(foreign)
    remedy = re.search(r"then run: airflow (dags backfill .* --rerun-failed-tasks)", said)
    assert remedy
    code, said = _run(stack, *remedy[1].split())
    assert code == 0
    assert "Done: 2 runs succeeded" in said
    assert content(lake) == _run_without_airflow(stack, "faulty", HOURS[2].next, tmp_path)


@pytest.mark.slow
def test_airflows_own_command_leaves_what_the_command_line_leaves(stack: Stack, tmp_path: Path):
    dag_id = "sessionize_created"
    span = (f"--from-date={HOURS[0]}:00Z", f"--to-date={HOURS[1]}:00Z")
    how = "--reprocess-behavior=completed"
    stack.airflow("backfill", "create", "--dag-id", dag_id, *span, how)
    stack.airflow("dags", "unpause", "--yes", dag_id)
    done = {str(hour): "success" for hour in HOURS[:2]}
    wait_until(stack, lambda: states(stack, dag_id) == done, "both hours are done")
    query = f"select distinct run_type from dag_run where dag_id = '{dag_id}'"
    assert [kind for (kind,) in ask_database(stack, query)] == ["backfill"]
    alone = _run_without_airflow(stack, "created", HOURS[1].next, tmp_path)
    assert content(store(stack, "created")) == alone


@pytest.mark.slow
def test_a_replay_leaves_alone_what_would_come_out_as_it_is_and_runs_the_rest(
    stack: Stack, tmp_path: Path
):
    _backfill(stack, "steady", HOURS[-1], "--unpause")
    land(store(stack, "raw"), HOURS[1], "late", [event("b2", "23:50:00")])

    code, said = _backfill(stack, "steady", HOURS[0], "--replay")
    assert code == 0
    assert f"{HOURS[0]}: left alone" in said
    assert "Nothing to do" in said

    code, said = _backfill(stack, "steady", HOURS[1], "--replay", "--yes")
    assert code == 0
    assert f"{HOURS[1]}: run again: objects have landed that no run has claimed" in said
    assert "Done: 3 runs succeeded" in said
    alone = _run_without_airflow(stack, "steady", HOURS[-1].next, tmp_path)
    # A claim that holds the same objects keeps the index that it was first written with.
    lake = content(store(stack, "steady"))
    assert {key: text for key, text in lake.items() if not key.startswith("_claims/")} == {
        key: text for key, text in alone.items() if not key.startswith("_claims/")
    }
