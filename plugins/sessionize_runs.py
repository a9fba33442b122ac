"""What the project adds to Airflow's runs: notes that say which hour they are for; a schedule."""

from airflow.plugins_manager import AirflowPlugin

from sessionize.airflow import listener
from sessionize.airflow.timetable import NetTimetable


class SessionizeRuns(AirflowPlugin):
    """Notes of runs, and the schedule of pipelines that are woken by data."""

    name = "sessionize_runs"
    listeners = [listener]  # noqa: RUF012 (as Airflow declares it)
    timetables = [NetTimetable]  # noqa: RUF012
