"""The state between two runs: as it leaves one, and as a lake gives it to the next."""

from __future__ import annotations

from sessionize.model.columns import EVENT_COLUMNS, SESSION_COLUMNS, EventColumn, SessionColumn
from sessionize.model.schemas import DESKTOP, Schemas
from sessionize.sessions.hour import sessionize
from sessionize.sessions.state import State

from .examples import MIDNIGHT, event, landed
from .rows import events_frame, kept


def test_an_empty_state_has_all_columns_and_no_rows():
    state = State.empty()
    for name, schema in DESKTOP.state.items():
        frame = getattr(state, name)
        assert (frame.columns.to_list(), len(frame)) == (schema.names, 0)


def test_an_empty_state_has_the_columns_that_a_pipeline_declares():
    pages = EventColumn("page", "")
    own_count = SessionColumn("own_count", "", "int64", "count")
    state = State.empty(Schemas((*EVENT_COLUMNS, pages), (*SESSION_COLUMNS, own_count)))
    assert state.pending.columns[-1] == "page"
    assert state.open_sessions.columns.to_list()[-2:] == ["own_count", "incomplete"]


def test_a_state_comes_back_from_the_tables_in_which_it_is_kept():
    events = [event("00:10"), event("00:50", machine_id="cc", user_id=None), event("01:05")]
    state = sessionize(State.empty(), events_frame(landed(events)), MIDNIGHT).state
    tables = kept(state)
    assert {name: len(table) for name, table in tables.items()} == {
        "open_sessions": 2,
        "closed_frontiers": 0,
        "pending": 1,
        "identities": 3,
    }
    assert kept(State.of_tables(tables)) == tables


def test_a_run_goes_on_from_either_alike():
    first = sessionize(State.empty(), events_frame(landed([event("00:50")])), MIDNIGHT)
    second = events_frame(landed([event("01:10")], MIDNIGHT.next))
    runs = [
        sessionize(state, second, MIDNIGHT.next)
        for state in (first.state, State.of_tables(kept(first.state)))
    ]
    assert kept(runs[0].state) == kept(runs[1].state)
    assert runs[0].open["event_count"].to_list() == [2]
