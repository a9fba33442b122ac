"""Sessions as hours close them: of each machine in the order of their starts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from sessionize.model.schemas import DESKTOP

START = datetime(2017, 2, 4, tzinfo=UTC)
#: Ids of which one begins with another, and one that UTF-16 would put elsewhere.
MACHINES = ["a", "ab", "b", "ﬀ", "😀"]
BUILDS = ["10.3.5.34", "10.3.6.1", "9.12.1.1", None]

Row = dict[str, Any]


@st.composite
def closed_sessions(draw: st.DrawFn) -> list[Row]:
    """Draw sessions in the order in which they were closed."""
    clocks = dict.fromkeys(MACHINES, START)
    rows = []
    for number in range(draw(st.integers(0, 20))):
        machine = draw(st.sampled_from(MACHINES))
        # Zero-length sessions at one instant are possible: opening events.
        started = clocks[machine] + timedelta(seconds=draw(st.sampled_from([0, 1, 3600])))
        ended = started + timedelta(microseconds=draw(st.sampled_from([0, 1, 2_500_000])))
        clocks[machine] = ended
        rows.append(session(f"s{number}", machine, started, ended, draw))
    return rows


def session(
    name: str, machine: str, started: datetime, ended: datetime, draw: st.DrawFn | None = None
) -> Row:
    """Return a session's row; with ``draw``, its user, product and build are drawn."""

    def drawn(values: list[Any]) -> Any:
        return draw(st.sampled_from(values)) if draw else values[0]

    return dict.fromkeys(DESKTOP.sessions.names) | {
        "session_id": name,
        "machine_id": machine,
        "user_id": drawn(["u", "v", None]),
        "started_at": started,
        "ended_at": ended,
        "duration_s": (ended - started).total_seconds(),
        "event_count": drawn([2, 1, 7]),
        "product": drawn(["pro", "reader", None]),
        "build_id": drawn(BUILDS),
    }
