from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# As pytest does: what logs are written to is closed before the process exits.
_PROGRAM = """
import io, logging, sys
from pathlib import Path
from local.postgres import running_postgres
stream = io.StringIO()
logging.basicConfig(level=logging.DEBUG, stream=stream)
with running_postgres(Path(sys.argv[1])):
    pass
stream.close()
"""


def test_nothing_is_logged_at_the_exit_once_the_server_is_stopped(tmp_path: Path):
    command = [sys.executable, "-c", _PROGRAM, str(tmp_path / "data")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Logging error" not in done.stderr
