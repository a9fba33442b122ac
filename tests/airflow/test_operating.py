"""What an operator sees in a real Airflow: notes, names of mapped tasks, short lines in the log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from local import shell, world
from local.errors import LocalError
from local.shell import handed_on
from local.stack import Stack, running_stack
from sessionize.model.hours import Hour, hours_between
from tests.airflow.live import ask_database, log_of, notes, states, store, wait_until
from tests.pipeline.scenario import START, event, land

pytestmark = pytest.mark.slow

DAG_ID = "sessionize_seen"
HOURS = list(hours_between(START, Hour(START.start + timedelta(hours=3))))
FIRST, SECOND, THIRD = HOURS

_PIPELINE = f"""\
name  = "seen"
raw   = "s3://events/raw"
lake  = "s3://events/seen"
start = {START}:00:00Z
end   = {HOURS[-1].end:%Y-%m-%dT%H:%M:%SZ}

[run]
batch_size = "1B"  # a batch an object
shards     = 2

[airflow]
aws_conn_id = "aws_default"
retry_delay = "1s"
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    pipelines = folder / "pipelines"
    pipelines.mkdir()
    (pipelines / "seen.toml").write_text(_PIPELINE)
    with running_stack(folder / "airflow", pipelines) as stack:
        for hour in HOURS:
            land(store(stack, "raw"), hour, "object", [event("a1", f"{hour.start:%H}:10:00")])
        stack.wait_for_dag(DAG_ID)
        yield stack


def test_the_command_line_of_another_terminal_is_that_of_this_airflow(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(world, "home", lambda: stack.home)
    script = 'cd /; airflow dags list -o json > "$0"'
    with handed_on(stack.home, stack.env):
        assert shell.main(["sh", "-c", script, str(stack.home / "dags.json")]) == 0
    said = (stack.home / "dags.json").read_text()
    listed = json.loads(said[said.index("[{") :])  # Airflow logs to the same place
    assert {dag["dag_id"] for dag in listed} == {DAG_ID, f"{DAG_ID}_daily"}


def run_again(stack: Stack, hour: Hour) -> None:
    moment = f"{hour}:00:00Z"
    stack.airflow("tasks", "clear", DAG_ID, "-s", moment, "-e", moment, "-y")


def all_done(stack: Stack) -> bool:
    return list(states(stack, DAG_ID).values()) == ["success"] * len(HOURS)


def test_an_hour_that_waits_says_for_which_and_one_that_failed_why(stack: Stack):
    lake = store(stack, "seen")
    foreign = f"sessions/{SECOND.partition}/foreign.parquet"
    lake.write(foreign, b"not ours")
    stack.airflow("dags", "unpause", "--yes", DAG_ID)
    wait_until(
        stack,
        lambda: "failed" in notes(stack, DAG_ID).get(str(THIRD), ""),
        f"{THIRD} says that it waits for an hour that has failed",
    )
    assert notes(stack, DAG_ID) == {
        str(FIRST): f"**Hour {FIRST}**",
        str(SECOND): f"**Hour {SECOND}**",
        str(THIRD): f"**Hour {THIRD}** waits for {SECOND}, whose run is failed. Its log says what "
        "to do; once it is done, this run goes on by itself.",
    }
    said = [json.loads(line) for line in log_of(stack, DAG_ID, "publish").splitlines()]
    lines = [entry["event"] for entry in said if entry["level"] == "error"]
    remedy = next(n for n, line in enumerate(lines) if line.startswith("REMEDY  Move it out of"))
    assert lines[0].startswith("FAULT   ")
    assert remedy < lines.index("Task failed with exception")

    lake.delete(foreign)
    run_again(stack, SECOND)
    wait_until(stack, lambda: all_done(stack), "all hours are done")
    assert notes(stack, DAG_ID) == {str(hour): f"**Hour {hour}**" for hour in HOURS}


def test_mapped_tasks_are_named(stack: Stack):
    named = ask_database(
        stack,
        "select distinct task_id, rendered_map_index from task_instance"
        f" where dag_id = '{DAG_ID}' and map_index >= 0",
    )
    assert set(named) == {
        ("validate", "batch 1 of 1: 1 object, 0.0 MB"),
        ("enrich", "batch 1 of 1: 1 object, 0.0 MB"),
        ("sessionize", "shard 1 of 2"),
        ("sessionize", "shard 2 of 2"),
    }


def test_the_event_of_an_hour_has_the_ledgers_counts(stack: Stack):
    events = ask_database(
        stack,
        "select e.partition_key, e.extra from asset_event e join asset a on a.id = e.asset_id"
        f" where a.name = '{DAG_ID}' order by 1",
    )
    assert [key for key, _ in events] == [str(hour) for hour in HOURS]
    for hour, (_, extra) in zip(HOURS, events, strict=True):
        assert (extra["hour"], extra["objects"], extra["records_read"]) == (str(hour), 1, 1)


def test_outdated_hours_say_so_until_they_have_been_run_again(stack: Stack):
    land(store(stack, "raw"), FIRST, "straggler", [event("b2", "22:50:00")])
    run_again(stack, FIRST)
    wait_until(
        stack, lambda: "OUTDATED" in notes(stack, DAG_ID)[str(THIRD)], "the hours are outdated"
    )
    found = notes(stack, DAG_ID)
    assert found[str(FIRST)] == f"**Hour {FIRST}**"
    command = f"dags backfill {DAG_ID} -s {SECOND}:00 -e {THIRD}:00 --reset-dagruns"
    for hour in (SECOND, THIRD):
        assert (
            f"**Hour {hour}** is OUTDATED since {FIRST} was run again: `airflow {command}"
            in (found[str(hour)])
        )

    stack.airflow(*command.split(), "--yes")
    assert all_done(stack)
    assert notes(stack, DAG_ID) == {str(hour): f"**Hour {hour}**" for hour in HOURS}


def test_an_hour_that_cannot_be_is_refused_in_the_form_and_one_to_come_by_the_run(stack: Stack):
    def trigger(hour: str) -> None:
        stack.airflow("dags", "trigger", DAG_ID, "-c", json.dumps({"hour": hour}))

    with pytest.raises(LocalError, match="hour"):
        trigger("2017-02-04T25")
    trigger(f"{datetime.now(UTC) + timedelta(days=7):%Y-%m-%dT%H}")
    trigger(str(HOURS[-1].next))
    trigger(str(START.previous))

    def failed() -> int:
        return ask_database(
            stack,
            f"select count(*) from task_instance where dag_id = '{DAG_ID}'"
            " and task_id = 'wait_for_delivery' and state = 'failed'",
        )[0][0]

    wait_until(stack, lambda: failed() == 3, "three hours are refused")
    said = log_of(stack, DAG_ID, "wait_for_delivery")
    assert "REMEDY  Run an earlier hour, or set `end` later." in said
    assert "REMEDY  Run a later hour, or set `start` earlier and run all hours from there." in said


def test_a_note_of_somebody_else_stays(stack: Stack):
    ask_database(
        stack,
        "update dag_run_note set content = 'we look into it' from dag_run"
        f" where id = dag_run_id and dag_id = '{DAG_ID}' and logical_date = '{FIRST}:00Z'"
        " returning content",
    )
    run_again(stack, FIRST)
    wait_until(stack, lambda: all_done(stack), "it is done again")
    assert notes(stack, DAG_ID)[str(FIRST)] == "we look into it"
