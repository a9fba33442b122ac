"""What the note of a run says: its hour, the hour that it waits for, whether it is outdated.

Airflow names a run after the end of its interval, calls one *Running* whose tasks wait for the hour
before, and leaves a run green whose hour stands on a state that has been replaced since.
"""

from __future__ import annotations

from sessionize.model.hours import Hour

_BEGIN = "**Hour "
_WAITS = "waits for"


def note_of(hour: Hour) -> str:
    """Write the note of a run whose hour waits for nothing."""
    return f"{_BEGIN}{hour}**"


def waiting_note(hour: Hour, state: str) -> str:
    """Write the note of a run that waits for the hour before, whose run is in that state."""
    note = f"{note_of(hour)} {_WAITS} {hour.previous}, whose run is {state}"
    if state == "failed":
        note += ". Its log says what to do; once it is done, this run goes on by itself"
    return f"{note}."


def outdated_note(hour: Hour, dag_id: str, cause: Hour, last: Hour) -> str:
    """Write the note of a run whose hour is outdated, for ``cause`` was run again.

    Parameters
    ----------
    hour : Hour
        The run's.
    dag_id : str
        The DAG.
    cause, last : Hour
        The hour that was run again with another outcome, and the last that is outdated by it.
    """
    return (
        f"{note_of(hour)} is OUTDATED{_because_of(cause)}: `airflow dags backfill {dag_id} "
        f"-s {cause.next}:00 -e {last}:00 --reset-dagruns` runs what is outdated again."
    )


def is_ours(note: str | None) -> bool:
    """Tell whether a note may be replaced: there is none, or it was written here."""
    return not note or note.startswith(_BEGIN)


def is_waiting(note: str | None) -> bool:
    """Tell whether a note was written by `waiting_note`."""
    return bool(note) and is_ours(note) and f"** {_WAITS} " in str(note)


def is_outdated_by(note: str | None, cause: Hour) -> bool:
    """Tell whether a note was written by `outdated_note`, because of that hour."""
    return bool(note) and is_ours(note) and _because_of(cause) in str(note)


def _because_of(cause: Hour) -> str:
    return f" since {cause} was run again"
