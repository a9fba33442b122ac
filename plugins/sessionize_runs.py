"""What the project adds to Airflow's runs: notes that say which hour they are for."""

from airflow.plugins_manager import AirflowPlugin

from sessionize.airflow import listener


class SessionizeRuns(AirflowPlugin):
    """Notes of runs."""

    name = "sessionize_runs"
    listeners = [listener]  # noqa: RUF012 (as Airflow declares it)
