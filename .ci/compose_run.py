"""The stack of docker-compose.yaml through a bad day: it is built, runs a backfill, and is hurt.

A worker is asked to end, Redis is emptied, a worker is killed, scheduler and PostgreSQL are
restarted. The lake must come out as the command line makes it, to the byte, and nothing may stay.

`.ci/compose` calls it, and says by variables how Compose is called and where base images are.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from local import dotenv
from local.events import generate
from local.firehose import put_events
from local.landing import land, put_s3
from local.processes import free_port, interruptible
from local.rest import RestApi
from local.s3 import S3Server
from sessionize.model.hours import Hour, hours_between

REPOSITORY = Path(__file__).resolve().parent.parent
PROJECT = "sessionize-ci"
DAG_ID = "sessionize_nitro"
START = Hour.parse("2017-02-04T22")
HOURS = list(hours_between(START, Hour(START.start + timedelta(hours=4))))

# Patience, in seconds; together they are the longest that a fault can take to be seen.
BUILD, UP, LONG, STEP = 600, 300, 480, 120

PIPELINE = """\
name  = "nitro"
raw   = "s3://events/raw"
lake  = "s3://events/{lake}"
start = {start:%Y-%m-%dT%H:%M:%SZ}
end   = {end:%Y-%m-%dT%H:%M:%SZ}

[run]
batch_size = "1B"  # a task an object: something to spread
shards     = 2

[airflow]
retry_delay     = "1s"
max_active_runs = 4
"""

# Emptied at a moment when something is in it.
FLUSH = "local n = redis.call('llen', 'default') if n > 0 then redis.call('flushall') end return n"


class StackError(Exception):
    """What is wrong with the stack."""


class Compose:
    """The project's Compose, with an environment of its own."""

    def __init__(self, folder: Path, ports: dict[str, int]) -> None:
        self._file = folder / ".env"
        dotenv.write(self._file, local=True)
        self.env = {
            **os.environ,
            **{name: str(port) for name, port in ports.items()},
            "COMPOSE_PROJECT_NAME": PROJECT,
            "SESSIONIZE_IMAGE": f"{PROJECT}/airflow",
            "PIPELINES": str(folder / "pipelines"),
            # Fewer places than tasks that are queued, so that there is a queue to lose.
            "WORKER_CONCURRENCY": "2",
            "PARALLELISM": "8",
            "WORKER_GRACE": "2m",
        }

    def secret(self, name: str) -> str:
        """Return a secret that `.env` has."""
        found = re.search(rf"^{name}=(.*)$", self._file.read_text(), re.MULTILINE)
        assert found is not None
        return found[1]

    def __call__(self, *arguments: str, seconds: float = STEP) -> str:
        """Run a command of Compose; return what it says."""
        command = (*shlex.split(os.environ["COMPOSE"]), "--env-file", str(self._file), *arguments)
        return run(command, self.env, seconds)

    def containers(self, service: str) -> list[str]:
        """Return the ids of a service's containers that run."""
        return self("ps", "--quiet", service).split()


