from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowSkipException, DagRunTriggerException

from sessionize.airflow.wake import StartHourOperator, build_wake, find_hours, hours_to_start
from sessionize.config import PipelineConfig, load_config
from sessionize.model.hours import Hour, hours_between

FIRST = Hour.parse("2017-02-04T22")
HOURS = list(hours_between(FIRST, Hour.parse("2017-02-05T04")))
FILE = """\
name  = "nitro"
raw   = "s3://events/raw"
lake  = "s3://events/lake"
start = 2017-02-04T22:00:00Z
end   = 2017-02-05T03:00:00Z

[airflow]
trigger = "sqs"
queue   = "landed"
delivery_wait = "{wait}"
"""


def pipeline(folder: Path, wait: str = "3h") -> str:
    file = folder / "nitro.toml"
    file.write_text(FILE.format(wait=wait))
    return str(file)


@pytest.fixture
def config(tmp_path: Path) -> PipelineConfig:
    return load_config(pipeline(tmp_path))


def started(config: PipelineConfig, landed: int, minutes: int, *have_run: int) -> list[int]:
    """Which of `HOURS` are started, so many minutes after the first has begun."""
    runs = {HOURS[number] for number in have_run}
    now = FIRST.start + timedelta(minutes=minutes)
    hours = hours_to_start(HOURS[landed], now, config, runs.__contains__)
    return [HOURS.index(hour) for hour in hours]


def test_an_hour_is_started_once_something_of_a_later_one_has_landed(config: PipelineConfig):
    assert started(config, 0, 61) == []
    assert started(config, 1, 61) == [0]
    assert started(config, 1, 61, 0) == []
    assert started(config, 2, 121, 0) == [1]


def test_what_was_not_started_before_is_so_in_order(config: PipelineConfig):
    assert started(config, 3, 181, 0) == [1, 2]
    assert started(config, 3, 181, 0, 2) == [1]


def test_an_hour_without_a_run_of_the_hour_before_is_left_to_the_schedule(config: PipelineConfig):
    # The schedule has come to the first hour, and would start it now.
    assert started(config, 4, 60 + 181) == []
    assert started(config, 4, 60 + 181, 0) == [1, 2, 3]


def test_hours_that_have_not_ended_or_are_not_the_pipelines_are_not_started(
    config: PipelineConfig,
):
    assert started(config, 5, 119) == [0]  # an object of the future
    assert started(config, 5, 60 * 6, 2, 3, 4) == []
    assert started(config, 5, 60 * 6, 2) == [3, 4]


def test_without_a_wait_nothing_is_left_to_start(tmp_path: Path):
    config = load_config(pipeline(tmp_path, "0s"))
    assert started(config, 1, 60) == started(config, 1, 61) == []


class TaskInstance:
    """What the tasks ask Airflow: which hours have runs, whether the DAG is paused."""

    def __init__(self, *hours: Hour, paused: bool = False) -> None:
        self.runs = {hour.start for hour in hours}
        self.paused = paused

    def get_dr_count(self, dag_id, logical_dates):
        assert dag_id == "sessionize_nitro"
        return len(self.runs.intersection(logical_dates))

    def get_dag(self, dag_id):
        return SimpleNamespace(is_paused=self.paused)


def find(monkeypatch, file: str, ti: TaskInstance, *extras: object) -> list[dict[str, str]]:
    from sessionize.airflow import wake

    events = {"asset": [SimpleNamespace(extra=extra) for extra in extras]}
    context = {"ti": ti, "triggering_asset_events": events}
    monkeypatch.setattr(wake, "get_current_context", lambda: context)
    return find_hours.function(file, "sessionize_nitro")


def landed(hour: Hour) -> dict:
    return {"from_trigger": True, "payload": {"landed": str(hour)}}


@pytest.fixture
def recent(tmp_path: Path) -> str:
    """A pipeline whose last hours can still be started, by the clock of this machine."""
    file = Path(pipeline(tmp_path, "999999h"))
    file.write_text(file.read_text().replace("end ", "# end "))
    return str(file)


def test_the_newest_of_several_events_counts_and_odd_ones_do_not(monkeypatch, recent: str):
    odd = (None, {}, {"payload": None}, {"payload": {"landed": "?"}}, {"payload": {"landed": 3}})
    ti = TaskInstance()
    assert find(monkeypatch, recent, ti, *odd) == []
    found = find(monkeypatch, recent, ti, landed(HOURS[1]), *odd, landed(HOURS[2]))
    assert found == [{"hour": str(hour), "landed": str(HOURS[2])} for hour in HOURS[:2]]


def test_no_run_is_started_while_the_dag_is_paused(monkeypatch, recent: str):
    assert find(monkeypatch, recent, TaskInstance(paused=True), landed(HOURS[2])) == []


def start(hour: Hour, *have_run: Hour) -> DagRunTriggerException:
    operator = StartHourOperator(
        task_id="start_hour",
        trigger_dag_id="sessionize_nitro",
        hour=str(hour),
        landed=str(HOURS[4]),
        first=str(FIRST),
        openlineage_inject_parent_info=False,
    )
    with pytest.raises(DagRunTriggerException) as raised:
        operator.execute({"ti": TaskInstance(*have_run)})
    return raised.value


def test_a_run_has_the_dates_that_the_schedule_would_give_it():
    run = start(HOURS[1], FIRST)
    assert (run.trigger_dag_id, run.dag_run_id) == ("sessionize_nitro", "woken__2017-02-04T23")
    # Airflow takes the interval from the second: the last whole hour before it.
    assert (run.logical_date, run.run_after) == (HOURS[1].start, HOURS[1].end)
    assert run.conf == {"landed": "2017-02-05T02"}
    assert run.skip_when_already_exists
    assert start(FIRST).dag_run_id == "woken__2017-02-04T22"


def test_a_run_is_not_started_twice_nor_before_the_hour_before():
    for hour, *have_run in ((FIRST, FIRST), (HOURS[1], FIRST, HOURS[1]), (HOURS[1],)):
        with pytest.raises(AirflowSkipException):
            start(hour, *have_run)


def test_the_dag_waits_for_messages_and_starts_paused(tmp_path: Path):
    dag = build_wake(pipeline(tmp_path))
    assert dag is not None
    assert dag.dag_id == "sessionize_nitro_wake"
    assert dag.is_paused_upon_creation
    assert (dag.max_active_runs, dag.catchup) == (1, False)
    assert dag.get_task("find_hours").downstream_task_ids == {"start_hour"}
    (watcher,) = dag.schedule[0].watchers
    assert watcher.trigger.serialize()[1] == {
        "queue": "landed",
        "aws_conn_id": None,
        "raw": "s3://events/raw",
        "prefix": "%Y/%m/%d/%H/",
    }
