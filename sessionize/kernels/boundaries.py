"""Where sessions begin and end (contract §3): one walk over events in session order."""

# mypy: disable-error-code="no-untyped-def,assignment"

from __future__ import annotations

import numpy as np

from sessionize.kernels.options import kernel

#: Why a session ends: a place in `sessions.boundaries.END_REASONS`, or that it has not.
GOES_ON, TIMEOUT, OPENING_EVENT, MAX_DURATION, CLOSING_EVENT = -1, 0, 1, 2, 3

#: The `max_duration` of rules that set none.
NO_LIMIT = -1


@kernel
def find_sessions(
    machine, time, is_opening, is_closing, open_session, started_at, ended_at, timeout, max_duration
):
    """Tell which session each event belongs to, and why sessions end.

    Sessions are numbered: first those open before, as they stand, then those that begin, in order.

    Parameters
    ----------
    machine, time, is_opening, is_closing : int64, int64 and bool arrays, one item an event
        Events by machine, time and landed order.
    open_session : int64 array, one item a machine
        The number of its open session, or -1.
    started_at, ended_at : int64 arrays, one item an open session
    timeout, max_duration : int
        In the unit of the times; ``max_duration`` may be `NO_LIMIT`.

    Returns
    -------
    session : int64 array, one item an event
    end_reason : int8 array, one item a session
        `GOES_ON` for the last of each machine, unless a closing event has ended it.
    begins : int64 array, one item a session that begins
        The event that it begins with.
    """
    opened = len(started_at)
    session = np.empty(len(time), np.int64)
    begins = np.empty(len(time), np.int64)
    end_reason = np.full(opened + len(time), GOES_ON, np.int8)
    begun = 0
    current = np.int64(-1)
    start = last = np.int64(0)
    for i in range(len(time)):
        if i == 0 or machine[i] != machine[i - 1]:
            current = open_session[machine[i]]
            if current >= 0:
                start, last = started_at[current], ended_at[current]
        reason = GOES_ON
        if current >= 0:
            if time[i] - last > timeout:
                reason = TIMEOUT
            elif is_opening[i]:
                reason = OPENING_EVENT
            elif max_duration != NO_LIMIT and time[i] - start > max_duration:
                reason = MAX_DURATION
            end_reason[current] = reason
        if current < 0 or reason != GOES_ON:
            current, start = opened + begun, time[i]
            begins[begun] = i
            begun += 1
        session[i] = current
        last = time[i]
        if is_closing[i]:
            end_reason[current] = CLOSING_EVENT
            current = -1
    return session, end_reason[: opened + begun], begins[:begun]
