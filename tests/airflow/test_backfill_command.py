from __future__ import annotations

import contextlib
from argparse import ArgumentParser, Namespace
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sessionize.airflow.backfill import actions, command, metadata
from sessionize.airflow.backfill.metadata import ActiveBackfill, DagFacts, RunFacts
from sessionize.airflow.backfill.plan import Create, Reprocess
from sessionize.airflow.cli import backfill_command
from sessionize.airflow.pipelines import FOLDER_VARIABLE

FIRST = datetime(2017, 2, 4, 22, tzinfo=UTC)
DATES = tuple(FIRST + timedelta(hours=number) for number in range(3))
RANGE = ("-s", "2017-02-04T22:00", "-e", "2017-02-05T00:00")


def parse(*arguments: str) -> Namespace:
    parser = ArgumentParser()
    for argument in backfill_command().args:
        argument.add_to_parser(parser)
    return parser.parse_args(["some_dag", *arguments])


@dataclass
class Airflow:
    """Airflow's database and commands, as the command sees them."""

    before: dict[datetime, str] = field(default_factory=dict)
    after: str = "success"
    ordered: bool = True
    paused: bool = False
    other: list[ActiveBackfill] = field(default_factory=list)
    done: list[tuple[object, ...]] = field(default_factory=list)

    def read_dag(self, dag_id, first, last, session) -> DagFacts:
        dates = tuple(date for date in DATES if first <= date <= last)
        return DagFacts(dag_id, dates, 0, self.ordered, self.paused, 4, FIRST)

    def read_runs(self, dag_id, dates, session) -> dict[datetime, RunFacts]:
        states = dict.fromkeys(dates, self.after) if self.done else self.before
        return {date: RunFacts(date, state, 1.0, ()) for date, state in states.items()}

    def active_backfill(self, dag_id, session) -> ActiveBackfill | None:
        return self.other.pop(0) if self.other else None

    def create_backfill(self, dag_id, create, **options) -> None:
        self.done.append((create, options))

    def clear_run(self, dag_id, date) -> None:
        self.done.append(("clear", date))

    def unpause(self, dag_id) -> None:
        self.done.append(("unpause",))


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Airflow:
    fake = Airflow()
    for name in ("read_dag", "read_runs", "active_backfill"):
        monkeypatch.setattr(metadata, name, getattr(fake, name))
    monkeypatch.setattr(metadata, "is_anything_active", lambda *_: False)
    monkeypatch.setattr(metadata, "is_scheduler_alive", lambda *_: True)
    monkeypatch.setattr(metadata, "is_paused", lambda *_: False)
    monkeypatch.setattr(metadata, "read_retries", lambda *_: [])
    for name in ("create_backfill", "clear_run", "unpause"):
        monkeypatch.setattr(actions, name, getattr(fake, name))
    monkeypatch.setattr(command, "create_session", contextlib.nullcontext)
    monkeypatch.setattr(command.time, "sleep", lambda seconds: None)
    return fake


def backfill(*arguments: str) -> int | str | None:
    # Without Airflow's own wrappers, which log to its database.
    undecorated = command.dags_backfill.__wrapped__.__wrapped__
    with pytest.raises(SystemExit) as stop:
        undecorated(parse(*arguments))
    return stop.value.code


def test_a_backfill_is_created_and_waited_for(airflow: Airflow, capsys):
    assert backfill(*RANGE, "--max-active-runs", "2", "-c", '{"a": 1}') == 0
    ((create, options),) = airflow.done
    assert create == Create(DATES[0], DATES[2], Reprocess.COMPLETED)
    assert options == {"max_active_runs": 2, "conf": '{"a": 1}', "backwards": False}
    assert "Done: 3 runs succeeded" in capsys.readouterr().out


def test_the_dags_own_limit_is_the_default(airflow: Airflow):
    backfill(*RANGE)
    assert airflow.done[0][1]["max_active_runs"] == 4


@pytest.mark.parametrize("option", ["-s", "-e"])
def test_one_date_alone_is_one_run(airflow: Airflow, option: str):
    assert backfill(option, "2017-02-04T23:00") == 0
    assert airflow.done[0][0] == Create(DATES[1], DATES[1], Reprocess.COMPLETED)


def test_a_failed_run_is_the_exit_code(airflow: Airflow, capsys):
    airflow.after, airflow.ordered = "failed", False
    assert backfill(*RANGE) == 1
    error = capsys.readouterr().err
    assert "did not succeed" in error
    # Whatever options the command had: with --reset-dagruns all would be run again.
    command = "airflow dags backfill some_dag -s 2017-02-04T22:00Z -e 2017-02-05T00:00Z"
    assert f"{command} --rerun-failed-tasks" in error


def test_done_runs_are_nothing_to_do(airflow: Airflow, capsys):
    airflow.before = dict.fromkeys(DATES, "success")
    assert backfill(*RANGE) == 0
    assert airflow.done == []
    assert "Nothing to do" in capsys.readouterr().out


def test_a_paused_dag_is_refused_with_the_remedy(airflow: Airflow, capsys):
    airflow.paused = True
    assert backfill(*RANGE) == 1
    assert airflow.done == []
    error = capsys.readouterr().err
    assert "--unpause" in error
    assert "creates the runs from 2017-02-04T22:00Z on (catchup)" in error


