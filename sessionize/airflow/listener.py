"""Airflow's listener that writes the notes of runs (see `notes`), where the states change.

Tasks cannot write notes: only who has the metadata database can, and that is the scheduler, or the
API server when somebody sets a state by hand. What is here runs in their transaction. It must
neither end it nor wait in it: it works inside a savepoint, and passes by runs that another process
has locked. Airflow logs what goes wrong here, and goes on; nothing but the notes hangs on it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

from sessionize.airflow.instants import plain
from sessionize.airflow.notes import (
    is_ours,
    is_outdated_by,
    is_waiting,
    note_of,
    outdated_note,
    waiting_note,
)
from sessionize.model.errors import IntervalError
from sessionize.model.hours import Hour

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from sqlalchemy import Connection, Row

#: What Airflow's column holds.
_LONGEST = 1000
#: So many runs are marked as outdated at once, a week of them: the scheduler has other work too.
_MOST = 168


@hookimpl
def on_dag_run_running(dag_run: DagRun, msg: str) -> None:
    """Say which hour a run is for that has begun, and which one it waits for."""
    if (hour := _hour_of(dag_run)) is None:
        return
    with _Notes(dag_run) as notes:
        note = note_of(hour)
        for before in notes.of_hours([hour.previous]):
            if before.state != "success":
                note = waiting_note(hour, before.state)
        notes.write(dag_run.id, note)
        _tell_next(notes, hour, "running")


@hookimpl
def on_dag_run_failed(dag_run: DagRun, msg: str) -> None:
    """Say of the hour after that it waits for one that has failed."""
    if (hour := _hour_of(dag_run)) is None:
        return
    with _Notes(dag_run) as notes:
        _tell_next(notes, hour, "failed")


@hookimpl
def on_dag_run_success(dag_run: DagRun, msg: str) -> None:
    """Say of the hours after that they wait no more, or are outdated now, or are no more so."""
    if (hour := _hour_of(dag_run)) is None:
        return
    with _Notes(dag_run) as notes:
        notes.write(dag_run.id, note_of(hour))
        outdated = notes.outdated_by(dag_run.id)
        for run in notes.of_hours(outdated[:_MOST]):
            later = Hour(plain(run.logical_date))
            notes.write(run.id, outdated_note(later, dag_run.dag_id, hour, outdated[-1]))
        for run in notes.about(hour):
            later = Hour(plain(run.logical_date))
            if later not in outdated:
                notes.write(run.id, note_of(later))


def _tell_next(notes: _Notes, hour: Hour, state: str) -> None:
    """Write to the run of the hour after, if it waits for this one, how this one stands."""
    for run in notes.of_hours([hour.next]):
        if run.state == "running":
            notes.write(run.id, waiting_note(hour.next, state))


def _hour_of(dag_run: DagRun) -> Hour | None:
    """Tell the hour of a run of an hourly DAG of this project; None for all other runs."""
    dag = getattr(dag_run, "dag", None)
    if dag is None or "sessionize" not in dag.tags or not dag.has_task("previous_hour"):
        return None
    try:
        if dag_run.logical_date is not None:
            return Hour(plain(dag_run.logical_date))
        return Hour.parse(str((dag_run.conf or {}).get("hour")))
    except IntervalError:
        return None


class _Notes:
    """The notes of a DAG's runs, inside a savepoint of the transaction that a run is loaded in."""

    def __init__(self, dag_run: DagRun) -> None:
        from sqlalchemy.orm import object_session

        session = object_session(dag_run)
        if session is None:
            raise RuntimeError(f"the run {dag_run.run_id} belongs to no session")
        session.flush()
        self._dag_id = dag_run.dag_id
        # Not the session's own: Airflow refuses every commit of it, and takes this for one.
        self._connection: Connection = session.connection()
        self._savepoint = self._connection.begin_nested()

    def __enter__(self) -> _Notes:
        self._savepoint.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._savepoint.__exit__(*raised)

    def of_hours(self, hours: Sequence[Hour]) -> Sequence[Row[Any]]:
        """Return the runs of hours, with their ``id``, ``logical_date``, ``state``, ``content``."""
        from airflow.models.dagrun import DagRun

        return self._runs(DagRun.logical_date.in_([hour.start for hour in hours])) if hours else ()

    def about(self, hour: Hour) -> Sequence[Row[Any]]:
        """Return the runs whose notes say that they wait for an hour, or are outdated by it."""
        from airflow.models.dagrun import DagRun, DagRunNote
        from sqlalchemy import or_

        return [
            run
            for run in self._runs(
                DagRun.logical_date > hour.start,
                or_(
                    DagRun.logical_date == hour.end,
                    DagRunNote.content.contains(str(hour), autoescape=True),
                ),
            )
            if is_waiting(run.content) or is_outdated_by(run.content, hour)
        ]

    def _runs(self, *conditions: Any) -> Sequence[Row[Any]]:
        from airflow.models.dagrun import DagRun, DagRunNote
        from sqlalchemy import select

        query = (
            select(DagRun.id, DagRun.logical_date, DagRun.state, DagRunNote.content)
            .outerjoin(DagRunNote, DagRunNote.dag_run_id == DagRun.id)
            .where(DagRun.dag_id == self._dag_id, *conditions)
            .order_by(DagRun.logical_date)
        )
        return self._connection.execute(query).all()

    def outdated_by(self, run: int) -> list[Hour]:
        """Return the hours that a run has made outdated, as its `publish` has reported them."""
        from airflow.models.xcom import XComModel
        from sqlalchemy import select

        report = self._connection.execute(
            select(XComModel.value).where(
                XComModel.dag_run_id == run,
                XComModel.task_id == "publish",
                XComModel.key == "return_value",
            )
        ).scalar()
        if isinstance(report, str):
            report = json.loads(report)
        # Another XCom backend may keep but a reference here.
        outdated = report.get("outdated", []) if isinstance(report, Mapping) else []
        return sorted(Hour.parse(text) for text in outdated)

    def write(self, run: int, note: str) -> None:
        """Write a run's note, unless somebody else has written one, or has locked the run."""
        from airflow.models.dagrun import DagRun, DagRunNote
        from sqlalchemy import insert, select, update

        lock = select(DagRun.id).where(DagRun.id == run)
        # A note's row refers to the run's, which the database locks for it.
        lock = lock.with_for_update(skip_locked=True, read=True, key_share=True)
        if self._connection.execute(lock).first() is None:
            return
        mine = DagRunNote.dag_run_id == run
        found = self._connection.execute(select(DagRunNote.content).where(mine)).first()
        values: dict[str, str | datetime] = {"content": note[:_LONGEST]}
        if found is None:
            now = datetime.now(UTC)
            values |= {"created_at": now, "updated_at": now}
            self._connection.execute(insert(DagRunNote).values(dag_run_id=run, **values))
        elif is_ours(found.content) and found.content != note:
            self._connection.execute(update(DagRunNote).where(mine).values(values))
