"""``make test-matrix``: a small suite in each environment that is supported, each made for it.

An environment is a Python and packages: those of the lock, Amazon MWAA's, or
the Airflow before. They are kept in
``.matrix``. Where a Python is not on the machine, its row says so, and the exit code is 1.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from local.environment import REPOSITORY
from local.errors import LocalError

#: What the constraints of MWAA's Airflow 3.3.1 pin, of what the package builds upon. The rest is
#: the lock's, as far as it goes with these.
MWAA = (
    "apache-airflow==3.3.1",
    "apache-airflow-providers-amazon==9.34.0",
    "boto3==1.43.56",
    "numpy==2.5.1",
    "pandas==3.0.5",
    "pyarrow==25.*",
)
AIRFLOW_3_2 = ("apache-airflow==3.2.*",)
SUITE = (
    *("tests/config", "tests/model", "tests/sessions/test_hour.py", "tests/sessions/test_law.py"),
    *("tests/pipeline/test_end_to_end.py", "tests/airflow/test_dag.py"),
    *("tests/airflow/test_tasks.py", "tests/airflow/test_dag_files.py"),
    "tests/airflow/test_run_hour.py",
    "tests/airflow/test_retries.py",
)
#: What the suite itself needs, beside the package and its extras.
_TOOLS = ("aiosmtpd", "duckdb", "hypothesis", "moto[server]", "psutil", "pytest", "pytest-xdist")
_FOLDER = REPOSITORY / ".matrix"
_UV = (sys.executable, "-m", "uv")


@dataclass(frozen=True)
class Cell:
    """An environment: a Python, and what is pinned; nothing pinned is the lock."""

    name: str
    python: str
    pins: tuple[str, ...] = ()


CELLS = (
    Cell("3.11", "3.11"),
    Cell("3.12", "3.12"),
    Cell("3.13", "3.13"),
    Cell("mwaa", "3.12", MWAA),
    Cell("airflow-3.2", "3.11", AIRFLOW_3_2),
)


def main(arguments: Sequence[str]) -> int:
    """Try the environments that are named, or all; print a row each."""
    known = [cell.name for cell in CELLS]
    if unknown := [name for name in arguments if name not in known]:
        print(f"there is no environment {unknown[0]!r}: name some of {', '.join(known)}")
        return 2
    rows = []
    for cell in CELLS:
        if not arguments or cell.name in arguments:
            print(f"=== {cell.name}", flush=True)
            began = time.monotonic()
            result = _tried(cell)
            rows.append((cell, result, time.monotonic() - began))
    print(f"\n{'environment':12} {'python':7} {'result':60} seconds")
    for cell, result, seconds in rows:
        print(f"{cell.name:12} {cell.python:7} {result:60} {seconds:7.0f}")
    return 0 if all(re.match(r"\d+ passed", result) for _, result, _ in rows) else 1


def _tried(cell: Cell) -> str:
    """Return what pytest says at its end, or why there was no suite."""
    try:
        interpreter = _interpreter(cell.python)
        python = _environment(cell, interpreter)
    except LocalError as error:
        print(error)
        return error.fault
    own = ("AIRFLOW_", "AWS_", "PYTHONPATH", "SESSIONIZE_", "VIRTUAL_ENV")
    env = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider", *SUITE],
        cwd=REPOSITORY,
        env=env | {"NUMBA_CACHE_DIR": str(_FOLDER / cell.name / "numba")},
        stdout=subprocess.PIPE,
        text=True,
    )
    print(done.stdout)
    last = (done.stdout.splitlines() or ["pytest has said nothing"])[-1]
    return re.sub(r" in [\d.]+s.*", "", last.strip("= "))


def _interpreter(version: str) -> str:
    # pyenv puts a name on the path for each Python that it has, most of which do not work.
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    folders = [str(folder / "bin") for folder in sorted(pyenv.glob(f"{version}*"), reverse=True)]
    path = os.pathsep.join([*folders, os.environ["PATH"]])
    find = ("python", "find", "--no-project", "--system", version)
    return _run(*find, fault="NO SUCH PYTHON HERE", path=path)


def _environment(cell: Cell, interpreter: str) -> str:
    folder = _FOLDER / cell.name
    python = str(folder / "bin" / "python")
    if not Path(python).exists():
        _run("venv", "--python", interpreter, str(folder), fault="no environment can be made")
    install = ("pip", "install", "--quiet", "--python", python)
    packages = [*_TOOLS, *cell.pins, "-e", f"{REPOSITORY}[airflow,alerts]"]
    constraints = _FOLDER / f"{cell.name}.txt"
    constraints.write_text(_constraints(cell))
    _run(*install, "-c", str(constraints), *packages, fault="its packages cannot be installed")
    return python


def _constraints(cell: Cell) -> str:
    """Return the lock without hashes; beside pins, only what no version of them decides."""
    lock = (REPOSITORY / "requirements-dev.txt").read_text()
    lines = re.findall(r"^[\w.\[\]-]+==[^\\\n]+", lock, re.MULTILINE)
    if cell.pins:
        lines = [
            line for line in lines if re.match("isal|llvmlite|msgspec|numba|moto|pytest", line)
        ]
    return "\n".join(line.strip() for line in lines) + "\n"


def _run(*arguments: str, fault: str, path: str | None = None) -> str:
    env = os.environ | {"PATH": path or os.environ["PATH"]}
    done = subprocess.run([*_UV, *arguments], capture_output=True, text=True, env=env)
    if done.returncode:
        raise LocalError(fault, done.stderr)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