def run(command: tuple[str, ...], env: dict[str, str], seconds: float = STEP) -> str:
    """Run a command; return what it says on standard output."""
    try:
        done = subprocess.run(
            command, env=env, cwd=REPOSITORY, capture_output=True, text=True, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        raise StackError(f"not done after {seconds:.0f} s: {shlex.join(command)}") from None
    if done.returncode:
        said = f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        raise StackError(f"exit code {done.returncode}: {shlex.join(command)}\n{said}")
    return done.stdout


def docker(*arguments: str) -> str:
    """Run a command of the engine; return what it says."""
    return run(("docker", *arguments), dict(os.environ))


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """Say what is done, and how long it has taken."""
    began = time.monotonic()
    print(f"  {what} ...", flush=True)
    yield
    print(f"  {what}: {time.monotonic() - began:.0f} s", flush=True)


def wait_for(what: str, look: Callable[[], Any], seconds: float = STEP) -> Any:
    """Look until something is seen, and return it; errors of the network are nothing."""
    deadline, said = time.monotonic() + seconds, ""
    while time.monotonic() < deadline:
        try:
            if seen := look():
                return seen
        except OSError as error:
            said = f" ({error})"
        time.sleep(0.5)
    raise StackError(f"not seen after {seconds:.0f} s: {what}{said}")


def tasks_on(api: RestApi, state: str) -> dict[str, list[tuple[Any, ...]]]:
    """Task instances in a state, by the container that they run in."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for task in api.task_instances(DAG_ID):
        if task["state"] == state and task["hostname"]:
            name = tuple(task[key] for key in ("dag_run_id", "task_id", "map_index", "try_number"))
            found.setdefault(task["hostname"], []).append(name)
    return found


def bucket(server: S3Server, prefix: str) -> dict[str, bytes]:
    """Everything below a prefix, by key."""
    pages = server.s3.get_paginator("list_objects_v2").paginate(Bucket="events", Prefix=prefix)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
    return {
        key.removeprefix(prefix): server.s3.get_object(Bucket="events", Key=key)["Body"].read()
        for key in keys
    }


def check_confined(compose: Compose) -> None:
    """No process is root's, no root folder can be written, nothing listens but on loopback."""
    for container in docker(
        "ps", "-q", "-f", f"label=com.docker.compose.project={PROJECT}"
    ).split():
        facts = json.loads(docker("inspect", container))[0]
        if docker("exec", container, "id", "-u").strip() == "0":
            raise StackError(f"{facts['Name']} runs as root")
        if not facts["HostConfig"]["ReadonlyRootfs"]:
            raise StackError(f"{facts['Name']} can write its root folder")
        for published in (facts["NetworkSettings"]["Ports"] or {}).values():
            if any(port["HostIp"] != "127.0.0.1" for port in published or ()):
                raise StackError(f"{facts['Name']} listens beyond this machine: {published}")


def hurt(compose: Compose, api: RestApi) -> None:
    """Do to the running backfill what happens to stacks."""
    with step("waiting for two workers at work"):
        wait_for("tasks on two workers", lambda: len(tasks_on(api, "success")) > 1)

    with step("a worker is asked to end, and lets its tasks end"):
        host, running = next(iter(wait_for("a task", lambda: tasks_on(api, "running")).items()))
        worker = next(c for c in compose.containers("worker") if c.startswith(host))
        docker("stop", "--time", "120", worker)
        if json.loads(docker("inspect", worker))[0]["State"]["ExitCode"] != 0:
            raise StackError("the worker was asked to end, and had to be killed")
        docker("start", worker)
        wait_for(
            "the tasks of the worker that ended",
            lambda: {
                task for tasks in tasks_on(api, "success").values() for task in tasks
            }.issuperset(running),
        )

    with step("Redis is emptied"):
        redis = compose.containers("redis")[0]
        flush = ("exec", redis, "redis-cli", "--no-auth-warning", "eval", FLUSH, "0")
        lost = wait_for("something in the queue", lambda: int(docker(*flush).split()[-1]))
        print(f"    {lost} tasks lost from the queue")

    with step("a worker is killed"):
        host, running = next(
            iter(wait_for("a task", lambda: tasks_on(api, "running"), 300).items())
        )
        worker = next(c for c in compose.containers("worker") if c.startswith(host))
        # All but the first process, which then ends too; the engine starts the container anew.
        docker("exec", worker, "sh", "-c", "kill -9 -1")
        print(f"    with {len(running)} tasks")
        restarted = lambda: json.loads(docker("inspect", worker))[0]["RestartCount"]  # noqa: E731
        wait_for("the engine to start the worker anew", restarted)

    for service in ("scheduler", "postgres"):
        with step(f"{service} is restarted"):
            compose("restart", "--no-deps", service)


def check_lake(server: S3Server, folder: Path) -> None:
    """Run the same hours by the command line; the files must be the same."""
    file = folder / "alone.toml"
    file.write_text(PIPELINE.format(lake="alone", start=START.start, end=HOURS[-1].end))
    hours = ("--from", str(START), "--to", str(HOURS[-1].next))
    command = (sys.executable, "-m", "sessionize", "run", f"--config={file}", *hours)
    run(command, {**os.environ, **server.env}, LONG)
    lake, alone = bucket(server, "lake/"), bucket(server, "alone/")
    if not any(key.startswith("sessions/") for key in alone):
        raise StackError("the command line has published no sessions")
    other = sorted(key for key in lake.keys() | alone.keys() if lake.get(key) != alone.get(key))
    if other:
        raise StackError(f"not as the command line makes it: {', '.join(other)}")
    print(f"    {len(lake)} files are the same, {sum(map(len, lake.values())):,} bytes")


def check_nothing_left() -> None:
    """No container, volume or network of the project is there."""
    project = f"label=com.docker.compose.project={PROJECT}"
    for what in (("ps", "-aq"), ("volume", "ls", "-q"), ("network", "ls", "-q")):
        if left := docker(*what, "--filter", project).split():
            raise StackError(f"left behind: docker {' '.join(what)} {left}")


def go_through(compose: Compose, folder: Path, ports: dict[str, int]) -> None:
    """Build, start, backfill, hurt, compare."""
    with step("building the image"):
        compose("build", "init", seconds=BUILD)
    with step("up and healthy"):
        compose("up", "--detach", "--wait", "--wait-timeout", str(UP), seconds=UP + 60)
        check_confined(compose)
    server = S3Server(f"http://127.0.0.1:{ports['S3_PORT']}")
    api = RestApi(
        f"http://127.0.0.1:{ports['AIRFLOW_PORT']}", "admin", compose.secret("ADMIN_PASSWORD")
    )
    with step("landing events, and some through Firehose"):
        sent = generate(HOURS, seed=14, installations=60)
        put_s3(land(sent, seed=14).objects, server.s3, "events", "raw")
        put_events(server.firehose, "events", [{"through": "Firehose"}])
        wait_for("the DAG", lambda: api.has_dag(DAG_ID))
    began = time.monotonic()
    dates = ("-s", f"{START}:00", "-e", f"{HOURS[-1]}:00")
    backfill = (
        "exec",
        "-T",
        "scheduler",
        "airflow",
        "dags",
        "backfill",
        DAG_ID,
        *dates,
        "--unpause",
    )
    compose(*backfill, "--no-wait")
    hurt(compose, api)
    with step("the backfill ends"):
        wait_for("the API", lambda: api.health().get("scheduler") == "healthy")
        print("    " + compose(*backfill, seconds=LONG).strip().splitlines()[-1])
    print(f"  {len(HOURS)} hours: {time.monotonic() - began:.0f} s")
    print(docker("stats", "--no-stream", "--format", "    {{.Name}} {{.MemUsage}}"))
    with step("the lake is compared"):
        check_lake(server, folder)


def main() -> int:
    """Run all of it; return the exit code. Whatever happens, the stack is taken down."""
    ports = {"AIRFLOW_PORT": free_port(), "S3_PORT": free_port()}
    with interruptible(), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # The containers' user reads it.
        folder.chmod(0o755)
        (folder / "pipelines").mkdir()
        pipeline = PIPELINE.format(lake="lake", start=START.start, end=HOURS[-1].end)
        (folder / "pipelines/nitro.toml").write_text(pipeline)
        compose = Compose(folder, ports)
        try:
            compose("down", "--volumes", "--timeout", "5")  # of a run that was broken off
            go_through(compose, folder, ports)
            with step("down"):
                compose("down", "--volumes", "--timeout", "30")
                check_nothing_left()
        except Exception as error:
            if not isinstance(error, StackError):
                traceback.print_exception(error)
            print(f"\nThe stack has failed: {error}\n", file=sys.stderr)
            with contextlib.suppress(StackError):
                print(compose("logs", "--tail", "40", "--no-color"), file=sys.stderr)
            return 1
        finally:
            with contextlib.suppress(StackError):
                compose("down", "--volumes", "--timeout", "5")
    return 0


if __name__ == "__main__":
    sys.exit(main())
