"""A machine's sessions, and what has become of an event: read from the hours that can hold them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from sessionize.lake.storage import side_by_side
from sessionize.model.hours import Hour, hours_between
from sessionize.observe.catalog import Catalog
from sessionize.observe.files import of_dataset
from sessionize.observe.quarantine import records_with_text
from sessionize.observe.ranges import checked_text
from sessionize.observe.scan import rows_of_machine, rows_with_event_id
from sessionize.observe.search import Search, bounded
from sessionize.observe.timeline import Found, Row, event_row, session_rows, shown
from sessionize.observe.views import (
    MOST_FATES,
    EventFate,
    EventView,
    MachineView,
    SessionRow,
)

#: The most hours that a search reads unless told otherwise.
LIMIT_HOURS = 168
#: The machines whose sessions are looked up where an event id is that of several.
_MOST_MACHINES = 10


def machine(
    catalog: Catalog,
    machine_id: str,
    first: Hour | str,
    end: Hour | str,
    limit_hours: int = LIMIT_HOURS,
) -> MachineView:
    """Return a machine's sessions, late and pending events in the hours ``[first, end)``.

    Of ``sessions``, ``sessionized_events`` and ``late_events`` of each hour, the machines' column
    is read as far as the machine can stand there, and whole row groups where it does.

    Parameters
    ----------
    catalog : Catalog
        As it was refreshed last.
    machine_id : str
        As it stands in the lake.
    first, end : Hour or str
        The hours whose runs have settled, or closed, something.
    limit_hours : int
        A longer range is refused.

    Raises
    ------
    IntervalError, RequestError
        If the range is none, or too long; if the id can be none.
    ObjectGoneError
        If a file is not the one that its ledger names.
    StorageError
        If the lake cannot be read.
    """
    checked_text("machine_id", machine_id)
    search = Search.over(catalog, first, end, limit_hours)
    found, left_out = _found(search, machine_id)
    late, late_left_out = search.rows("late_events", rows_of_machine, machine_id)
    pending, pending_left_out = search.pending_after(rows_of_machine, machine_id)
    return MachineView(
        machine_id=machine_id,
        first=str(search.first),
        end=str(search.end),
        sessions=session_rows(found, catalog.config),
        late=shown(late),
        pending=shown(pending),
        events_left_out=left_out + late_left_out + pending_left_out,
        missing_hours=search.missing_hours,
        read=search.reader.work(len(search.hours)),
    )


def event(
    catalog: Catalog,
    event_id: str,
    first: Hour | str,
    end: Hour | str,
    limit_hours: int = LIMIT_HOURS,
) -> EventView:
    """Return what has become of the records with this event id in the hours ``[first, end)``.

    The ids of all events of these hours are read, and the texts of all refused records; where the
    id is found, those of the later hours too, for what has become of it.

    Parameters
    ----------
    catalog : Catalog
        As it was refreshed last.
    event_id : str
        As it stands in the lake.
    first, end : Hour or str
        The hours whose runs have read the record, or settled what the hour before ``first`` left
        pending.
    limit_hours : int
        A longer range is refused.

    Raises
    ------
    IntervalError, RequestError
        If the range is none, or too long; if the id can be none.
    ObjectGoneError
        If a file is not the one that its ledger names.
    StorageError
        If the lake cannot be read.
    """
    checked_text("event_id", event_id)
    search = Search.over(catalog, first, end, limit_hours)
    carried = search.pending_before(rows_with_event_id, event_id)
    read, left_out = search.rows("events", rows_with_event_id, event_id)
    hits = [*carried, *read]
    fates = _fates(search, event_id, hits[:MOST_FATES]) + _refused(search, event_id)
    return EventView(
        event_id=event_id,
        first=str(search.first),
        end=str(search.end),
        fates=fates[:MOST_FATES],
        fates_left_out=len(hits[MOST_FATES:]) + left_out + len(fates[MOST_FATES:]),
        missing_hours=search.missing_hours,
        read=search.reader.work(len(search.hours)),
    )


def _found(search: Search, machine_id: str) -> tuple[Found, int]:
    """Return a machine's sessions and their events, and how many events more there are."""
    events = search.tables("sessionized_events", rows_of_machine, machine_id, search.hours)
    closed, _ = search.rows("sessions", rows_of_machine, machine_id)
    is_open, _ = search.rows("open_sessions", rows_of_machine, machine_id, search.before_gaps)
    rows, left_out = bounded(events)
    events_of = Counter(name for _, it in events for name in it.column("session_id").to_pylist())
    return Found(closed, is_open, rows, events_of), left_out


