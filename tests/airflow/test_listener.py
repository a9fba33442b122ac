"""Notes are written in the transaction of Airflow's own, and never end or spoil it."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from airflow.models import import_all_models
from airflow.models.base import Base
from airflow.models.dagrun import DagRun, DagRunNote
from airflow.utils.sqlalchemy import prohibit_commit
from sqlalchemy import create_engine, event
from sqlalchemy.orm import Session

from sessionize.airflow import listener
from sessionize.airflow.notes import note_of, outdated_note, waiting_note
from sessionize.model.hours import Hour

FIRST = Hour.parse("2017-02-04T22")
SECOND, THIRD = FIRST.next, FIRST.next.next
HOURLY = SimpleNamespace(tags={"sessionize"}, has_task=lambda task_id: task_id == "previous_hour")
DAG_ID = "sessionize_nitro"


@pytest.fixture
def session() -> Iterator[Session]:
    engine = create_engine("sqlite://")
    # As SQLAlchemy's pages have it: pysqlite begins no transaction before a savepoint by itself.
    event.listen(engine, "connect", lambda raw, _: setattr(raw, "isolation_level", None))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    import_all_models()
    Base.metadata.create_all(engine)
    with Session(engine, expire_on_commit=False) as session:
        yield session
    engine.dispose()


def run(session: Session, hour: Hour, state: str, note: str | None = None) -> DagRun:
    dag_run = DagRun(
        dag_id=DAG_ID,
        run_id=f"scheduled__{hour}",
        logical_date=hour.start,
        data_interval=(hour.start, hour.end),
        run_after=hour.end,
        run_type="scheduled",
        state=state,
        note=note,
    )
    session.add(dag_run)
    session.commit()
    dag_run.dag = HOURLY
    return dag_run


def note(session: Session, dag_run: DagRun) -> str | None:
    return session.connection().execute(
        DagRunNote.__table__.select().where(DagRunNote.dag_run_id == dag_run.id)
    ).mappings().first()["content"]  # fmt: skip


def test_a_run_that_begins_says_for_which_hour_and_what_it_waits_for(session: Session):
    first, second = run(session, FIRST, "running"), run(session, SECOND, "running")
    with prohibit_commit(session):
        listener.on_dag_run_running(first, "started")
        listener.on_dag_run_running(second, "started")
    assert note(session, first) == note_of(FIRST)
    assert note(session, second) == waiting_note(SECOND, "running")


def test_it_is_told_when_the_hour_before_fails_goes_on_and_is_done(session: Session):
    first, second = run(session, FIRST, "running"), run(session, SECOND, "running")
    first.state = "failed"
    listener.on_dag_run_failed(first, "task_failure")
    assert note(session, second) == waiting_note(SECOND, "failed")
    first.state = "running"
    listener.on_dag_run_running(first, "started")
    assert note(session, second) == waiting_note(SECOND, "running")
    first.state = "success"
    listener.on_dag_run_success(first, "success")
    assert note(session, second) == note_of(SECOND)


def test_outdated_hours_are_marked_and_unmarked(session: Session, monkeypatch):
    runs = [run(session, hour, "success") for hour in (FIRST, SECOND, THIRD)]
    monkeypatch.setattr(listener._Notes, "outdated_by", lambda self, run: [SECOND, THIRD])
    listener.on_dag_run_success(runs[0], "success")
    for hour, dag_run in zip((SECOND, THIRD), runs[1:], strict=True):
        assert note(session, dag_run) == outdated_note(hour, DAG_ID, FIRST, THIRD)

    # Another outcome once more, as the first was: nothing is outdated now.
    monkeypatch.setattr(listener._Notes, "outdated_by", lambda self, run: [])
    listener.on_dag_run_success(runs[0], "success")
    for hour, dag_run in zip((SECOND, THIRD), runs[1:], strict=True):
        assert note(session, dag_run) == note_of(hour)


def test_what_somebody_has_written_stays(session: Session):
    first = run(session, FIRST, "running", "we look into it")
    listener.on_dag_run_running(first, "started")
    assert note(session, first) == "we look into it"


def test_what_fails_leaves_the_transaction_as_it_was(session: Session, monkeypatch):
    first = run(session, FIRST, "queued")
    first.state = "running"
    monkeypatch.setattr(listener, "_tell_next", lambda *_: 1 / 0)
    with prohibit_commit(session) as guard:
        with pytest.raises(ZeroDivisionError):
            listener.on_dag_run_running(first, "started")
        guard.commit()
    session.refresh(first)
    assert (first.state, first.note) == ("running", None)


@pytest.mark.parametrize("dag", [None, SimpleNamespace(tags=set(), has_task=lambda _: True)])
def test_other_dags_are_no_business_of_ours(session: Session, dag):
    first = run(session, FIRST, "running")
    first.dag = dag
    for hook in (
        listener.on_dag_run_running,
        listener.on_dag_run_failed,
        listener.on_dag_run_success,
    ):
        hook(first, "")
    session.refresh(first)
    assert first.note is None
