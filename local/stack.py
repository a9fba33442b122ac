"""All that the pipeline needs, running together: PostgreSQL, S3 and Firehose, Airflow.

>>> with running_stack(home, pipelines) as stack:                         # doctest: +SKIP
...     stack.wait_for_dag("sessionize_nitro")
...     stack.airflow("dags", "list")
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.environment import PASSWORD, REPOSITORY, USER, airflow_env, write_passwords
from local.errors import LocalError
from local.postgres import running_postgres
from local.processes import Service, free_port, require_free, sole_user, stopping
from local.rest import RestApi
from local.s3 import S3Server, running_s3

_AIRFLOW = (sys.executable, "-m", "airflow")
# The log servers of scheduler and triggerer are for other machines: here all logs are one folder.
_COMPONENTS = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
_START_SECONDS = 180.0
_COMMAND_SECONDS = 180.0
_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Stack:
    """The running services.

    Attributes
    ----------
    home : Path
        ``AIRFLOW_HOME``.
    env : dict
        The environment of Airflow's processes, for whatever else should see the same world.
    url : str
        Where Airflow's UI and APIs are.
    s3 : S3Server
        Where S3 and Firehose are.
    api : RestApi
        A client of Airflow's REST API.
    """

    home: Path
    env: dict[str, str]
    url: str
    s3: S3Server
    api: RestApi
    _services: list[Service]

    @property
    def s3_endpoint(self) -> str:
        """The S3 server's URL."""
        return self.s3.endpoint

    def airflow(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of Airflow's command line.

        Returns
        -------
        CompletedProcess
            Standard output and standard error as texts.

        Raises
        ------
        LocalError
            If the command fails and ``check`` is set, with what it has said.
        """
        return _run(arguments, self.env, check=check)

    def start(self, name: str, *arguments: str) -> Service:
        """Start a command of Airflow's command line and return at once; the caller stops it."""
        return _start(name, arguments, self.home, self.env)

    def wait_for_dag(self, dag_id: str, seconds: float = 120.0) -> None:
        """Wait until Airflow has read a DAG.

        Raises
        ------
        LocalError
            If it has not in time, with the import errors of the DAG files.
        """
        deadline = time.monotonic() + seconds
        while not self.api.has_dag(dag_id):
            self.check()
            if time.monotonic() > deadline:
                errors = "\n".join(f"{k}:\n{v}" for k, v in self.api.import_errors().items())
                raise LocalError(f"Airflow knows no DAG {dag_id} after {seconds:.0f} s", errors)
            time.sleep(_POLL_SECONDS)

    def check(self) -> None:
        """Make sure that all of Airflow's components are still running.

        Raises
        ------
        LocalError
            If one has ended, with the tail of its log.
        """
        for service in self._services:
            service.check()


@contextlib.contextmanager
def running_stack(
    home: Path,
    pipelines: Path,
    *,
    port: int | None = None,
    dags: Path = REPOSITORY / "dags",
    plugins: Path = REPOSITORY / "plugins",
    buckets: tuple[str, ...] = ("events",),
    s3: S3Server | None = None,
    more: Mapping[str, str] | None = None,
    tell: Callable[[str], object] = lambda text: None,
) -> Iterator[Stack]:
    """Run everything; yield it when Airflow is healthy; stop everything.

    Parameters
    ----------
    home : Path
        ``AIRFLOW_HOME``, made if it is not there; the metadata database lies in it too.
    pipelines : Path
        The folder of pipeline files (``SESSIONIZE_PIPELINES``).
    port : int or None
        The port of Airflow's UI and APIs; None takes a free one.
    dags, plugins : Path
        Where Airflow looks; the repository's own unless given.
    buckets : tuple of str
        Buckets to create on a new S3 server.
    s3 : S3Server or None
        A server that is already running; None starts one.
    more : mapping or None
        What is added to the environment of Airflow's processes.
    tell : callable
        Is told what is being done, step by step.

    Raises
    ------
    LocalError
        If something does not start, with the tail of its log.
    """
    home = home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        stack.enter_context(sole_user(home))
        tell("Starting PostgreSQL")
        database_url = stack.enter_context(running_postgres(home / "postgres"))
        if s3 is None:
            tell("Starting the S3 and Firehose server")
            s3 = stack.enter_context(running_s3(home, *buckets))
        if port is None:
            port = free_port()
        require_free(port, "Airflow")
        env = airflow_env(
            home,
            dags=dags.resolve(),
            plugins=plugins.resolve(),
            database_url=database_url,
            port=port,
            more={**s3.env, "SESSIONIZE_PIPELINES": str(pipelines.resolve()), **(more or {})},
        )
        write_passwords(home)
        tell("Preparing Airflow's database")
        _run(("db", "migrate"), env, check=True)
        tell("Starting Airflow")
        services: list[Service] = []
        stack.enter_context(stopping(services))
        for name, command in _COMPONENTS.items():
            services.append(_start(name, command, home, env))
        url = f"http://127.0.0.1:{port}"
        running = Stack(home, env, url, s3, RestApi(url, USER, PASSWORD), services)
        _wait_until_healthy(running, services)
        yield running


def _wait_until_healthy(stack: Stack, services: list[Service]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    needed = {
        "metadatabase": "api-server",
        "scheduler": "scheduler",
        "dag_processor": "dag-processor",
        "triggerer": "triggerer",
    }
    while True:
        stack.check()
        health = stack.api.health()
        ill = [service for part, service in needed.items() if health.get(part) != "healthy"]
        if not ill:
            return
        if time.monotonic() > deadline:
            service = next(service for service in services if service.name == ill[0])
            service.fail(f"Airflow's {', '.join(ill)} not healthy after {_START_SECONDS:.0f} s")
        time.sleep(_POLL_SECONDS)


def _start(name: str, arguments: tuple[str, ...], home: Path, env: dict[str, str]) -> Service:
    command = (*_AIRFLOW, *arguments)
    return Service(name, command, env=env, cwd=REPOSITORY, log=home / f"{name}.log")


def _run(
    arguments: tuple[str, ...], env: dict[str, str], *, check: bool
) -> subprocess.CompletedProcess[str]:
    command = f"airflow {' '.join(arguments)}"
    try:
        done = subprocess.run(
            [*_AIRFLOW, *arguments],
            env=env,
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise LocalError(f"{command} has not ended after {_COMMAND_SECONDS:.0f} s") from None
    if check and done.returncode:
        raise LocalError(
            f"{command} failed (exit code {done.returncode})",
            f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}",
        )
    return done