def _fates(search: Search, event_id: str, hits: Sequence[tuple[Hour, Row]]) -> list[EventFate]:
    """Tell what has become of valid records: each is known by its object and position."""
    if not hits:
        return []
    since = min(hour for hour, _ in hits)
    later = [(hour, row) for hour, row in search.hours if hour >= since]
    settled = _by_place(search.rows("sessionized_events", rows_with_event_id, event_id, later)[0])
    late = _by_place(search.rows("late_events", rows_with_event_id, event_id, later)[0])
    pending = _by_place(search.pending_after(rows_with_event_id, event_id)[0])
    sessions = _sessions(search, [row for _, row in settled.values()])
    is_gapless = bool(later) and len(later) == sum(
        1 for _ in hours_between(max(since, search.first), later[-1][0].next)
    )
    return [
        _fate(hour, row, settled, late, pending, sessions, is_gapless=is_gapless)
        for hour, row in hits
    ]


_Place = tuple[str, int]


def _fate(
    hour: Hour,
    row: Row,
    settled: dict[_Place, tuple[Hour, Row]],
    late: dict[_Place, tuple[Hour, Row]],
    pending: dict[_Place, tuple[Hour, Row]],
    sessions: dict[str, SessionRow],
    *,
    is_gapless: bool,
) -> EventFate:
    place = (row["object_key"], row["position"])
    if place in settled:
        hour, row = settled[place]
        event, name = event_row(hour, row), row["session_id"]
        session = sessions.get(name)
        if session is not None:
            session = replace(session, events=[event])
        return EventFate("settled", f"It is in the session {name}.", str(hour), event, session)
    if place in late:
        hour, row = late[place]
        event = event_row(hour, row)
        why = (
            f"It came {event.late_by_s:,.0f} s behind {event.frontier}, up to which its machine "
            "was settled."
        )
        return EventFate("late", why, str(hour), event)
    event = event_row(hour, row)
    if place in pending:
        return EventFate("pending", "It waits until the watermark passes it.", str(hour), event)
    if not is_gapless:
        return EventFate("unknown", "An hour after it is not published.", str(hour), event)
    why = "An event of the same id, machine and time landed earlier, and counts."
    return EventFate("duplicate", why, str(hour), event)


def _sessions(search: Search, events: Sequence[Row]) -> dict[str, SessionRow]:
    """Return the sessions of some events' machines, by id."""
    machines = list(dict.fromkeys(row["machine_id"] for row in events))[:_MOST_MACHINES]
    sessions: dict[str, SessionRow] = {}
    for machine_id in machines:
        found, _ = _found(search, machine_id)
        rows = session_rows(found, search.catalog.config)
        sessions |= {row.session_id: row for row in rows}
    return sessions


def _refused(search: Search, event_id: str) -> list[EventFate]:
    """Return the refused records in which the id stands."""
    config = search.catalog.config
    files = [(hour, of_dataset("quarantine", hour, row)) for hour, row in search.hours]
    files = [it for it in files if it[1].rows]
    found = side_by_side(
        search.catalog.lake.storage,
        lambda it: records_with_text(search.reader, it[1], event_id, MOST_FATES, config),
        files,
    )
    return [
        EventFate("quarantined", f"{record.reason}: {record.detail}", str(hour), record=record)
        for (hour, _), records in zip(files, found, strict=True)
        for record in records
    ]


def _by_place(rows: Iterable[tuple[Hour, Row]]) -> dict[_Place, tuple[Hour, Row]]:
    return {(row["object_key"], row["position"]): (hour, row) for hour, row in rows}
