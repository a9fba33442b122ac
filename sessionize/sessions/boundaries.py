"""Where one session ends and the next begins (contract §3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sessionize.config import SessionRules

#: Why sessions end, by number; 0: they have not.
END_REASONS = (None, "timeout", "opening_event", "max_duration")
_TIMEOUT, _OPENING, _MAX_DURATION = 1, 2, 3


@dataclass(frozen=True)
class Boundaries:
    """Sessions as runs of rows, in the order of the rows.

    Attributes
    ----------
    first, last : int64 arrays, one item a session
        The rows at which it begins and ends, both inclusive.
    end_reason : int8 array, one item a session
        Why it ended, a number of `END_REASONS`; 0 for the last session of a machine, which has not.
    """

    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    end_reason: npt.NDArray[np.int8]


def find_boundaries(
    machine: npt.NDArray[np.int64],
    time: npt.NDArray[np.int64],
    begin: npt.NDArray[np.int64],
    is_opening: npt.NDArray[np.bool_],
    rules: SessionRules,
) -> Boundaries:
    """Cut rows sorted by (machine, time) into sessions.

    Parameters
    ----------
    machine, time : int64 arrays
        The machine's number, and the row's time in microseconds.
    begin : int64 array
        When the row's session begins, if the row is the first of a session: its own time, or for a
        row that stands for a carried session, that session's start.
    is_opening : bool array
        Whether the row's action is an opening one.
    rules : SessionRules
        ``timeout`` and ``max_duration`` are used.
    """
    rows = len(machine)
    if not rows:
        nothing = np.zeros(0, dtype=np.int64)
        return Boundaries(nothing, nothing, np.zeros(0, dtype=np.int8))
    new_machine = np.ones(rows, dtype=bool)
    new_machine[1:] = machine[1:] != machine[:-1]
    gap = np.zeros(rows, dtype=np.int64)
    gap[1:] = time[1:] - time[:-1]

    # The first rule that holds names the end of the session before: lowest precedence first.
    reason = np.zeros(rows, dtype=np.int8)
    reason[is_opening] = _OPENING
    reason[gap > rules.timeout.microseconds_total] = _TIMEOUT
    reason[new_machine] = 0
    if rules.max_duration is not None:
        limit = rules.max_duration.microseconds_total
        _split_long(time, begin, new_machine | (reason > 0), reason, limit)

    first = np.flatnonzero(new_machine | (reason > 0))
    last = np.append(first[1:], rows) - 1
    ends_machine = np.append(new_machine[first[1:]], True)
    following = reason[np.append(first[1:], 0)]
    following[ends_machine] = 0
    return Boundaries(first, last, following)


def _split_long(
    time: npt.NDArray[np.int64],
    begin: npt.NDArray[np.int64],
    starts: npt.NDArray[np.bool_],
    reason: npt.NDArray[np.int8],
    limit: int,
) -> None:
    """Mark in ``reason`` each event more than ``limit`` after its session's first event.

    Such an event begins a session of its own, from which the next is counted: only the sessions
    that are too long are gone through one after the other.
    """
    first = np.flatnonzero(starts)
    end = np.append(first[1:], len(time))
    too_long = time[end - 1] - begin[first] > limit
    for start, stop in zip(first[too_long].tolist(), end[too_long].tolist(), strict=True):
        since = int(begin[start])
        while time[stop - 1] - since > limit:
            cut = start + int(np.searchsorted(time[start:stop], since + limit, side="right"))
            # A carried session can itself be too long, under a limit that was set after it began.
            cut = max(cut, start + 1)
            if cut >= stop:
                break
            reason[cut] = _MAX_DURATION
            start, since = cut, int(time[cut])
