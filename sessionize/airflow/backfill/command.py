"""The command ``airflow dags backfill``."""

from __future__ import annotations

import json
import sys
import time
from argparse import Namespace
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial

from airflow.utils.cli import action_cli, suppress_logs_and_warning
from airflow.utils.session import create_session
from sqlalchemy.exc import SQLAlchemyError

from sessionize.airflow.backfill import actions, metadata
from sessionize.airflow.backfill.errors import BackfillActiveError, BackfillError
from sessionize.airflow.backfill.metadata import DagFacts, RunFacts
from sessionize.airflow.backfill.plan import Before, Plan, moment, plan_backfill, span
from sessionize.airflow.backfill.watch import Snapshot, Watch
from sessionize.model.errors import SessionizeError

_GOES_ON = (
    "What was created goes on without this command; the same command waits for it again, the UI "
    "can cancel it."
)
#: Airflow looks for finished backfills every 30 s.
_NOTICE_SECONDS = 45.0
_REFUSED = {
    "task_regex": (
        "-t/--task-regex: a backfill runs whole runs",
        "For some tasks of runs there are: airflow tasks clear DAG -t REGEX -s … -e …",
    ),
    "ignore_dependencies": ("-i/--ignore-dependencies: it went with -t", "Leave it out."),
    "mark_success": (
        "-m/--mark-success: a backfill cannot mark runs without running them",
        "Mark the runs in the UI.",
    ),
    "disable_retry": ("--disable-retry: retries are the tasks' own", "Set `retries` in the DAG."),
    "pool": ("--pool: pools are the tasks' own", "Set `pool` in the DAG."),
    "treat_dag_id_as_regex": (
        "--treat-dag-id-as-regex: a backfill is for one DAG",
        "Run the command once for each.",
    ),
}
_WITHOUT_EFFECT = {
    "local": "-l/--local",
    "delay_on_limit": "--delay-on-limit",
    "subdir": "-S/--subdir",
}
tell = partial(print, flush=True)


@action_cli
@suppress_logs_and_warning
def dags_backfill(args: Namespace) -> None:
    """Plan, create, and wait for a DAG's past runs."""
    try:
        code = _backfill(args)
    except SessionizeError as error:
        tell(f"airflow dags backfill: {error}", file=sys.stderr)
        code = 1
    except SQLAlchemyError as error:
        reason = str(error).splitlines()[0]
        tell(
            f"airflow dags backfill: Airflow's database fails ({reason}). {_GOES_ON}",
            file=sys.stderr,
        )
        code = 1
    except KeyboardInterrupt:
        tell(f"\nInterrupted. {_GOES_ON}", file=sys.stderr)
        code = 130
    raise SystemExit(code)


def _backfill(args: Namespace) -> int:
    _check_options(args)
    first, last = args.start_date or args.end_date, args.end_date or args.start_date
    with create_session() as session:
        dag = metadata.read_dag(args.dag_id, first, last, session)
        runs = metadata.read_runs(dag.dag_id, dag.dates, session)
    if dag.ordered and args.run_backwards:
        raise BackfillError(
            f"`{dag.dag_id}` has tasks that depend on the past, so no run can come before the one "
            "before it",
            "Leave --run-backwards out.",
        )
    if not dag.dates:
        raise BackfillError(
            f"no run of `{dag.dag_id}` has its date from {moment(first)} to {moment(last)}"
            + (" and is over" if dag.not_over else ""),
            "Widen the range; both ends belong to it.",
        )
    if args.replay:
        replayed = _replayed(dag, args)
        if replayed is None:
            return 0
        dag, runs = replayed
    plan = plan_backfill(
        metadata.before_backfill(dag.dates, runs, dag.intervals),
        ordered=dag.ordered,
        rerun_failed=args.rerun_failed_tasks,
        reset=args.reset_dagruns or args.replay,
    )
    _describe(dag, plan, runs, args)
    if not plan.watch:
        tell("Nothing to do. To run them again, in order: --reset-dagruns")
        return 0
    _check_paused(dag, args)
    if plan.starts is not None and dag.ordered:
        _check_first(dag, plan.starts)
    if args.dry_run:
        tell("Dry run: nothing was changed.")
        return 0
    if plan.rerun and not args.yes:
        _confirm(len(plan.rerun))
    _start(dag, plan, args)
    return _wait(dag, plan) if args.wait else 0


