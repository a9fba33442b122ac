"""``bulk`` in a process beside the task."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from sessionize.airflow.faults import telling
from sessionize.model.errors import SparkError

if TYPE_CHECKING:
    from airflow.sdk import Context

#: How long a process may take to end once it has been asked to: Spark removes its files.
_GRACE = 60


class LocalBulkOperator(BaseOperator):
    """Run ``python -m sessionize bulk``; what it prints is in the task's log, line by line.

    Parameters
    ----------
    arguments : list of str
        The command's options.
    master : str
        Where Spark runs, as ``local[2]``.
    python : str or None
        The interpreter; this one unless given.
    aws_conn_id : str or None
        Whose credentials the process has in its environment; None: those that are there.
    """

    template_fields: Sequence[str] = ("arguments",)

    def __init__(
        self,
        *,
        arguments: list[str],
        master: str,
        python: str | None = None,
        aws_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.arguments = arguments
        self.master = master
        self.python = python
        self.aws_conn_id = aws_conn_id
        self._process: subprocess.Popen[str] | None = None

    @telling
    def execute(self, context: Context) -> None:
        """Run the command to its end (Airflow's hook).

        Raises
        ------
        SparkError
            If it fails.
        """
        program = [self.python or sys.executable, "-m", "sessionize", "bulk"]
        self._process = process = subprocess.Popen(
            [*program, "--master", self.master, *self.arguments],
            env=os.environ | _credentials(self.aws_conn_id),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        last = ""
        try:
            with process.stdout:
                for line in process.stdout:
                    last = line.strip() or last
                    self.log.info("%s", line.rstrip())
            code = process.wait()
        except BaseException:  # the time that a task may take is over, too
            self.on_kill()
            raise
        if code:
            raise SparkError(
                f"`bulk` has ended with exit code {code}: {last[:600]}",
                "Do what it says, and clear the task; what it has published stays.",
            )

    def on_kill(self) -> None:
        """End the process as well (Airflow's hook)."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _credentials(aws_conn_id: str | None) -> dict[str, str]:
    """Return the standard AWS variables that a connection stands for."""
    from sessionize.airflow.connection import credentials_of

    found = credentials_of(aws_conn_id)
    if found is None:
        return {}
    variables = {
        "AWS_ACCESS_KEY_ID": found.access_key,
        "AWS_SECRET_ACCESS_KEY": found.secret_key,
        "AWS_SESSION_TOKEN": found.session_token,
        "AWS_DEFAULT_REGION": found.region,
        "AWS_ENDPOINT_URL_S3": found.endpoint_url,
    }
    return {name: value for name, value in variables.items() if value}
