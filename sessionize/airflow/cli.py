"""``airflow dags backfill`` (to come)."""


def get_cli_commands():
    return []
