"""Nothing runs unless what is installed is what these files were made for.

`make mwaa` puts this in front of each DAG file. Amazon MWAA logs a requirement that cannot be
installed, and goes on without it, or with the version that was there; and it gives a package nine
minutes. The scheduler and each worker read the DAG files: one where this fails shows an import
error, or fails its task, and says why.
"""

import os
import sys
from importlib.metadata import PackageNotFoundError, version

EXPECTED = {"sessionize": "@SESSIONIZE@", "apache-airflow": "@AIRFLOW@"}
PYTHON = "@PYTHON@"


def _faults():
    # The startup script says so. MWAA Serverless has neither script nor requirements nor DAG files
    # in Python, and ignores `depends_on_past`: hours would overtake one another.
    if os.environ.get("SESSIONIZE_RELEASE") != EXPECTED["sessionize"]:
        yield (
            "the startup script of this release has not run: it says "
            f"{os.environ.get('SESSIONIZE_RELEASE')!r} (MWAA Serverless has none, and will not do)"
        )
    if f"{sys.version_info.major}.{sys.version_info.minor}" != PYTHON:
        yield f"Python is {sys.version.split()[0]}, not {PYTHON}"
    for package, expected in EXPECTED.items():
        try:
            found = version(package)
        except PackageNotFoundError:
            yield f"{package} {expected} is not installed"
        else:
            if found != expected and not found.startswith(f"{expected}."):
                yield f"{package} is {found}, not {expected}"


if _found := "; ".join(_faults()):
    raise RuntimeError(
        f"This environment is not the one that these files were made for: {_found}. Look for "
        "`requirements_install` in the environment's logs; put all of build/mwaa into its bucket, "
        "the files of one `make mwaa`, and update the environment."
    )
