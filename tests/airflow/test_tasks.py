"""The tasks, called as plain functions one after the other, leave what the command line leaves."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from sessionize.airflow import tasks
from sessionize.airflow.dag import sessions_asset
from sessionize.airflow.daily import days_asset
from sessionize.config import load_config
from sessionize.lake.storage import LocalStorage
from sessionize.model.errors import MissingStateError, StagingError
from sessionize.model.hours import Hour
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline
from tests.pipeline.scenario import HOURS, content, land_all

from .conftest import write_pipeline


class Context(dict):
    """The context of a run for an hour; remembers what is pushed."""

    def __init__(self, hour: Hour) -> None:
        self.pushed: dict[str, object] = {}
        self.event = SimpleNamespace(add_partitions=self._stamp, extra={})
        self.partitions: list[str] = []
        run = SimpleNamespace(
            partition_key=None,
            logical_date=hour.start,
            data_interval_start=hour.start,
            data_interval_end=hour.end,
            run_type="scheduled",
        )
        super().__init__(
            dag_run=run,
            params={"hour": None},
            ti=SimpleNamespace(xcom_push=self.pushed.__setitem__),
            outlet_events=defaultdict(lambda: self.event),
        )

    def _stamp(self, partition: str) -> None:
        self.partitions.append(partition)


@pytest.fixture
def pipeline_file(pipelines: Path) -> str:
    land_all(LocalStorage(pipelines.parent / "raw"))
    return str(write_pipeline(pipelines, "nitro", "[run]\nshards = 2\nbatch_size = '1B'\n"))


def run_tasks(pipeline_file: str, hour: Hour, monkeypatch: pytest.MonkeyPatch) -> Context:
    context = Context(hour)
    monkeypatch.setattr(tasks, "get_current_context", lambda: context)
    batches = tasks.claim.function(pipeline_file)
    claim_id, shards = context.pushed["claim_id"], context.pushed["shards"]
    for batch in batches:
        tasks.validate.function(pipeline_file, claim_id, batch)
    for batch in batches:
        tasks.enrich.function(pipeline_file, claim_id, batch)
    for shard in tasks.check_state.function(pipeline_file, shards):
        tasks.sessionize.function(pipeline_file, claim_id, shard)
    sessions = sessions_asset(load_config(pipeline_file))
    context.pushed["counts"] = tasks.publish.function(pipeline_file, claim_id, sessions)
    return context


def test_the_tasks_leave_what_the_command_line_leaves(
    pipeline_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for hour in HOURS:
        run_tasks(pipeline_file, hour, monkeypatch)
    lake = LocalStorage(tmp_path / "lake")
    by_tasks = content(lake)
    assert not any(key.startswith("_staging/") for key in by_tasks)

    for key in by_tasks:
        lake.delete(key)
    for hour in HOURS:
        run_hour(Pipeline.open(load_config(pipeline_file)), hour)
    assert content(lake) == by_tasks


def test_so_do_tasks_whose_shards_are_larger_than_planned(
    pipeline_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    changed = Path(pipeline_file)
    changed.write_text(changed.read_text() + "shard_size = '100B'\n")
    test_the_tasks_leave_what_the_command_line_leaves(pipeline_file, tmp_path, monkeypatch)


def test_publish_reports_the_counts_and_stamps_the_hour(pipeline_file: str, monkeypatch):
    context = run_tasks(pipeline_file, HOURS[0], monkeypatch)
    counts = context.pushed["counts"]
    assert isinstance(counts, dict)
    assert counts["hour"] == "2017-02-04T22"
    assert counts["records_read"] == counts["valid"] + counts["quarantined"] > 0
    assert counts["outdated"] == []
    assert context.partitions == ["2017-02-04T22"]
    assert context.event.extra == {key: counts[key] for key in counts if key != "outdated"}


def test_each_batch_is_named_by_what_it_holds(pipeline_file: str, monkeypatch):
    context = run_tasks(pipeline_file, HOURS[0], monkeypatch)
    assert context.pushed["batch_names"] == [
        "batch 1 of 2: 1 object, 0.0 MB",
        "batch 2 of 2: 1 object, 0.0 MB",
    ]


def complete_day(pipeline_file: str, hour: Hour, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the days that the task stamps after an hour."""
    context = Context(hour)
    monkeypatch.setattr(tasks, "get_current_context", lambda: context)
    with contextlib.suppress(AirflowSkipException):
        tasks.complete_day.function(pipeline_file, days_asset(load_config(pipeline_file)))
    return context.partitions


