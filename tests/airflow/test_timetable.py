from __future__ import annotations

from datetime import timedelta

import pendulum
import pytest
from airflow.sdk import CronDataIntervalTimetable
from airflow.serialization.encoders import coerce_to_core_timetable
from airflow.timetables.base import TimeRestriction

from sessionize.airflow.timetable import NetTimetable

START = pendulum.datetime(2017, 2, 4, 22)


def infos(timetable, count=4, latest=None):
    """The first intervals that a timetable gives."""
    last, found = None, []
    for _ in range(count):
        info = timetable.next_dagrun_info(
            last_automated_data_interval=last, restriction=TimeRestriction(START, latest, True)
        )
        if info is None:
            break
        found.append(info)
        last = info.data_interval
    return found


@pytest.mark.parametrize("wait", [timedelta(0), timedelta(minutes=15), timedelta(hours=5)])
def test_it_has_the_hours_of_the_plain_schedule_and_creates_their_runs_later(wait: timedelta):
    plain = coerce_to_core_timetable(CronDataIntervalTimetable("0 * * * *", timezone="UTC"))
    for mine, other in zip(infos(NetTimetable(wait)), infos(plain), strict=True):
        assert mine.data_interval == other.data_interval
        assert mine.run_after == other.run_after + wait


def test_it_ends_as_the_plain_schedule_does():
    assert len(infos(NetTimetable(timedelta(hours=5)), latest=START.add(hours=1))) == 2


def test_it_comes_back_from_what_airflow_keeps_of_it():
    timetable = NetTimetable(timedelta(minutes=90))
    again = NetTimetable.deserialize(timetable.serialize())
    assert infos(again) == infos(timetable)
    assert again.serialize() == timetable.serialize()
