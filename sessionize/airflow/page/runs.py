"""What Airflow knows of a pipeline's hours: its runs, their tasks, and how long these took.

The only module of the page that reads Airflow's metadata database.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Any
from urllib.parse import quote

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from sqlalchemy import and_, func, or_, select

from sessionize.airflow.instants import plain
from sessionize.airflow.page.parameters import Range
from sessionize.model.errors import IntervalError
from sessionize.model.hours import Hour

#: Newer runs of a DAG than these are all looked at for manual ones of an hour.
_MANUAL_RUNS = 1_000
#: What is read of a run.
_COLUMNS = (
    DagRun.id,
    DagRun.run_id,
    DagRun.run_type,
    DagRun.state,
    DagRun.conf,
    DagRun.logical_date,
    DagRun.data_interval_start,
    DagRun.start_date,
    DagRun.end_date,
)
#: Names per query: databases limit the parameters of one.
_CHUNK = 500


@dataclass(frozen=True)
class Run:
    """An Airflow run of an hour.

    ``path`` is its page in Airflow's UI, relative to Airflow's base URL; ``waits_for`` the hour
    before, if the run is held at the turnstile.
    """

    hour: Hour
    run_id: str
    run_type: str
    state: str
    started: datetime | None
    ended: datetime | None
    path: str
    waits_for: Hour | None = None


@dataclass(frozen=True)
class Task:
    """A task of a run; a mapped one has an index.

    ``seconds`` is that of its last try, ``path`` the page with its logs.
    """

    run_id: str
    task_id: str
    map_index: int | None
    state: str | None
    tries: int
    started: datetime | None
    ended: datetime | None
    seconds: float | None
    path: str


@dataclass(frozen=True)
class StageTime:
    """How long a task took in an hour, from its first instance's start to its last one's end."""

    hour: Hour
    task_id: str
    elapsed_s: float


@dataclass(frozen=True)
class MeanTime:
    """How long a task took in an hour, or on average in the hours of a day: ``begin``."""

    begin: str
    task_id: str
    elapsed_s: float


def runs_between(dag_id: str, hours: Range) -> list[Run]:
    """List the runs of the hours in a range, by hour; of an hour with several, the last one.

    A manual run may name its hour in its param; of those, the newest thousand are looked at.
    """
    first, end = hours.first.start, hours.end.start
    dated = or_(
        and_(DagRun.logical_date >= first, DagRun.logical_date < end),
        and_(DagRun.data_interval_start >= first, DagRun.data_interval_start < end),
    )
    # Rows and not objects: these take ten times as long, and a range may have ten thousand.
    of_dag = select(*_COLUMNS).where(DagRun.dag_id == dag_id)
    with create_session() as session:
        found = list(session.execute(of_dag.where(dated)))
        found += session.execute(
            of_dag.where(DagRun.run_type == "manual").order_by(DagRun.id.desc()).limit(_MANUAL_RUNS)
        )
        newest: dict[Hour, Any] = {}
        for run in found:
            hour = hour_of(run)
            if hour is None or not hours.first <= hour < hours.end:
                continue
            if hour not in newest or _recency(run) >= _recency(newest[hour]):
                newest[hour] = run
        held = _held(session, dag_id, newest.values())
        return [
            Run(
                hour=hour,
                run_id=run.run_id,
                run_type=str(run.run_type),
                state=str(run.state),
                started=_plain(run.start_date),
                ended=_plain(run.end_date),
                path=_run_path(dag_id, run.run_id),
                waits_for=hour.previous if run.run_id in held else None,
            )
            for hour, run in sorted(newest.items())
        ]


def unfinished_between(dag_id: str, hours: Range) -> list[Run]:
    """List the runs of `runs_between` that have not succeeded; it reads few rows."""
    with create_session() as session:
        found = session.execute(
            select(*_COLUMNS).where(DagRun.dag_id == dag_id, DagRun.state != "success")
        )
        there = [hour for run in found if (hour := hour_of(run)) is not None]
    there = [hour for hour in there if hours.first <= hour < hours.end]
    if not there:
        return []
    # One that has failed may have been followed by another that has not.
    among = runs_between(dag_id, Range(min(there), max(there).next))
    return [run for run in among if run.state != "success"]


def tasks_of(dag_id: str, run_id: str) -> list[Task]:
    """List the tasks of a run, in the order in which they were started."""
    with create_session() as session:
        found = session.scalars(
            select(TaskInstance).where(TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id)
        )
        tasks = [
            Task(
                run_id=run_id,
                task_id=task.task_id,
                map_index=task.map_index if task.map_index >= 0 else None,
                state=str(task.state) if task.state else None,
                tries=task.try_number,
                started=_plain(task.start_date),
                ended=_plain(task.end_date),
                seconds=task.duration,
                path=_task_path(dag_id, run_id, task.task_id, task.map_index),
            )
            for task in found
        ]
    return sorted(
        tasks,
        key=lambda task: (
            task.started is None,
            task.started.timestamp() if task.started else 0,
            task.task_id,
            task.map_index or 0,
        ),
    )


def stage_times(dag_id: str, runs: Iterable[Run]) -> list[StageTime]:
    """Tell how long each task took in each of the runs, by hour."""
    hour_of_run = {run.run_id: run.hour for run in runs}
    found = []
    with create_session() as session:
        for names in _chunks(sorted(hour_of_run)):
            rows = session.execute(
                select(
                    TaskInstance.run_id,
                    TaskInstance.task_id,
                    func.min(TaskInstance.start_date),
                    func.max(TaskInstance.end_date),
                )
                .where(
                    TaskInstance.dag_id == dag_id,
                    TaskInstance.run_id.in_(names),
                    TaskInstance.state == "success",
                )
                .group_by(TaskInstance.run_id, TaskInstance.task_id)
            )
            found += [
                StageTime(hour_of_run[run_id], task_id, (ended - started).total_seconds())
                for run_id, task_id, started, ended in rows
                if started and ended
            ]
    return sorted(found, key=lambda time: (time.hour, time.task_id))


def mean_times(times: Iterable[StageTime], by: str) -> list[MeanTime]:
    """Return how long each task took in each hour, or on average in the hours of each day."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for time in times:
        begin = str(time.hour) if by == "hour" else time.hour.start.date().isoformat()
        found[begin, time.task_id].append(time.elapsed_s)
    return [MeanTime(begin, task, fmean(took)) for (begin, task), took in found.items()]


