"""What the package tells Airflow about itself (entry point ``apache_airflow_provider``)."""

from importlib.metadata import version


def get_provider_info() -> dict[str, object]:
    """Describe the package as an Airflow provider that adds a command."""
    return {
        "package-name": "sessionize",
        "name": "Sessionize",
        "description": "Hourly sessions from raw product events, and ``airflow dags backfill``.",
        "versions": [version("sessionize")],
        "cli": ["sessionize.airflow.cli.get_cli_commands"],
    }
