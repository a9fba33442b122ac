"""``make mwaa``: what Amazon MWAA takes, in ``build/mwaa``.

=====================  ========================================================================
file                   what
=====================  ========================================================================
``dags/``              the DAG files, each with a check of what is installed; the pipelines
``plugins.zip``        the package as a wheel, and Airflow's plugins
``requirements.txt``   installs that wheel, with the constraints of MWAA's Airflow
``startup.sh``         compiles kernels ahead on each worker
=====================  ========================================================================
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

from local.environment import REPOSITORY
from local.errors import LocalError

#: The newest Airflow of MWAA that is supported, and its Python.
AIRFLOW = "3.3.1"
PYTHON = "3.12"
#: What is installed beside MWAA's own, and not pinned by its constraints.
_NOT_CONSTRAINED = ("isal", "llvmlite", "numba")
#: What the operator's page needs; constraints may have a version of it.
_PAGE = "plotly>=7.1"
_TEMPLATES = REPOSITORY / "deploy" / "mwaa"
#: Zip archives know no time before, and the same files give the same archive.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def main() -> None:
    """Write ``build/mwaa``, with the pipelines of ``$PIPELINES`` (``dags/pipelines``)."""
    pipelines = Path(os.environ.get("PIPELINES") or REPOSITORY / "dags" / "pipelines")
    try:
        build(REPOSITORY / "build" / "mwaa", pipelines)
    except LocalError as error:
        sys.exit(str(error))
    print("build/mwaa: dags/, plugins.zip, requirements.txt, startup.sh")


def build(folder: Path, pipelines: Path) -> None:
    """Write all that MWAA takes into a folder, and nothing else.

    Raises
    ------
    LocalError
        If there is no pipeline file, or the wheel cannot be built.
    """
    files = sorted(pipelines.glob("*.toml"))
    if not files:
        raise LocalError(f"{pipelines} has no pipeline file: name another folder, PIPELINES=…")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "dags" / "pipelines").mkdir(parents=True)
    wheel = _wheel(folder)
    _, version, _ = wheel.name.split("-", 2)
    values = {
        "SESSIONIZE": version,
        "AIRFLOW": AIRFLOW.rpartition(".")[0],
        "AIRFLOW_PATCH": AIRFLOW,
        "PYTHON": PYTHON,
        "WHEEL": wheel.name,
        "PINS": "\n".join([*_pins(), _PAGE]),
    }
    for name in ("requirements.txt", "startup.sh"):
        (folder / name).write_text(_filled(name, values))
    check = _filled("check_release.py", values)
    for source in (REPOSITORY / "dags").glob("*.py"):
        (folder / "dags" / source.name).write_text(_checked(source.read_text(), check))
    for file in files:
        shutil.copy(file, folder / "dags" / "pipelines")
    plugins = [path for path in (REPOSITORY / "plugins").glob("*.py") if path.is_file()]
    _zip(folder / "plugins.zip", [wheel, *plugins])
    wheel.unlink()


def _wheel(folder: Path) -> Path:
    command = (sys.executable, "-m", "uv", "build", "--wheel", "--no-build-isolation")
    done = subprocess.run(
        [*command, "--python", sys.executable, "-o", str(folder), str(REPOSITORY)],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise LocalError("the wheel cannot be built", done.stderr)
    (folder / ".gitignore").unlink(missing_ok=True)
    [wheel] = folder.glob("*.whl")
    return wheel


def _pins() -> list[str]:
    lock = (REPOSITORY / "requirements.txt").read_text()
    names = "|".join(_NOT_CONSTRAINED)
    return re.findall(rf"^(?:{names})==[^ ;\\]+", lock, re.MULTILINE)


def _filled(name: str, values: Mapping[str, str]) -> str:
    template = (_TEMPLATES / name).read_text()
    return re.sub("@([A-Z_]+)@", lambda match: values[match[1]], template)


def _checked(code: str, check: str) -> str:
    """Put the check behind the docstring of a DAG file."""
    docstring = ast.parse(code).body[0]
    lines = code.splitlines(keepends=True)
    end = docstring.end_lineno or 0
    return "".join(lines[:end]) + _without_docstring(check) + "".join(lines[end:])


def _without_docstring(code: str) -> str:
    first = ast.parse(code).body[0]
    return "".join(code.splitlines(keepends=True)[first.end_lineno :])


def _zip(path: Path, files: list[Path]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(files):
            archive.writestr(zipfile.ZipInfo(file.name, _EPOCH), file.read_bytes())


if __name__ == "__main__":
    main()