def _replayed(dag: DagFacts, args: Namespace) -> tuple[DagFacts, dict[datetime, RunFacts]] | None:
    """Take the dates from the plan of a replay; None if there is nothing to run."""
    from sessionize.airflow.backfill.replay import replayed_dates

    found = replayed_dates(
        dag.dag_id, dag.dates[0], dag.dates[-1], asked=args.reset_dagruns, tell=tell
    )
    if found is None:
        tell("Nothing to do. To run the hours all the same: --replay --reset-dagruns")
        return None
    with create_session() as session:
        dag = metadata.read_dag(dag.dag_id, *found, session)
        return dag, metadata.read_runs(dag.dag_id, dag.dates, session)


def _check_options(args: Namespace) -> None:
    for option, (fault, remedy) in _REFUSED.items():
        if getattr(args, option):
            raise BackfillError(f"Airflow 3 has no {fault}", remedy)
    for option, flags in _WITHOUT_EFFECT.items():
        if getattr(args, option):
            tell(f"{flags} has no effect in Airflow 3.")
    if not args.start_date and not args.end_date:
        raise BackfillError("there is no range", "Give --start-date, --end-date or both.")
    if args.start_date and args.end_date and args.start_date > args.end_date:
        raise BackfillError("--start-date is after --end-date", "Swap them.")
    if args.conf:
        try:
            json.loads(args.conf)
        except ValueError as error:
            raise BackfillError(f"--conf is not JSON ({error})", "Mend it.") from None


def _describe(
    dag: DagFacts, plan: Plan, runs: Mapping[datetime, RunFacts], args: Namespace
) -> None:
    tell(f"{dag.dag_id}: {span(dag.dates)}")
    if dag.not_over:
        tell(f"  {_runs(dag.not_over)} more in the range: not over yet, left out")
    if missing := plan.dates(Before.MISSING):
        tell(f"  to run: {span(missing)}")
    if failed := plan.dates(Before.FAILED):
        tell(f"  failed before: {span(failed)}")
    for date in plan.mend:
        interval = runs[date].interval
        assert interval is not None, "a run without an interval is not misplaced"
        tell(
            f"  {moment(date)} was started by hand, over {moment(interval[0])} to "
            f"{moment(interval[1])}: it is given the interval of its date, and run"
        )
    if under_way := plan.dates(Before.UNDER_WAY):
        tell(f"  under way already: {span(under_way)}")
    if kept := [date for date in plan.dates(Before.SUCCEEDED) if date not in plan.rerun]:
        tell(f"  succeeded before and kept: {span(kept)}")
    if plan.rerun:
        why = " (they stand on what is replaced)" if dag.ordered and not args.reset_dagruns else ""
        tell(f"  succeeded before and run again{why}: {span(plan.rerun)}")


def _check_paused(dag: DagFacts, args: Namespace) -> None:
    if not dag.paused:
        return
    catches_up = ""
    if dag.catches_up_from:
        since = moment(dag.catches_up_from)
        catches_up = f" The scheduler then also creates the runs from {since} on (catchup)."
    if args.unpause:
        tell(f"  The DAG is paused and will be unpaused.{catches_up}")
    elif args.dry_run:
        tell(f"  The DAG is paused: --unpause will be needed.{catches_up}")
    else:
        raise BackfillError(
            f"`{dag.dag_id}` is paused, and the runs of a paused DAG never start",
            f"Add --unpause, which unpauses it once the runs are there.{catches_up}",
        )


def _check_first(dag: DagFacts, first: datetime) -> None:
    from sessionize.airflow.backfill.preflight import check_first_hour

    check_first_hour(dag.dag_id, first)