def test_a_day_is_stamped_when_all_its_hours_are_done_and_none_is_outdated(
    pipeline_file: str, monkeypatch
):
    end = "end = 2017-02-05T02:00:00Z\n"
    Path(pipeline_file).write_text(end + Path(pipeline_file).read_text())
    stamped = []
    for hour in HOURS:
        run_tasks(pipeline_file, hour, monkeypatch)
        stamped.append(complete_day(pipeline_file, hour, monkeypatch))
    assert stamped == [[], ["2017-02-04"], [], ["2017-02-05"]]

    # An hour that leaves another state outdates its day, until those after it are run again.
    config = Path(pipeline_file)
    config.write_text(config.read_text() + "[session]\ntimeout = '5m'\n")
    stamped = []
    for hour in HOURS:
        run_tasks(pipeline_file, hour, monkeypatch)
        stamped.append(complete_day(pipeline_file, hour, monkeypatch))
    assert stamped == [[], ["2017-02-04"], [], ["2017-02-05"]]


def test_an_hour_behind_the_end_completes_no_day(pipeline_file: str, monkeypatch):
    end = "end = 2017-02-04T23:00:00Z\n"
    Path(pipeline_file).write_text(end + Path(pipeline_file).read_text())
    for hour in HOURS[:2]:
        run_tasks(pipeline_file, hour, monkeypatch)
    assert complete_day(pipeline_file, HOURS[1], monkeypatch) == []
    assert complete_day(pipeline_file, HOURS[0], monkeypatch) == ["2017-02-04"]


def test_the_days_are_made_and_stamped(pipeline_file: str, monkeypatch):
    end = "end = 2017-02-05T02:00:00Z\n"
    Path(pipeline_file).write_text(end + Path(pipeline_file).read_text())
    for hour in HOURS:
        run_tasks(pipeline_file, hour, monkeypatch)
    context = Context(HOURS[0])
    context["params"] = {"date": "2017-02-05"}
    monkeypatch.setattr(tasks, "get_current_context", lambda: context)
    made = Asset(name="sessionize_nitro_daily")
    counts = tasks.make_days.function(pipeline_file, made)
    assert context.partitions == [["2017-02-04", "2017-02-05"]]
    # Hours that are run again without another outcome make no day anew.
    assert complete_day(pipeline_file, HOURS[-1], monkeypatch) == []
    assert counts["2017-02-05"]["machines_before"] == counts["2017-02-04"]["machines_after"]


def test_outdated_hours_are_reported_with_the_command_that_mends_them(
    pipeline_file: str, monkeypatch, caplog: pytest.LogCaptureFixture
):
    for hour in HOURS[:3]:
        run_tasks(pipeline_file, hour, monkeypatch)
    changed = Path(pipeline_file)
    changed.write_text(changed.read_text() + "[session]\ntimeout = '5m'\n")
    context = run_tasks(pipeline_file, HOURS[0], monkeypatch)
    assert context.pushed["counts"]["outdated"] == ["2017-02-04T23", "2017-02-05T00"]
    assert (
        "airflow dags backfill sessionize_nitro -s 2017-02-04T23:00 -e 2017-02-05T00:00 "
        "--reset-dagruns" in caplog.text
    )


def test_an_hour_without_the_one_before_stops_before_it_is_sessionized(
    pipeline_file: str, monkeypatch
):
    context = Context(HOURS[1])
    monkeypatch.setattr(tasks, "get_current_context", lambda: context)
    with pytest.raises((MissingStateError, AirflowFailException), match="2017-02-04T22"):
        tasks.check_state.function(pipeline_file, 2)


def test_an_empty_hour_has_no_batches_and_warns(pipelines: Path, monkeypatch, caplog):
    file = str(pipelines / "nitro.toml")
    context = run_tasks(file, HOURS[0], monkeypatch)
    assert context.pushed["counts"]["records_read"] == context.pushed["counts"]["objects"] == 0
    assert f"{HOURS[0]}: no object has landed for the hour; it is the first" in caplog.text


@pytest.mark.parametrize("left_out", ["enrich", "sessionize"])
def test_a_stage_that_airflow_has_left_out_is_an_error_and_nothing_is_published(
    pipeline_file: str, monkeypatch, left_out: str
):
    # Airflow marks mapped tasks `removed` in some races with a change of the DAG, and goes on.
    run_tasks(pipeline_file, HOURS[0], monkeypatch)
    lake = LocalStorage(load_config(pipeline_file).lake)
    before = content(lake)
    monkeypatch.setattr(tasks, left_out, SimpleNamespace(function=lambda *_: None))
    with pytest.raises((StagingError, AirflowFailException)):
        run_tasks(pipeline_file, HOURS[1], monkeypatch)
    after = content(lake)
    assert {key: after[key] for key in before} == before
    assert not any(HOURS[1].partition in key for key in after if key.startswith("sessions/"))
