"""A real scheduler, triggerer and worker: who is told, and what is sent, of an hour and its run."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, create_engine, text

from local.s3 import ACCESS_KEY, REGION, SECRET_KEY
from local.stack import Stack, running_stack
from sessionize.lake.storage import S3Credentials, Storage, open_storage
from tests.pipeline.scenario import START, event, land

from .stand_ins import Posts, web_server

pytestmark = pytest.mark.slow

_PATIENCE_SECONDS = 600.0  # on a machine that is busy with other work

#: Nothing is scheduled: each test triggers the hour by its name, which has no logical date.
_PIPELINE = """\
name  = "{name}"
raw   = "s3://events/raw"
lake  = "s3://events/{name}"
start = {start:%Y-%m-%dT%H:%M:%SZ}
end   = {end:%Y-%m-%dT%H:%M:%SZ}

[airflow]
aws_conn_id   = "aws_default"
catchup       = false
delivery_wait = "0s"

[[alerts.notify]]
kind    = "slack"
channel = "#data"
"""
_DEADLINE = '[alerts]\nlate_after = "5s"\n'


@dataclass(frozen=True)
class World:
    """The stack, and what it has sent: to Slack, to a lineage server, to StatsD."""

    stack: Stack
    slack: Posts
    lineage: Posts
    metrics: list[str]

    @property
    def messages(self) -> list[str]:
        return [post["text"] for _, post in self.slack.posts]

    def lake(self, name: str) -> Storage:
        return _store(self.stack, name)

    def wait_until(self, what: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not what():
            self.stack.check()
            assert time.monotonic() < deadline, (self.messages, self.metrics)
            time.sleep(0.5)

    def run(self, dag_id: str, *options: str) -> str:
        """Trigger a run, and return its state once it has ended."""
        run_id = f"test-{time.time_ns()}"
        self.stack.airflow("dags", "trigger", dag_id, "--run-id", run_id, *options)
        query = (
            f"select state from dag_run where run_id = '{run_id}' and state in ('success','failed')"
        )
        self.wait_until(lambda: bool(self.ask(query)))
        return self.ask(query)[0][0]

    def ask(self, query: str) -> Sequence[Row]:
        engine = create_engine(self.stack.env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
        try:
            with engine.connect() as connection:
                return connection.execute(text(query)).all()
        finally:
            engine.dispose()


def _settings(name: str) -> str:
    return _PIPELINE.format(name=name, start=START.start, end=START.end)


def _store(stack: Stack, prefix: str) -> Storage:
    credentials = S3Credentials(ACCESS_KEY, SECRET_KEY, None, REGION, stack.s3_endpoint)
    return open_storage(f"s3://events/{prefix}", credentials)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("alerts")
    pipelines = folder / "pipelines"
    pipelines.mkdir()
    (pipelines / "well.toml").write_text(_settings("well"))
    (pipelines / "broken.toml").write_text(_settings("broken") + _DEADLINE)
    metrics: list[str] = []
    with (
        web_server(b'{"ok": true}') as slack,
        web_server(b"{}") as lineage,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as statsd,
    ):
        statsd.bind(("127.0.0.1", 0))
        threading.Thread(target=_collect, args=(statsd, metrics), daemon=True).start()
        transport = {"type": "http", "url": lineage.url}
        connection = {
            "conn_type": "slack",
            "password": "xoxb",
            "extra": {"base_url": f"{slack.url}/api/"},
        }
        more = {
            "AIRFLOW_CONN_SLACK_API_DEFAULT": json.dumps(connection),
            "AIRFLOW__METRICS__STATSD_ON": "True",
            "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
            "AIRFLOW__METRICS__STATSD_PORT": str(statsd.getsockname()[1]),
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport),
        }
        with running_stack(folder / "airflow", pipelines, more=more) as stack:
            land(_store(stack, "raw"), START, "object", [event("a1", "22:10:00"), {"no": "event"}])
            for name in ("well", "broken"):
                # The watch is run by hand, where it is meant to. (Should it have run by now, it has
                # told what the deadline then finds told.)
                stack.wait_for_dag(f"sessionize_{name}_watch")
                stack.airflow("dags", "pause", "--yes", f"sessionize_{name}_watch")
                stack.airflow("dags", "unpause", "--yes", f"sessionize_{name}")
            yield World(stack, slack, lineage, metrics)


def _collect(statsd: socket.socket, metrics: list[str]) -> None:
    while True:
        try:
            metrics.append(statsd.recv(65536).decode())
        except OSError:
            return


def _look(world: World, name: str) -> None:
    """Run the watch once."""
    dag_id = f"sessionize_{name}_watch"
    world.stack.airflow("dags", "unpause", "--yes", dag_id)
    assert world.run(dag_id) == "success"
    world.stack.airflow("dags", "pause", "--yes", dag_id)


def test_a_published_hour_sends_its_metrics_and_its_lineage(world: World):
    hour = json.dumps({"hour": str(START)})
    assert world.run("sessionize_well", "--conf", hour) == "success"

    expected = {
        "airflow.sessionize.well.hours:1|c",
        "airflow.sessionize.well.records_read:2|c",
        "airflow.sessionize.well.valid:1|c",
        "airflow.sessionize.well.quarantined.missing_field:1|c",
        "airflow.sessionize.well.sessions_open:1|g",
    }
    world.wait_until(lambda: expected <= {*world.metrics})
    for task in ("claim", "publish"):
        name = f"airflow.dag.sessionize_well.{task}.duration:"
        world.wait_until(lambda name=name: any(sent.startswith(name) for sent in world.metrics))

    def of_publish() -> list[dict[str, Any]]:
        return [
            sent
            for _, sent in world.lineage.posts
            if sent.get("job", {}).get("name") == "sessionize_well.publish"
            and "sessionize_ledger" in sent["run"]["facets"]
        ]

    world.wait_until(lambda: bool(of_publish()))
    [sent] = of_publish()
    facet = sent["run"]["facets"]["sessionize_ledger"]
    assert (facet["hour"], facet["records_read"], facet["quarantined"]) == (str(START), 2, 1)
    [raw] = sent["inputs"]
    assert (raw["namespace"], raw["name"]) == ("s3://events", "raw")
    rows = {
        written["name"]: written["outputFacets"]["outputStatistics"]["rowCount"]
        for written in sent["outputs"]
    }
    assert (rows["well/events"], rows["well/quarantine"], rows["well/sessions"]) == (1, 1, 0)
    assert not [said for said in world.messages if "well" in said]


def test_a_failure_and_a_missed_deadline_are_told_once_and_so_is_their_end(
    world: World, tmp_path: Path
):
    foreign = f"sessions/{START.partition}/foreign.parquet"
    world.lake("broken").write(foreign, b"not ours")
    hour = json.dumps({"hour": str(START)})
    assert world.run("sessionize_broken", "--conf", hour) == "failed"

    world.wait_until(lambda: len(world.messages) == 2)
    by_kind = {("failed" if " failed in " in said else "late"): said for said in world.messages}
    assert f"broken: {START} failed in publish: " in by_kind["failed"]
    assert "foreign.parquet is not a file of this pipeline" in by_kind["failed"]
    assert by_kind["failed"].endswith(f"{world.stack.url}/dags/sessionize_broken")
    assert f"broken: {START} not published" in by_kind["late"]

    # The triggerer has run the callback, once.
    ended = "select c.state, d.missed from callback c join deadline d on d.callback_id = c.id"
    of_run = " join dag_run r on r.id = d.dagrun_id where r.dag_id = 'sessionize_broken'"
    world.wait_until(lambda: [*map(tuple, world.ask(ended + of_run))] == [("success", True)])

    # Whoever looks now finds the same.
    _look(world, "broken")
    assert len(world.messages) == 2

    world.lake("broken").delete(foreign)
    file = tmp_path / "broken.toml"
    file.write_text(_settings("broken"))
    command = ["run", f"--config={file}", f"--hour={START}"]
    subprocess.run([sys.executable, "-m", "sessionize", *command], env=world.stack.env, check=True)
    _look(world, "broken")
    assert len(world.messages) == 3
    assert world.messages[2].startswith("*broken: 2 resolved*")
    _look(world, "broken")
    assert len(world.messages) == 3