def _confirm(count: int) -> None:
    question = f"Run {_runs(count)} again that {'has' if count == 1 else 'have'} succeeded? [y/N] "
    if not sys.stdin.isatty():
        raise BackfillError(
            f"{_runs(count)} that succeeded would be run again, and there is no one to ask",
            "Add --yes.",
        )
    if input(question).strip().lower() not in ("y", "yes"):
        raise BackfillError("nothing was started", "You said no.")


def _start(dag: DagFacts, plan: Plan, args: Namespace) -> None:
    for date in plan.mend:
        actions.mend_run(dag.dag_id, date, dag.intervals[date])
    for date in plan.clear:
        actions.clear_run(dag.dag_id, date)
    if plan.create is not None:
        _wait_for_other_backfill(dag.dag_id)
        actions.create_backfill(
            dag.dag_id,
            plan.create,
            max_active_runs=args.max_active_runs or dag.max_active_runs,
            conf=args.conf,
            backwards=args.run_backwards,
        )
    # Only now, so that the scheduler finds the runs there and does not make its own.
    if dag.paused and args.unpause:
        actions.unpause(dag.dag_id)


def _wait_for_other_backfill(dag_id: str) -> None:
    deadline = time.monotonic() + _NOTICE_SECONDS
    told = False
    while True:
        with create_session() as session:
            other = metadata.active_backfill(dag_id, session)
        if other is None:
            return
        if not other.over or time.monotonic() > deadline:
            states = ", ".join(f"{count} {state}" for state, count in sorted(other.states.items()))
            raise BackfillActiveError(
                f"backfill {other.id} of `{dag_id}`, {moment(other.first)} to "
                f"{moment(other.last)}, is not finished ({states}); Airflow allows one at a time",
                "Wait for it; if a failed run holds it, mend that and run: "
                f"{_rerun_failed(dag_id, other.first, other.last)}; or cancel it in the UI.",
            )
        if not told:
            tell("Another backfill has just ended; waiting until Airflow notices (up to 30 s).")
            told = True
        time.sleep(1)


def _wait(dag: DagFacts, plan: Plan) -> int:
    def look() -> Snapshot:
        with create_session() as session:
            runs = metadata.read_runs(dag.dag_id, plan.watch, session)
            return Snapshot(
                runs=runs,
                active=metadata.is_anything_active(dag.dag_id, plan.watch, session),
                scheduler_alive=metadata.is_scheduler_alive(session),
                paused=metadata.is_paused(dag.dag_id, session),
                retries=metadata.read_retries(dag.dag_id, plan.watch, session),
            )

    tell(f"Waiting for {_runs(len(plan.watch))}.")
    began = datetime.now(UTC)
    watch = Watch(plan.watch, look, dag.ordered, tell)
    held = watch.wait()
    took = (datetime.now(UTC) - began).total_seconds()
    unsuccessful = [run.date for run in watch.ended.values() if run.state != "success"]
    if not unsuccessful:
        tell(f"Done: {_runs(len(watch.ended))} succeeded in {took:.0f} s.")
        return 0
    if held:
        tell(f"Held: {span(held)}: each waits for the one before.")
    raise BackfillError(
        f"{span(sorted(unsuccessful))} did not succeed",
        "The task's log in the UI says why. Mend it, then run: "
        + _rerun_failed(dag.dag_id, dag.dates[0], dag.dates[-1])
        + (" (those that wait go on by themselves)" if held else ""),
    )


def _rerun_failed(dag_id: str, first: datetime, last: datetime) -> str:
    """Return the command for what is left of a backfill: whole, for it goes without its options.

    With --reset-dagruns all of it would be run again, and Airflow refuses that while runs wait.
    """
    dates = f"-s {moment(first)} -e {moment(last)}"
    return f"airflow dags backfill {dag_id} {dates} --rerun-failed-tasks"


def _runs(count: int) -> str:
    return f"{count} run" if count == 1 else f"{count} runs"
