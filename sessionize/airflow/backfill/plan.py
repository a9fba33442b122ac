"""What a backfill is to do with each date of its range: decided here, from the runs there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sessionize.airflow.backfill.errors import BackfillError


class Before(StrEnum):
    """What there is of a date before the backfill.

    Misplaced: a run that has ended, over another interval than that of its date. Whatever came of
    it says nothing of the date.
    """

    MISSING = "missing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNDER_WAY = "under way"
    MISPLACED = "misplaced"


class Reprocess(StrEnum):
    """Airflow's ``--reprocess-behavior``: which existing runs are run again."""

    NONE = "none"
    FAILED = "failed"
    COMPLETED = "completed"


@dataclass(frozen=True)
class Create:
    """A backfill for Airflow to create: both dates belong to it."""

    first: datetime
    last: datetime
    reprocess: Reprocess


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes
    ----------
    before : Mapping
        What there is of each date, in order.
    create : Create or None
    clear : tuple of datetime
        Runs to clear in place: failed ones, for those that wait for them to go on, and misplaced
        ones that Airflow would pass over.
    mend : tuple of datetime
        Runs that are to be given the interval of their date before they are run again.
    rerun : tuple of datetime
        Runs that have succeeded and are run again.
    watch : tuple of datetime
        The dates to wait for.
    """

    before: Mapping[datetime, Before]
    create: Create | None
    clear: tuple[datetime, ...]
    rerun: tuple[datetime, ...]
    watch: tuple[datetime, ...]
    mend: tuple[datetime, ...] = ()

    @property
    def starts(self) -> datetime | None:
        """The first date that is run, if any is."""
        dates = [self.create.first] if self.create else []
        return min([*dates, *self.clear], default=None)

    def dates(self, before: Before) -> list[datetime]:
        """Return the dates of which there is this."""
        return [date for date, state in self.before.items() if state is before]


def plan_backfill(
    before: Mapping[datetime, Before],
    *,
    ordered: bool,
    rerun_failed: bool = False,
    reset: bool = False,
) -> Plan:
    """Decide what to do with a range of dates.

    Parameters
    ----------
    before : Mapping
        What there is of each date, in order.
    ordered : bool
        Whether each run stands on the one before (a task depends on the past).
    rerun_failed, reset : bool
        Whether failed runs, or all, are to be run again.

    Raises
    ------
    BackfillError
        If runs would wait for a failed one that is not to be run again.
    """
    if ordered:
        return _plan_ordered(before, rerun_failed, reset)
    if reset:
        reprocess, anew = Reprocess.COMPLETED, set(Before) - {Before.UNDER_WAY}
    elif rerun_failed:
        reprocess, anew = Reprocess.FAILED, {Before.MISSING, Before.FAILED}
    else:
        reprocess, anew = Reprocess.NONE, {Before.MISSING}
    started = _where(before, lambda state: state in anew)
    misplaced = _where(before, lambda state: state is Before.MISPLACED)
    return Plan(
        before=before,
        create=Create(started[0], started[-1], reprocess) if started else None,
        clear=() if reset else misplaced,
        mend=misplaced,
        rerun=_where(before, lambda state: reset and state is Before.SUCCEEDED),
        watch=_where(before, lambda state: reset or state is not Before.SUCCEEDED),
    )


def _plan_ordered(before: Mapping[datetime, Before], rerun_failed: bool, reset: bool) -> Plan:
    failed = _where(before, lambda state: state is Before.FAILED)
    if failed and not rerun_failed and not reset:
        raise BackfillError(
            f"{span(failed)} failed before, and what follows waits for it",
            "See why, mend it, then add --rerun-failed-tasks.",
        )
    undone = _where(before, lambda state: reset or state is not Before.SUCCEEDED)
    # All from the first of them on stands on what that one replaces. One that is under way belongs
    # to the backfill: Airflow leaves it alone, but holds the next one until it is done, which it
    # would not do for the first of a backfill.
    after = {date: state for date, state in before.items() if undone and date >= undone[0]}
    states = set(after.values())
    if states <= {Before.FAILED, Before.UNDER_WAY}:
        return Plan(before, None, failed, (), tuple(after))
    if not reset and not states & {Before.MISSING, Before.MISPLACED} and not failed:
        return Plan(before, None, (), (), _where(after, lambda state: state is Before.UNDER_WAY))
    return Plan(
        before=before,
        create=Create(min(after), max(after), Reprocess.COMPLETED),
        clear=(),
        rerun=_where(after, lambda state: state is Before.SUCCEEDED),
        watch=tuple(after),
        mend=_where(after, lambda state: state is Before.MISPLACED),
    )


def _where(
    before: Mapping[datetime, Before], holds: Callable[[Before], bool]
) -> tuple[datetime, ...]:
    return tuple(date for date, state in before.items() if holds(state))


def span(dates: Sequence[datetime]) -> str:
    """Name dates for a reader: one, or how many from which to which."""
    if len(dates) <= 2:
        return " and ".join(moment(date) for date in dates)
    return f"{len(dates)} runs from {moment(dates[0])} to {moment(dates[-1])}"


def moment(date: datetime) -> str:
    """Write a date as the command line takes it, in UTC."""
    return date.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").replace(":00Z", "Z")