def test_a_dag_is_unpaused_only_once_its_runs_are_there(airflow: Airflow):
    airflow.paused = True
    assert backfill(*RANGE, "--unpause") == 0
    assert [what[0] for what in airflow.done][1:] == ["unpause"]


def test_a_dry_run_changes_nothing(airflow: Airflow, capsys):
    airflow.paused = True
    assert backfill(*RANGE, "--dry-run") == 0
    assert airflow.done == []
    assert "to run: 3 runs" in capsys.readouterr().out


def test_done_runs_are_run_again_only_if_someone_says_yes(airflow: Airflow, monkeypatch, capsys):
    airflow.before = dict.fromkeys(DATES, "success")
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert backfill(*RANGE, "--reset-dagruns") == 1
    assert "--yes" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: "n")
    assert backfill(*RANGE, "--reset-dagruns") == 1
    assert airflow.done == []
    assert backfill(*RANGE, "--reset-dagruns", "--yes") == 0
    assert airflow.done[0][0] == Create(DATES[0], DATES[2], Reprocess.COMPLETED)


def test_failed_runs_that_hold_others_are_cleared_in_place(airflow: Airflow):
    airflow.before = {DATES[0]: "failed", DATES[1]: "running", DATES[2]: "queued"}
    assert backfill(*RANGE, "--rerun-failed-tasks") == 0
    assert airflow.done == [("clear", DATES[0])]


def test_a_backfill_that_has_just_ended_is_waited_for(airflow: Airflow, capsys):
    over = ActiveBackfill(1, DATES[0], DATES[2], Counter({"success": 3}))
    airflow.other = [over, over, over]
    assert backfill(*RANGE) == 0
    assert capsys.readouterr().out.count("Another backfill has just ended") == 1


def test_a_backfill_that_goes_on_is_named(airflow: Airflow, capsys):
    airflow.other = [ActiveBackfill(7, DATES[0], DATES[2], Counter({"failed": 1, "running": 2}))]
    assert backfill(*RANGE) == 1
    assert airflow.done == []
    error = capsys.readouterr().err
    assert "backfill 7 of `some_dag`, 2017-02-04T22:00Z to 2017-02-05T00:00Z" in error
    assert "1 failed, 2 running" in error


@pytest.mark.parametrize(
    ("option", "remedy"),
    [
        (("-t", "publish"), "airflow tasks clear"),
        (("-i",), "Leave it out"),
        (("-m",), "Mark the runs"),
        (("--disable-retry",), "`retries`"),
        (("--pool", "p"), "`pool`"),
        (("--treat-dag-id-as-regex",), "once for each"),
        (("--conf", "{"), "not JSON"),
        (("--run-backwards",), "--run-backwards"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_remedy(airflow: Airflow, capsys, option, remedy):
    assert backfill(*RANGE, *option) == 1
    assert airflow.done == []
    assert remedy in capsys.readouterr().err


@pytest.mark.parametrize(
    "option", [("-x",), ("-l",), ("-I",), ("--delay-on-limit", "1"), ("-S", "dags")]
)
def test_what_means_nothing_any_more_is_accepted(airflow: Airflow, option):
    assert backfill(*RANGE, *option) == 0


def test_independent_runs_can_go_backwards(airflow: Airflow):
    airflow.ordered = False
    assert backfill(*RANGE, "--run-backwards") == 0
    assert airflow.done[0][1]["backwards"]


@pytest.mark.parametrize(
    ("dates", "says"),
    [
        ((), "there is no range"),
        (("-s", "2017-02-05", "-e", "2017-02-04"), "after"),
        (("-s", "2018-01-01", "-e", "2018-01-02"), "no run of `some_dag` has its date"),
    ],
)
def test_a_range_without_runs_is_refused(airflow: Airflow, capsys, dates, says):
    assert backfill(*dates) == 1
    assert says in capsys.readouterr().err


class TestPreflight:
    @pytest.fixture(autouse=True)
    def pipeline(self, pipelines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(FOLDER_VARIABLE, str(pipelines))

    def backfill(self, first: datetime) -> int | str | None:
        parsed = parse("-s", first.isoformat(), "-e", DATES[2].isoformat())
        parsed.dag_id = "sessionize_nitro"
        with pytest.raises(SystemExit) as stop:
            command.dags_backfill.__wrapped__.__wrapped__(parsed)
        return stop.value.code

    def test_the_first_hour_needs_no_state(self, airflow: Airflow):
        assert self.backfill(DATES[0]) == 0

    def test_an_hour_without_the_one_before_is_refused_before_it_is_created(
        self, airflow: Airflow, capsys
    ):
        assert self.backfill(DATES[1]) == 1
        assert airflow.done == []
        assert "needs the state of 2017-02-04T22" in capsys.readouterr().err

    def test_an_hour_before_the_pipelines_start_is_refused(
        self, airflow: Airflow, capsys, monkeypatch
    ):
        early = FIRST - timedelta(hours=1)
        monkeypatch.setattr(f"{__name__}.DATES", (early, *DATES))
        assert self.backfill(early) == 1
        assert "before the pipeline's first hour" in capsys.readouterr().err
