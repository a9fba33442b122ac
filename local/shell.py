"""``make shell``: a shell in which ``airflow`` is that of ``make airflow``.

By itself the command would make itself a new home, with a new and empty database, in ``~/airflow``.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from local import world
from local.environment import REPOSITORY, inherited


def main(arguments: list[str]) -> int:
    """Run a shell, or the command that is given, in Airflow's environment; return the exit code."""
    env = environment(world.home())
    if env is None:
        print("Airflow is not running here: start it with `make airflow`, in another terminal.")
        return 1
    if not arguments:
        print(
            f"airflow is here that of {env['AIRFLOW__API__BASE_URL']}; `exit` leaves. Try\n\n"
            f"  airflow dags list-runs {world.DAG_ID}\n"
            f"  airflow dags backfill {world.DAG_ID} --help\n"
        )
    shell = os.environ.get("SHELL") or shutil.which("bash") or "/bin/sh"
    return subprocess.run(arguments or [shell], env=env, cwd=REPOSITORY).returncode


@contextlib.contextmanager
def handed_on(home: Path, env: Mapping[str, str]) -> Iterator[None]:
    """Let :func:`environment` find the environment of a running Airflow meanwhile."""
    file = _file(home)
    # What the user's shell has is the user's; the rest has passwords in it.
    own = {name: value for name, value in env.items() if inherited().get(name) != value}
    file.touch(mode=0o600)
    file.write_text(json.dumps(own))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def environment(home: Path) -> dict[str, str] | None:
    """Return the environment of the Airflow that runs in a home; None if there is none."""
    try:
        return {**inherited(), **json.loads(_file(home).read_text())}
    except FileNotFoundError:
        return None


def _file(home: Path) -> Path:
    return home / "environment.json"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