def hour_of(run: Any) -> Hour | None:
    """Tell the hour that a run is for, as its tasks do; None if it stands for none.

    The counterpart of :func:`sessionize.airflow.run_hour.hour_of_run`, which has a task's context
    at hand, and complains.
    """
    try:
        named = (run.conf or {}).get("hour")
        if named is not None:
            return Hour.parse(str(named))
        if run.logical_date is not None:
            return Hour(plain(run.logical_date))
        if run.data_interval_start is not None:
            return Hour(plain(run.data_interval_start))
    except IntervalError:
        pass
    return None


def _held(session: Any, dag_id: str, runs: Iterable[Any]) -> set[str]:
    """Tell which runs that go on have all of ``enrich`` behind them, and not the turnstile."""
    running = [run.run_id for run in runs if str(run.state) == "running"]
    held = set()
    for names in _chunks(running):
        rows = session.execute(
            select(TaskInstance.run_id, TaskInstance.task_id, TaskInstance.state).where(
                TaskInstance.dag_id == dag_id,
                TaskInstance.run_id.in_(names),
                TaskInstance.task_id.in_(["enrich", "previous_hour"]),
            )
        )
        states: dict[str, dict[str, set[str | None]]] = defaultdict(lambda: defaultdict(set))
        for run_id, task_id, state in rows:
            states[run_id][task_id].add(str(state) if state else None)
        done = {"success", "skipped"}
        held |= {
            run_id
            for run_id, tasks in states.items()
            if tasks["enrich"]
            and tasks["enrich"] <= done
            and tasks["previous_hour"] in ({None}, {"scheduled"})
        }
    return held


def _recency(run: Any) -> tuple[bool, float, int]:
    """Order runs of one hour: one that goes on counts, else the one that was started last."""
    started = run.start_date.timestamp() if run.start_date else 0.0
    return str(run.state) in ("running", "queued"), started, run.id


def _chunks(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), _CHUNK):
        yield names[start : start + _CHUNK]


def _plain(instant: datetime | None) -> datetime | None:
    return plain(instant) if instant else None


def _run_path(dag_id: str, run_id: str) -> str:
    # A run's id holds `+00:00`; a plus that is not quoted arrives as a space.
    return f"dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"


def _task_path(dag_id: str, run_id: str, task_id: str, map_index: int) -> str:
    path = f"{_run_path(dag_id, run_id)}/tasks/{quote(task_id, safe='')}"
    return f"{path}/mapped/{map_index}" if map_index >= 0 else path
