"""The heart: events and the state of the hour before in, sessions and the state after out.

A pure function of its arguments (contract §3): no clock, no storage, no randomness.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sessionize.config import SessionRules
from sessionize.kernels.gather import deal_rows
from sessionize.model.hours import Hour
from sessionize.model.schemas import ENCODED_EVENTS, SETTLED_EVENTS, STATE
from sessionize.sessions.ids import SESSION_NAMESPACE
from sessionize.sessions.settling import Candidates, Range, SettledRange, settle
from sessionize.sessions.shards import machine_hash
from sessionize.sessions.tables import Rows, as_schema

__all__ = ["SESSION_NAMESPACE", "SessionState", "SessionizedHour", "sessionize_hour"]

#: About how many events are settled at a time: what that takes stays in the processor's caches.
RANGE_ROWS = 1 << 18


@dataclass(frozen=True)
class SessionState:
    """What a run leaves to the next; every table stands in the order of machines.

    Texts may be dictionary-encoded (``schemas.encoded``).

    Attributes
    ----------
    open_sessions : Table
        ``schemas.SESSIONS``, one row a machine at most, ``end_reason`` null. The machine's frontier
        is ``ended_at``: an event *before* it is late.
    closed_frontiers : Table
        ``machine_id``, ``frontier`` of machines whose session the watermark has closed: an event
        *at or before* it is late.
    pending : Table
        ``schemas.EVENTS``: events at or after the watermark; a machine's stand in landed order.
    identities : Table
        ``machine_id``, ``event_id``, ``event_time`` of the events that a copy is known by.
    """

    open_sessions: pa.Table
    closed_frontiers: pa.Table
    pending: pa.Table
    identities: pa.Table

    @classmethod
    def empty(cls) -> SessionState:
        """Return the state before the pipeline's first hour."""
        return cls(**{name: schema.empty_table() for name, schema in STATE.items()})


@dataclass(frozen=True)
class SettledEvents:
    """Settled events, by machine, event time and landed order: gathered as they are asked for."""

    events: Rows
    ranges: list[SettledRange]

    def __len__(self) -> int:
        return sum(len(part.settled) for part in self.ranges)

    def table(self) -> pa.Table:
        """Return them as ``schemas.SETTLED_EVENTS``."""
        return pa.concat_tables([SETTLED_EVENTS.empty_table(), *self.tables(len(self) or 1)])

    def tables(self, rows: int) -> Iterator[pa.Table]:
        """Yield them in pieces of so many rows; the last may have fewer."""
        piece: list[tuple[SettledRange, slice]] = []
        room = rows
        for part in self.ranges:
            begin, size = 0, len(part.settled)
            while begin < size:
                end = min(size, begin + room)
                piece.append((part, slice(begin, end)))
                begin, room = end, room - (end - begin)
                if not room:
                    yield self._table(piece)
                    piece, room = [], rows
        if piece:
            yield self._table(piece)

    def _table(self, piece: list[tuple[SettledRange, slice]]) -> pa.Table:
        own = {
            "machine_id": _joined([(part.machine_id, rows) for part, rows in piece]),
            "session_id": _joined([(part.session_id, rows) for part, rows in piece]),
        }
        names = [name for name in SETTLED_EVENTS.names if name not in own]
        gathered = self.events.take(
            np.concatenate([part.settled[rows] for part, rows in piece]),
            pa.schema([SETTLED_EVENTS.field(name) for name in names]),
        )
        columns = dict(zip(names, gathered.columns, strict=True)) | own
        return pa.table([columns[name] for name in SETTLED_EVENTS.names], schema=SETTLED_EVENTS)


def _joined(parts: list[tuple[pa.DictionaryArray, slice]]) -> pa.DictionaryArray:
    """Lay slices of encoded arrays end to end.

    Codes rise along each, and no two have a text in common: no texts need to be compared.
    """
    codes, dictionaries, known = [], [], 0
    for encoded, rows in parts:
        of_rows = encoded.indices[rows].to_numpy()
        first, last = int(of_rows[0]), int(of_rows[-1])
        codes.append(of_rows - (first - known))
        dictionaries.append(encoded.dictionary[first : last + 1])
        known += last - first + 1
    return pa.DictionaryArray.from_arrays(
        np.concatenate(codes).astype(np.int32), pa.concat_arrays(dictionaries), safe=False
    )


@dataclass(frozen=True)
class SessionizedHour:
    """What a run makes of its events.

    Attributes
    ----------
    settled : SettledEvents
    closed : Table
        ``schemas.SESSIONS``: the sessions closed in this run, by machine and start.
    late : Table
        ``schemas.LATE_EVENTS``, by machine, event time and landed order.
    duplicates : int
        Events left out because an earlier one in landed order has their identity.
    state : SessionState
        The state after the run.
    """

    settled: SettledEvents
    closed: pa.Table
    late: pa.Table
    duplicates: int
    state: SessionState


