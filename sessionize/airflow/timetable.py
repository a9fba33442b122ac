"""The schedule of a pipeline that is woken by data: every hour, but not at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable


class NetTimetable(CronDataIntervalTimetable):
    """Every hour in UTC, as `CronDataIntervalTimetable` has it, but created a while after its end.

    Until then the data can start the hour's run. Airflow creates none for an hour that has one.

    Parameters
    ----------
    wait : timedelta
        How long after the hour's end its run is created, unless it is there.
    """

    def __init__(self, wait: timedelta) -> None:
        super().__init__("0 * * * *", "UTC")
        self._wait = wait

    def serialize(self) -> dict[str, Any]:
        """Return what :meth:`deserialize` takes."""
        return {"wait": self._wait.total_seconds()}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> NetTimetable:
        """Make the timetable of what :meth:`serialize` has returned."""
        return cls(timedelta(seconds=data["wait"]))

    @property
    def summary(self) -> str:
        """What the UI shows."""
        return f"{super().summary} (or woken by data)"

    def next_dagrun_info(
        self,
        *,
        last_automated_data_interval: DataInterval | None,
        restriction: TimeRestriction,
    ) -> DagRunInfo | None:
        """Return the interval after the last one, and when its run is created (Airflow's hook)."""
        info = super().next_dagrun_info(
            last_automated_data_interval=last_automated_data_interval, restriction=restriction
        )
        if info is None:
            return None
        return DagRunInfo(run_after=info.run_after + self._wait, data_interval=info.data_interval)
