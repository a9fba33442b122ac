"""A rehearsal in words: what each hour would publish otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sessionize.replay.differences import HourDifference, RowDifference


def announced(found: HourDifference) -> Iterator[str]:
    """Yield the lines that say what an hour would publish otherwise."""
    state = "the state that it left before" if found.same_state else "another state"
    if found.is_new:
        yield f"{found.hour}: never run before"
    elif found.is_same:
        yield f"{found.hour}: every row as it is; it leaves {state}"
    else:
        yield f"{found.hour}: leaves {state}"
    for name, rows in found.rows.items():
        if found.is_new or rows.added or rows.removed or rows.changed:
            yield f"  {name:<18}  {_rows(rows)}"
    if found.ids_new or found.ids_gone:
        yield (
            f"  session ids         kept {found.ids_kept:,}  new {found.ids_new:,}  "
            f"gone {found.ids_gone:,}"
        )
    if found.readmitted:
        yield f"  readmitted from quarantine: {_tally(found.readmitted)}"
    if found.quarantined:
        yield f"  newly in quarantine: {_tally(found.quarantined)}"


def concluded(found: Sequence[HourDifference], hours: int, left: int) -> str:
    """Return what a rehearsal says of the hours that it has not run.

    Parameters
    ----------
    found : sequence of HourDifference
        At least one.
    hours, left : int
        How many have been run, and how many of the plan's have not.
    """
    done = f"dry run of {hours:,} {'hour' if hours == 1 else 'hours'}: nothing was written"
    if not left:
        return f"{done}; the plan has no more"
    if found[-1].same_state:
        return (
            f"{done}. {found[-1].hour} leaves the state that it left before: what stands behind it "
            "is not outdated, and run only for reasons of its own"
        )
    return f"{done}; the state is still another one, and {left:,} more hours stand on it"


def _rows(rows: RowDifference) -> str:
    return (
        f"{rows.before:,} -> {rows.after:,} rows: added {rows.added:,}  removed {rows.removed:,}  "
        f"changed {rows.changed:,}"
    )


def _tally(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {count:,}" for reason, count in reasons.items())
