"""The environment in which Airflow runs on this machine."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
USER = PASSWORD = "admin"


def inherited() -> dict[str, str]:
    """Return the caller's environment without what must not be passed on.

    What runs here must never reach a real deployment or a real bucket; and without cached bytecode
    each of dozens of processes would compile all of Airflow anew.
    """
    foreign = ("AIRFLOW_", "_AIRFLOW_", "AWS_", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


def airflow_env(
    home: Path, *, dags: Path, plugins: Path, database_url: str, port: int, more: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of every Airflow process.

    Parameters
    ----------
    home : Path
        ``AIRFLOW_HOME``: secrets, passwords and logs are kept here.
    dags, plugins : Path
        Where Airflow looks for DAGs and plugins.
    database_url : str
        The metadata database.
    port : int
        The port of the UI and the APIs.
    more : Mapping
        What is added.
    """
    base_url = f"http://127.0.0.1:{port}"
    settings: dict[str, dict[str, object]] = {
        "core": {
            "dags_folder": dags,
            "plugins_folder": plugins,
            "load_examples": False,
            "executor": "LocalExecutor",
            "parallelism": 8,
            "execution_api_server_url": f"{base_url}/execution/",
            "simple_auth_manager_users": f"{USER}:admin",
            "simple_auth_manager_passwords_file": home / "passwords.json",
        },
        "database": {"sql_alchemy_conn": database_url},
        "logging": {"base_log_folder": home / "logs"},
        "api": {"host": "127.0.0.1", "port": port, "base_url": base_url, "workers": 1},
        "dag_processor": {
            # New files are seen soon; to read the known ones again costs seconds each time.
            "refresh_interval": 5,
            "bundle_refresh_check_interval": 2,
            "min_file_process_interval": 30,
        },
        "scheduler": {"scheduler_idle_sleep_time": 0.3},
        "usage_data_collection": {"enabled": False},
    }
    return {
        **inherited(),
        "AIRFLOW_HOME": str(home),
        **{
            f"AIRFLOW__{section.upper()}__{name.upper()}": str(value)
            for section, options in settings.items()
            for name, value in options.items()
        },
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONUNBUFFERED": "1",
        **more,
    }


def write_passwords(home: Path) -> None:
    """Give the one user its known password."""
    (home / "passwords.json").write_text(json.dumps({USER: PASSWORD}))