def sessionize_hour(
    state: SessionState,
    events: pa.Table,
    hour: Hour,
    rules: SessionRules,
    *,
    threads: int = 1,
    range_rows: int = RANGE_ROWS,
) -> SessionizedHour:
    """Settle the events of one run (contract §3).

    Machines have nothing to do with each other: they are settled range by range of their hash,
    which is their order, and the results are laid end to end.

    Parameters
    ----------
    state : SessionState
        The state that the run of the hour before has left.
    events : Table
        ``schemas.EVENTS``, perhaps encoded: the valid events that landed in this run, in landed
        order.
    hour : Hour
        The run's hour; the watermark is its end minus ``max_out_of_orderness``.
    rules : SessionRules
        When sessions end, and how long events are waited for.
    threads, range_rows : int
        How many ranges to settle at once, of about how many events; the result is the same.

    Raises
    ------
    ValueError
        If the state does not stand in the order of machines.
    OverflowError
        If the sessions of one machine have 2 GiB of text, or more.
    """
    watermark = _microseconds_of(hour) - rules.max_out_of_orderness.microseconds_total
    # Pending events landed in earlier runs: they stand first.
    candidates = Candidates.of(
        as_schema(state.pending, ENCODED_EVENTS),
        as_schema(events, ENCODED_EVENTS),
        state.identities,
    )
    bits = max(0, -(-len(candidates.events) // range_rows) - 1).bit_length()
    with ThreadPoolExecutor(threads) as pool:
        ranges = _ranges(state, candidates, bits, pool)
        try:
            settled = list(
                pool.map(lambda part: settle(candidates, part, watermark, rules), ranges)
            )
        except OverflowError:
            if range_rows == 1:
                raise
            # More text than an array can hold: try it with fewer machines at a time.
            range_rows = max(1, range_rows // 64)
            return sessionize_hour(
                state, events, hour, rules, threads=threads, range_rows=range_rows
            )

    def laid(name: str) -> pa.Table:
        return pa.concat_tables([getattr(part, name) for part in settled])

    return SessionizedHour(
        settled=SettledEvents(candidates.events, settled),
        closed=laid("closed"),
        late=laid("late"),
        duplicates=sum(part.duplicates for part in settled),
        state=SessionState(**{name: laid(name) for name in STATE}),
    )


def _ranges(
    state: SessionState, candidates: Candidates, bits: int, pool: ThreadPoolExecutor
) -> list[Range]:
    """Divide the machines by the highest bits of their hash."""
    events = candidates.events
    known = candidates.event_ids.places()[: len(state.identities)]
    if bits == 0:
        return [
            Range(
                state.open_sessions,
                state.closed_frontiers,
                state.identities,
                known,
                events.places(),
            )
        ]

    def hashes_of(machine_ids: pa.Array) -> npt.NDArray[np.uint64]:
        return machine_hash(machine_ids.cast(pa.string()))

    count = 1 << bits
    low = np.arange(count, dtype=np.uint64) << np.uint64(64 - bits)

    def cut(table: pa.Table) -> list[slice]:
        """Divide a table of the state, which stands in the order of hashes."""
        chunks = table.column("machine_id").chunks
        hashed = np.concatenate([np.zeros(0, np.uint64), *map(hashes_of, chunks)])
        if (hashed[1:] < hashed[:-1]).any():
            raise ValueError("the state does not stand in the order of machines")
        begins = np.searchsorted(hashed, low).tolist()
        return [slice(*pair) for pair in itertools.pairwise([*begins, len(table)])]

    hashes = list(pool.map(lambda chunk: hashes_of(chunk["machine_id"]), events.chunks))
    sizes = np.zeros(count, np.int64)
    for of_chunk in hashes:
        high = (of_chunk >> np.uint64(64 - bits)).astype(np.int64)
        sizes += np.bincount(high, minlength=count)
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    places, ends = np.empty(bounds[-1], np.int64), bounds[:-1].copy()
    for number, of_chunk in enumerate(hashes):
        deal_rows(of_chunk, bits, number, ends, places)
    return [
        Range(
            _sliced(state.open_sessions, open_sessions),
            _sliced(state.closed_frontiers, closed_frontiers),
            _sliced(state.identities, identities),
            known[identities],
            places[bounds[number] : bounds[number + 1]],
        )
        for number, (open_sessions, closed_frontiers, identities) in enumerate(
            zip(
                cut(state.open_sessions),
                cut(state.closed_frontiers),
                cut(state.identities),
                strict=True,
            )
        )
    ]


def _sliced(table: pa.Table, rows: slice) -> pa.Table:
    return table.slice(rows.start, rows.stop - rows.start)


def _microseconds_of(hour: Hour) -> int:
    return int(hour.end.timestamp()) * 1_000_000
