"""Days are made by a real scheduler: when their last hour is done, and again when one is redone."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.processes import stopping
from local.s3 import ACCESS_KEY, REGION, SECRET_KEY
from local.stack import Stack, running_stack
from sessionize.lake.storage import S3Credentials, Storage, open_storage
from sessionize.model.hours import Hour
from tests.pipeline.scenario import content, event, land

pytestmark = pytest.mark.slow

_PATIENCE_SECONDS = 500.0  # on a machine that is busy with other work
FIRST, LAST = Hour.parse("2017-02-04T23"), Hour.parse("2017-02-05T23")
DAYS = ("2017-02-04", "2017-02-05")
HOURLY, DAILY = "sessionize_nitro", "sessionize_nitro_daily"
# The first day is one hour long; the second has all 24.
_PIPELINE = f"""\
name  = "nitro"
raw   = "s3://events/raw"
lake  = "s3://events/lake"
start = {FIRST}:00:00Z
end   = {LAST.next}:00:00Z

[run]
shards = 1

[airflow]
aws_conn_id = "aws_default"
retry_delay = "1s"
catchup     = false
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    pipelines = folder / "pipelines"
    pipelines.mkdir()
    (pipelines / "nitro.toml").write_text(_PIPELINE)
    with running_stack(folder / "airflow", pipelines) as stack:
        land(store(stack, "raw"), FIRST, "object", [event("a1", "23:10:00")])
        land(store(stack, "raw"), LAST, "object", [of_last_hour("a1", 10)])
        # All hours but the last are there already.
        command_line(stack, "run", f"--from={FIRST}", f"--to={LAST}")
        for dag_id in (HOURLY, DAILY):
            stack.wait_for_dag(dag_id)
        yield stack


def store(stack: Stack, prefix: str) -> Storage:
    credentials = S3Credentials(ACCESS_KEY, SECRET_KEY, None, REGION, stack.s3_endpoint)
    return open_storage(f"s3://events/{prefix}", credentials)


def of_last_hour(machine: str, minute: int) -> dict[str, object]:
    name = f"{machine}-{minute}"
    return event(machine, "00:00:00", timestamp=f"{LAST}:{minute}:00Z", event_id=name)


def command_line(stack: Stack, command: str, *options: str) -> str:
    config = stack.home.parent / "pipelines" / "nitro.toml"
    arguments = [sys.executable, "-m", "sessionize", command, f"--config={config}", *options]
    return subprocess.run(
        arguments, env=stack.env, check=True, capture_output=True, text=True
    ).stdout


def redo_last_hour(stack: Stack) -> None:
    dates = ("-s", f"{LAST}:00", "-e", f"{LAST}:00")
    options = ("--unpause", "--reset-dagruns", "--yes")
    command = stack.start("backfill", "dags", "backfill", HOURLY, *dates, *options)
    with stopping([command]):
        command.wait(_PATIENCE_SECONDS)
        assert command.exit_code == 0, command.output


def states(stack: Stack) -> list[str]:
    """The states of `make_days` in all runs of the daily DAG."""
    runs = stack.api.task_states(DAILY).values()
    return [state for tasks in runs for state in tasks["make_days"]]


def wait_until(stack: Stack, is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not is_so():
        stack.check()
        assert time.monotonic() < deadline, states(stack)
        time.sleep(1)


def ledger(stack: Stack, day: str) -> dict[str, object]:
    document = store(stack, "lake").read(f"_days/dt={day}.json")
    assert document is not None
    return json.loads(document)


def test_a_day_is_made_when_its_last_hour_is_done_and_again_when_one_is_redone(
    stack: Stack, tmp_path: Path
):
    stack.airflow("dags", "unpause", DAILY)
    redo_last_hour(stack)
    wait_until(stack, lambda: states(stack) == ["success"])
    # The day before was missing, for its hour was done without Airflow: it came first.
    before = {day: ledger(stack, day) for day in DAYS}

    # The hour is published anew: the day is, and the day before stays as it is.
    land(store(stack, "raw"), LAST, "late", [of_last_hour("b2", 20), of_last_hour("b2", 55)])
    land(store(stack, "raw"), LAST, "opening", [of_last_hour("b2", 56) | {"action": "prostarted"}])
    redo_last_hour(stack)
    wait_until(stack, lambda: states(stack) == ["success"] * 2)
    assert ledger(stack, DAYS[0]) == before[DAYS[0]]
    assert ledger(stack, DAYS[1])["hours"] != before[DAYS[1]]["hours"]

    # An hour that does not complete its day is skipped where one that does wakes the daily DAG.
    (of_hour,) = (run["complete_day"] for run in stack.api.task_states(HOURLY).values())
    assert of_hour == ["success"]

    # A run by hand, for a day that is done, changes nothing; the lake is what the command makes.
    lake = content(store(stack, "lake"))
    stack.airflow("dags", "trigger", DAILY, "--conf", json.dumps({"date": DAYS[0]}))
    wait_until(stack, lambda: states(stack) == ["success"] * 3)
    assert content(store(stack, "lake")) == lake
    said = command_line(stack, "daily", f"--from={DAYS[0]}", "--to=2017-02-06")
    assert [line.endswith("(unchanged)") for line in said.splitlines()] == [True, True]
