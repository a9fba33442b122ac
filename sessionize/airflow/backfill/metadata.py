"""What Airflow's database knows about a DAG and its runs: read only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sessionize.airflow.backfill.errors import BackfillError
from sessionize.airflow.backfill.plan import Before
from sessionize.airflow.instants import plain

if TYPE_CHECKING:
    from airflow.serialization.definitions.dag import SerializedDAG
    from sqlalchemy.orm import Session

Interval = tuple[datetime, datetime]

#: States of a task that has something coming without anyone's help.
_ACTIVE = (
    "scheduled",
    "queued",
    "running",
    "restarting",
    "deferred",
    "up_for_retry",
    "up_for_reschedule",
)


@dataclass(frozen=True)
class DagFacts:
    """What matters of a DAG.

    Attributes
    ----------
    ordered : bool
        Whether a task depends on the past: each run stands on the one before.
    catches_up_from : datetime or None
        The first run outside the range that the scheduler will create at once if it is let.
    intervals : Mapping
        The data interval that the schedule gives each date.
    """

    dag_id: str
    dates: tuple[datetime, ...]
    not_over: int
    ordered: bool
    paused: bool
    max_active_runs: int
    catches_up_from: datetime | None
    intervals: Mapping[datetime, Interval] = field(default_factory=dict)


@dataclass(frozen=True)
class RunFacts:
    """A run as the database shows it."""

    date: datetime
    state: str
    seconds: float | None
    failed_tasks: tuple[str, ...]
    interval: Interval | None = None


@dataclass(frozen=True)
class Retry:
    """A task that has failed and is tried again at a moment."""

    date: datetime
    task_id: str
    at: datetime


@dataclass(frozen=True)
class ActiveBackfill:
    """The one backfill that Airflow holds for unfinished."""

    id: int
    first: datetime
    last: datetime
    states: Counter[str]

    @property
    def over(self) -> bool:
        """Whether all its runs have ended, and Airflow has only not noticed yet."""
        return not {"queued", "running"} & set(self.states)


def read_dag(dag_id: str, first: datetime, last: datetime, session: Session) -> DagFacts:
    """Read a DAG, and the dates of its runs in a range (both ends belong to it).

    Raises
    ------
    BackfillError
        If there is no such DAG, or it has no dates to be backfilled.
    """
    from airflow.models.dag import DagModel
    from airflow.models.serialized_dag import SerializedDagModel

    serialized = SerializedDagModel.get(dag_id, session=session)
    model = session.get(DagModel, dag_id)
    if serialized is None or model is None:
        raise BackfillError(
            f"there is no DAG `{dag_id}`",
            "`airflow dags list` shows those there are, `airflow dags list-import-errors` the "
            "files that fail. The DAG processor can take some minutes to notice a new file.",
        )
    dag = serialized.dag
    if not dag.timetable.periodic or dag.timetable.partitioned:
        raise BackfillError(
            f"`{dag_id}` has no schedule of dates",
            "Trigger it (`airflow dags trigger`); partitions: `airflow backfill create`.",
        )
    now = datetime.now(UTC)
    intervals = dict(_intervals(dag, first, last))
    over = tuple(date for date, (_, end) in intervals.items() if end < now)
    until = min(now, dag.end_date or now)
    coming = _intervals(dag, model.next_dagrun, until) if model.next_dagrun else iter(())
    return DagFacts(
        dag_id=dag_id,
        dates=over,
        not_over=len(intervals) - len(over),
        ordered=any(task.depends_on_past for task in dag.tasks),
        paused=bool(model.is_paused),
        max_active_runs=dag.max_active_runs,
        catches_up_from=next(
            (date for date, (_, end) in coming if date not in intervals and end < now), None
        ),
        intervals=intervals,
    )


def _intervals(
    dag: SerializedDAG, first: datetime, last: datetime
) -> Iterator[tuple[datetime, Interval]]:
    """Yield the dates of a range, each with its data interval."""
    for info in dag.iter_dagrun_infos_between(first, last):
        if info.logical_date and (interval := info.data_interval):
            yield plain(info.logical_date), (plain(interval.start), plain(interval.end))


def read_runs(dag_id: str, dates: Iterable[datetime], session: Session) -> dict[datetime, RunFacts]:
    """Read the runs of some dates; a date without a run is not in the result."""
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import select

    wanted = set(dates)
    if not wanted:
        return {}
    rows = session.execute(
        select(
            DagRun.run_id,
            DagRun.logical_date,
            DagRun.state,
            DagRun.start_date,
            DagRun.end_date,
            DagRun.data_interval_start,
            DagRun.data_interval_end,
        ).where(
            DagRun.dag_id == dag_id,
            DagRun.logical_date >= min(wanted),
            DagRun.logical_date <= max(wanted),
        )
    ).all()
    failed_ids = [row.run_id for row in rows if row.state == "failed"]
    failed: dict[str, list[str]] = {}
    if failed_ids:
        for run_id, task_id in session.execute(
            select(TaskInstance.run_id, TaskInstance.task_id)
            .where(
                TaskInstance.dag_id == dag_id,
                TaskInstance.run_id.in_(failed_ids),
                TaskInstance.state == "failed",
            )
            .distinct()
        ):
            failed.setdefault(run_id, []).append(task_id)
    return {
        plain(row.logical_date): RunFacts(
            date=plain(row.logical_date),
            state=str(row.state),
            seconds=(row.end_date - row.start_date).total_seconds()
            if row.start_date and row.end_date
            else None,
            failed_tasks=tuple(sorted(failed.get(row.run_id, ()))),
            interval=(plain(row.data_interval_start), plain(row.data_interval_end))
            if row.data_interval_start and row.data_interval_end
            else None,
        )
        for row in rows
        if plain(row.logical_date) in wanted
    }


def before_backfill(
    dates: Sequence[datetime],
    runs: Mapping[datetime, RunFacts],
    intervals: Mapping[datetime, Interval],
) -> dict[datetime, Before]:
    """Say of each date, in order, what there is of it."""
    known = {"success": Before.SUCCEEDED, "failed": Before.FAILED}

    def of(date: datetime) -> Before:
        run = runs.get(date)
        if run is None:
            return Before.MISSING
        state = known.get(run.state, Before.UNDER_WAY)
        # Started by hand, it got another interval than the schedule gives its date.
        is_its_own = run.interval is None or run.interval == intervals.get(date, run.interval)
        return state if is_its_own or state is Before.UNDER_WAY else Before.MISPLACED

    return {date: of(date) for date in dates}


def is_anything_active(dag_id: str, dates: Iterable[datetime], session: Session) -> bool:
    """Tell whether any task of these dates' runs runs, or is about to without anyone's help."""
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import select

    dates = list(dates)
    query = (
        select(TaskInstance.task_id)
        .join(TaskInstance.dag_run)
        .where(
            TaskInstance.dag_id == dag_id,
            DagRun.logical_date >= min(dates),
            DagRun.logical_date <= max(dates),
            TaskInstance.state.in_(_ACTIVE),
        )
        .limit(1)
    )
    return session.scalar(query) is not None


def read_retries(dag_id: str, dates: Iterable[datetime], session: Session) -> list[Retry]:
    """Return the tasks of these dates' runs that wait for their next try."""
    from airflow.models.dagrun import DagRun
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import select

    wanted = set(dates)
    waiting = session.execute(
        select(TaskInstance, DagRun.logical_date)
        .join(TaskInstance.dag_run)
        .where(
            TaskInstance.dag_id == dag_id,
            TaskInstance.state == "up_for_retry",
            DagRun.logical_date >= min(wanted),
            DagRun.logical_date <= max(wanted),
        )
    ).all()
    serialized = SerializedDagModel.get(dag_id, session=session) if waiting else None
    if serialized is None:
        return []
    tasks = {task.task_id: task for task in serialized.dag.tasks}
    retries = set()
    for instance, date in waiting:
        if not date or plain(date) not in wanted or instance.task_id not in tasks:
            continue
        instance.task = tasks[instance.task_id]
        if instance.end_date and (at := instance.next_retry_datetime()):
            retries.add(Retry(plain(date), instance.task_id, plain(at)))
    return sorted(retries, key=lambda retry: (retry.date, retry.at, retry.task_id))


def active_backfill(dag_id: str, session: Session) -> ActiveBackfill | None:
    """Return the DAG's unfinished backfill, if there is one."""
    from airflow.models.backfill import Backfill
    from airflow.models.dagrun import DagRun
    from sqlalchemy import select

    backfill = session.scalar(
        select(Backfill)
        .where(Backfill.dag_id == dag_id, Backfill.completed_at.is_(None))
        .order_by(Backfill.id.desc())
        .limit(1)
    )
    if backfill is None:
        return None
    states = session.scalars(select(DagRun.state).where(DagRun.backfill_id == backfill.id))
    return ActiveBackfill(
        backfill.id, backfill.from_date, backfill.to_date, Counter(str(state) for state in states)
    )


def is_scheduler_alive(session: Session) -> bool:
    """Tell whether a scheduler has shown a sign of life lately."""
    from airflow.jobs.job import most_recent_job

    job = most_recent_job("SchedulerJob", session=session)
    return job is not None and job.is_alive()


def is_paused(dag_id: str, session: Session) -> bool:
    """Tell whether the DAG is paused now."""
    from airflow.models.dag import DagModel
    from sqlalchemy import select

    return bool(session.scalar(select(DagModel.is_paused).where(DagModel.dag_id == dag_id)))
